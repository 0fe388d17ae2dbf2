#include "yolo/detect/tiny_detector.h"

#include <utility>
#include <vector>

#include "roost/base/text.h"
#include "yolo/model/forged_checkpoint.h"

namespace roost::test {
namespace {

using namespace pickled;  // NOLINT: the words of a small language

constexpr std::int32_t kCell = 32;

using Storages = std::vector<std::pair<std::string, std::string>>;

/// A float tensor with a storage of its own.
std::string Floats(Storages& storages, const std::vector<float>& values, std::vector<std::int32_t> shape) {
  std::string bytes;
  for (const float value : values) bytes += Bytes(value);
  const std::string key = std::to_string(storages.size());
  storages.emplace_back(key, bytes);
  std::vector<std::int32_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size() - 1; i > 0; --i) strides[i - 1] = strides[i] * shape[i];
  return TensorOn(Storage("FloatStorage", key, static_cast<std::int32_t>(values.size())), shape, strides);
}

std::string Square(std::int32_t side) { return Tuple({Int(side), Int(side)}); }

std::string Convolution(std::int32_t kernel, const std::string& weight, const std::string& bias) {
  return NnModule("torch.nn.modules.conv", "Conv2d",
                  {.parameters = {{"weight", weight}, {"bias", bias}},
                   .attributes = {{"kernel_size", Square(kernel)},
                                  {"stride", Square(kernel)},
                                  {"padding", Square(0)},
                                  {"dilation", Square(1)},
                                  {"groups", Int(1)},
                                  {"padding_mode", Text("zeros")},
                                  {"f", Int(-1)},
                                  {"i", Int(0)}}});
}

/// Mean red, green and blue of each cell.
std::string Averages(Storages& storages) {
  constexpr std::size_t kPixels = kCell * kCell;
  std::vector<float> weight(3 * 3 * kPixels, 0.0F);
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (std::size_t i = 0; i < kPixels; ++i) weight[(channel * 3 + channel) * kPixels + i] = 1.0F / kPixels;
  }
  return Convolution(kCell, Floats(storages, weight, {3, 3, kCell, kCell}), Floats(storages, {0, 0, 0}, {3}));
}

/// x, y, w, h at rest, objectness, red, blue: from the three averages.
std::string Head(Storages& storages) {
  const std::string weight = Floats(storages,
                                    {
                                        0,   0,   0,    //
                                        0,   0,   0,    //
                                        0,   0,   0,    //
                                        0,   0,   0,    //
                                        40,  -80, 40,   //
                                        20,  0,   -20,  //
                                        -20, 0,   20,
                                    },
                                    {7, 3, 1, 1});
  const std::string convolution = Convolution(1, weight, Floats(storages, {0, 0, 0, 0, -20, 0, 0}, {7}));
  return NnModule("models.yolo", "Detect",
                  {.modules = {{"m", NnModule("torch.nn.modules.container", "ModuleList",
                                              {.modules = {{"0", convolution}}})}},
                   .buffers = {{"anchors", Floats(storages, {1, 1}, {1, 1, 2})}},  // in units of the stride
                   .attributes = {{"nc", Int(2)},
                                  {"no", Int(7)},
                                  {"nl", Int(1)},
                                  {"na", Int(1)},
                                  {"stride", Floats(storages, {kCell}, {1})},
                                  {"f", List({Int(-1)})},
                                  {"i", Int(1)}}});
}

}  // namespace

std::string TinyDetector() {
  Storages storages;
  const std::string averages = Averages(storages);
  const std::string head = Head(storages);
  const std::string model =
      NnModule("models.yolo", "DetectionModel",
               {.modules = {{"model", NnModule("torch.nn.modules.container", "Sequential",
                                               {.modules = {{"0", averages}, {"1", head}}})}},
                .attributes = {{"names", List({Text("red"), Text("blue")})},
                               {"stride", Floats(storages, {kCell}, {1})}}});
  return ZipCheckpoint(Dict({{"model", model}}), storages);
}

std::string CellPicture(const std::string& cells, const std::string& suffix) {
  const std::vector<std::string> rows = Split(cells, '/');
  yolo::Image image({static_cast<std::int64_t>(rows.size()) * kCell,
                     static_cast<std::int64_t>(rows.front().size()) * kCell},
                    kBlack);
  const auto width = static_cast<std::size_t>(image.size().width);
  for (std::size_t i = 0; i < image.pixels().size(); ++i) {
    const std::size_t pixel = i / 3;
    const char cell = rows[pixel / width / kCell][pixel % width / kCell];
    const yolo::Color& color = cell == 'r' ? kRed : cell == 'b' ? kBlue : kBlack;
    image.pixels()[i] = color[i % 3];
  }
  return yolo::EncodeImage(image, suffix).value();
}

}  // namespace roost::test

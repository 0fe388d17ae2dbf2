#include "fuzz/seeds.h"

#include <utility>

#include "yolo/model/forged_checkpoint.h"

namespace roost::fuzz {
namespace {

using namespace test::pickled;  // NOLINT: the words of a small language
using test::Zip;
using Named = std::vector<std::pair<std::string, std::string>>;

/// A network of a few channels that uses several blocks, as pickled modules, and the storages it needs.
class TinyNetwork {
 public:
  std::string Checkpoint() {
    const Named layers = {{"0", At(0, "-1", Focus(4))},        {"1", At(1, "-1", Conv(4, 8, 3, 2))},
                          {"2", At(2, "-1", C3(8))},           {"3", At(3, "-1", Sppf(8))},
                          {"4", At(4, "-1", Upsample())},      {"5", At(5, "-1 0", Concat())},
                          {"6", At(6, "2 5", Detect({8, 12}))}};
    const std::string model = Module("models.yolo", "DetectionModel", {{"model", Sequential(layers)}}, {},
                                     {{"names", test::pickled::List({Text("a"), Text("b")})},
                                      {"stride", Tensor({2})},
                                      {"yaml", Dict({{"nc", Int(2)}, {"depth_multiple", Double(0.33)}})}});
    return Dict({{"epoch", Int(-1)}, {"model", model}, {"ema", None()}, {"date", Text("2023-01-01")}});
  }
  const Named& storages() const { return storages_; }

 private:
  struct Layer {
    std::string module, name;
    Parts parts;
  };

  static std::string At(int index, const std::string& from, Layer layer) {
    std::string f = Int(-1);
    if (from == "-1 0") f = test::pickled::List({Int(-1), Int(0)});
    if (from == "2 5") f = test::pickled::List({Int(2), Int(5)});
    layer.parts.attributes.insert(layer.parts.attributes.end(),
                                  {{"f", f}, {"i", Int(index)}, {"type", Text(layer.name)}});
    return NnModule(layer.module, layer.name, layer.parts);
  }
  static std::string Module(const std::string& module, const std::string& name, Named children,
                            Named parameters = {}, Named attributes = {}) {
    return NnModule(module, name,
                    {.modules = std::move(children),
                     .parameters = std::move(parameters),
                     .attributes = std::move(attributes)});
  }
  static std::string Sequential(Named children) {
    return Module("torch.nn.modules.container", "Sequential", std::move(children));
  }

  /// Filled with 16s.
  std::string Tensor(const std::vector<std::int32_t>& shape) {
    std::int32_t numel = 1;
    for (const std::int32_t size : shape) numel *= size;
    const std::string key = std::to_string(storages_.size());
    std::string bytes;
    for (std::int32_t i = 0; i < numel; ++i) bytes += test::Bytes(16.0F);
    storages_.emplace_back(key, bytes);
    std::vector<std::int32_t> strides(shape.size(), 1);
    for (std::size_t i = shape.size() - 1; i > 0; --i) strides[i - 1] = strides[i] * shape[i];
    return TensorOn(Storage("FloatStorage", key, numel), shape, strides);
  }
  static std::string Square(std::int32_t side) { return Tuple({Int(side), Int(side)}); }

  std::string Conv2d(std::int32_t in, std::int32_t out, std::int32_t kernel, std::int32_t stride) {
    return Module("torch.nn.modules.conv", "Conv2d", {},
                  {{"weight", Tensor({out, in, kernel, kernel})}, {"bias", None()}},
                  {{"kernel_size", Square(kernel)},
                   {"stride", Square(stride)},
                   {"padding", Square(kernel / 2)},
                   {"dilation", Square(1)},
                   {"groups", Int(1)},
                   {"padding_mode", Text("zeros")}});
  }
  std::string BatchNorm(std::int32_t channels) {
    return NnModule("torch.nn.modules.batchnorm", "BatchNorm2d",
                    {.parameters = {{"weight", Tensor({channels})}, {"bias", Tensor({channels})}},
                     .buffers = {{"running_mean", Tensor({channels})}, {"running_var", Tensor({channels})}},
                     .attributes = {{"eps", Double(1e-3)}, {"momentum", Double(0.03)}}});
  }
  Layer Conv(std::int32_t in, std::int32_t out, std::int32_t kernel, std::int32_t stride) {
    return {"models.common",
            "Conv",
            {.modules = {{"conv", Conv2d(in, out, kernel, stride)},
                         {"bn", BatchNorm(out)},
                         {"act", Module("torch.nn.modules.activation", "SiLU", {})}}}};
  }
  static std::string Plain(const Layer& layer) { return NnModule(layer.module, layer.name, layer.parts); }

  Layer Focus(std::int32_t out) {
    return {"models.common", "Focus", {.modules = {{"conv", Plain(Conv(12, out, 1, 1))}}}};
  }
  Layer C3(std::int32_t channels) {
    const std::string bottleneck = Module(
        "models.common", "Bottleneck", {{"cv1", Plain(Conv(4, 4, 1, 1))}, {"cv2", Plain(Conv(4, 4, 3, 1))}},
        {}, {{"add", Bool(true)}});
    return {"models.common",
            "C3",
            {.modules = {{"cv1", Plain(Conv(channels, 4, 1, 1))},
                         {"cv2", Plain(Conv(channels, 4, 1, 1))},
                         {"cv3", Plain(Conv(8, channels, 1, 1))},
                         {"m", Sequential({{"0", bottleneck}})}}}};
  }
  Layer Sppf(std::int32_t channels) {
    const std::string pool = Module("torch.nn.modules.pooling", "MaxPool2d", {}, {},
                                    {{"kernel_size", Int(5)},
                                     {"stride", Int(1)},
                                     {"padding", Int(2)},
                                     {"dilation", Int(1)},
                                     {"ceil_mode", Bool(false)}});
    return {"models.common",
            "SPPF",
            {.modules = {{"cv1", Plain(Conv(channels, 4, 1, 1))},
                         {"cv2", Plain(Conv(16, channels, 1, 1))},
                         {"m", pool}}}};
  }
  static Layer Upsample() {
    return {"torch.nn.modules.upsampling",
            "Upsample",
            {.attributes = {{"size", None()}, {"scale_factor", Double(2)}, {"mode", Text("nearest")}}}};
  }
  static Layer Concat() { return {"models.common", "Concat", {.attributes = {{"d", Int(1)}}}}; }
  Layer Detect(const std::vector<std::int32_t>& channels) {
    Named heads;
    for (const std::int32_t in : channels)
      heads.emplace_back(std::to_string(heads.size()), Conv2d(in, 7, 1, 1));
    const auto levels = static_cast<std::int32_t>(channels.size());
    return {"models.yolo",
            "Detect",
            {.modules = {{"m", Module("torch.nn.modules.container", "ModuleList", heads)}},
             .buffers = {{"anchors", Tensor({levels, 1, 2})}},
             .attributes = {{"nc", Int(2)},
                            {"no", Int(7)},
                            {"nl", Int(levels)},
                            {"na", Int(1)},
                            {"stride", Tensor({levels})}}}};
  }

  Named storages_;
};

/// Opcodes that torch does not write today, but that older and newer picklers do.
std::string OddOpcodes() {
  using namespace std::string_literals;  // NOLINT
  const std::string protocol0 = "(dp0\nS'a'\np1\nI12\nsVb\\u00e9\nF1.5\nsg1\n(lp2\nI01\naL5L\nas."s;
  return protocol0;
}
std::string NewOpcodes() {
  using namespace std::string_literals;  // NOLINT
  return "\x80\x05\x95\x00\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01"s + "a\x94\x8a\x02\xff\x7f\x8c\x01" +
         "b\x8f\x94(K\x01M\x02\x03\x90" + "\x8c\x01" + "cC\x02xy\x8c\x01" + "d\x8c\x07" +
         "pathlib\x94\x8c\x09" + "PosixPath\x94\x93\x8c\x01x\x85R\x8c\x01" + "e(K\x01\x91u.";
}

}  // namespace

std::vector<Seed> PickleSeeds() {
  TinyNetwork network;
  const std::string shared = Remembered(test::pickled::List({Int(1), Double(2), Text("three")}), 1);
  const std::string ordered =
      Call(Symbol("collections", "OrderedDict"), {test::pickled::List({Tuple({Text("a"), Int(1)})})});
  const std::string parameter =
      Call(Symbol("torch._utils", "_rebuild_parameter"),
           {TensorOn(Storage("HalfStorage", "7", 6), {2, 3}, {3, 1}), Bool(true), ordered});
  return {{"values", Pickle(Tuple({None(), Bool(true), shared, Recalled(1), ordered}))},
          {"tensor", Pickle(Dict({{"weight", parameter}}))},
          {"object", Pickle(Object("models.common", "Conv", Dict({{"training", Bool(false)}})))},
          {"protocol0", OddOpcodes()},
          {"protocol5", NewOpcodes()},
          {"network", Pickle(network.Checkpoint())}};
}

std::vector<Seed> ZipSeeds() {
  return {
      {"stored", Zip({{.name = "a", .content = "abc"}})},
      {"deflated", Zip({{.name = "a", .content = std::string(100, 'x'), .deflate = true}})},
      {"torch", Zip({{.name = "best/data.pkl", .content = Pickle(None()), .like_torch = true},
                     {.name = "best/data/0", .content = "12345678", .like_torch = true}})},
      {"zip64", Zip({{.name = "a", .content = "abc"}, {.name = "b", .content = "", .deflate = true}}, true)},
      {"empty", Zip({})}};
}

std::vector<Seed> CheckpointSeeds() {
  TinyNetwork network;
  const std::string value = network.Checkpoint();
  std::vector<test::LegacyStorage> storages;
  for (const auto& [key, bytes] : network.storages()) {
    storages.push_back({key, static_cast<std::int64_t>(bytes.size() / sizeof(float)), bytes});
  }
  return {{"pickle", Pickle(value)},
          {"legacy", test::LegacyCheckpoint(value, storages)},
          {"zip", test::ZipCheckpoint(value, network.storages())},
          {"deflated", test::ZipCheckpoint(value, network.storages(), true)}};
}

}  // namespace roost::fuzz

#include "yolo/detect/masks.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <span>

#include "roost/base/error.h"
#include "roost/yolo/image.h"

namespace roost::yolo {
namespace {

/// a * b + c, rounded once: how torch multiplies matrices and enlarges on any processor of the last decade.
/// The product of two floats is exact in double; std::fma would be a call into the C library.
float MultiplyAdd(float a, float b, float c) {
  return static_cast<float>(static_cast<double>(a) * static_cast<double>(b) + static_cast<double>(c));
}

/// From `begin` up to, not including, `end`.
struct Range {
  std::int64_t begin = 0, end = 0;
  std::int64_t size() const { return end - begin; }
};

/// The whole numbers i with low <= i < high, inside 0..limit.
Range WholeNumbers(float low, float high, std::int64_t limit) {
  const auto bound = [&](float value) {
    return static_cast<std::int64_t>(std::clamp(std::ceil(value), 0.0F, static_cast<float>(limit)));
  };
  const std::int64_t begin = bound(low);
  return {begin, std::max(begin, bound(high))};
}

/// How one pixel of an enlarged row (or column) is made of two of the small one.
struct Blend {
  std::int64_t first = 0, second = 0;
  float first_weight = 1, second_weight = 0;
};

/// Bilinear enlargement along one axis as torch does it: align_corners=False, float32.
std::vector<Blend> BlendsFor(std::int64_t small, std::int64_t large) {
  const float scale = static_cast<float>(small) / static_cast<float>(large);
  std::vector<Blend> blends;
  blends.reserve(static_cast<std::size_t>(large));
  for (std::int64_t i = 0; i < large; ++i) {
    const float position = std::max(scale * (static_cast<float>(i) + 0.5F) - 0.5F, 0.0F);
    const std::int64_t first = std::min(static_cast<std::int64_t>(position), small - 1);
    const float second_weight = std::clamp(position - static_cast<float>(first), 0.0F, 1.0F);
    blends.push_back({.first = first,
                      .second = std::min(first + 1, small - 1),
                      .first_weight = 1.0F - second_weight,
                      .second_weight = second_weight});
  }
  return blends;
}

/// The pixels of the enlarged axis that anything of `part` goes into.
Range Reach(const std::vector<Blend>& blends, Range part) {
  const auto begin = std::partition_point(blends.begin(), blends.end(),
                                          [&](const Blend& blend) { return blend.second < part.begin; });
  const auto end =
      std::partition_point(begin, blends.end(), [&](const Blend& blend) { return blend.first < part.end; });
  return {begin - blends.begin(), end - blends.begin()};
}

/// The reference multiplies everything behind the objectness with it: the scores, and the mask coefficients
/// as well.
std::vector<float> Coefficients(std::span<const float> row, std::int64_t count) {
  const auto last = row.last(static_cast<std::size_t>(count));
  std::vector<float> coefficients(last.begin(), last.end());
  for (float& coefficient : coefficients) coefficient *= row[4];
  return coefficients;
}

/// The mask at the size of the prototypes, 0..1, of the part that the box leaves.
struct SmallMask {
  Range rows, columns;
  std::vector<float> values;

  float At(std::int64_t row, std::int64_t column) const {
    if (row < rows.begin || row >= rows.end || column < columns.begin || column >= columns.end) return 0;
    return values[static_cast<std::size_t>((row - rows.begin) * columns.size() + column - columns.begin)];
  }
};

SmallMask Compose(std::span<const float> coefficients, const Prototypes& shape,
                  std::span<const float> prototypes, const Box& box, Size network) {
  const auto x_scale =
      static_cast<float>(static_cast<double>(shape.width) / static_cast<double>(network.width));
  const auto y_scale =
      static_cast<float>(static_cast<double>(shape.height) / static_cast<double>(network.height));
  SmallMask mask{.rows = WholeNumbers(box.y1 * y_scale, box.y2 * y_scale, shape.height),
                 .columns = WholeNumbers(box.x1 * x_scale, box.x2 * x_scale, shape.width),
                 .values = {}};
  const auto width = static_cast<std::size_t>(mask.columns.size());
  mask.values.resize(static_cast<std::size_t>(mask.rows.size()) * width);
  const auto plane_size = static_cast<std::size_t>(shape.height * shape.width);
  for (std::size_t channel = 0; channel < coefficients.size(); ++channel) {
    const float coefficient = coefficients[channel];
    float* sums = mask.values.data();
    for (std::int64_t row = mask.rows.begin; row < mask.rows.end; ++row, sums += width) {
      const float* plane = prototypes.data() + channel * plane_size + row * shape.width + mask.columns.begin;
      for (std::size_t i = 0; i < width; ++i) sums[i] = MultiplyAdd(coefficient, plane[i], sums[i]);
    }
  }
  for (float& value : mask.values) value = 1.0F / (1.0F + std::exp(-value));
  return mask;
}

/// Enlarges and decides.
Mask Enlarge(const SmallMask& small, const std::vector<Blend>& vertical,
             const std::vector<Blend>& horizontal) {
  const Range rows = Reach(vertical, small.rows);
  const Range columns = Reach(horizontal, small.columns);
  Mask mask{.input = {std::ssize(vertical), std::ssize(horizontal)},
            .top = rows.begin,
            .left = columns.begin,
            .size = {rows.size(), columns.size()},
            .pixels = {}};
  mask.pixels.reserve(static_cast<std::size_t>(rows.size() * columns.size()));
  for (std::int64_t row = rows.begin; row < rows.end; ++row) {
    const Blend& y = vertical[static_cast<std::size_t>(row)];
    for (std::int64_t column = columns.begin; column < columns.end; ++column) {
      const Blend& x = horizontal[static_cast<std::size_t>(column)];
      const auto across = [&](std::int64_t at) {
        return MultiplyAdd(x.first_weight, small.At(at, x.first), x.second_weight * small.At(at, x.second));
      };
      const float value = MultiplyAdd(y.first_weight, across(y.first), y.second_weight * across(y.second));
      mask.pixels.push_back(value > 0.5F ? 1 : 0);
    }
  }
  return mask;
}

/// From pixels of the padded network input to fractions of the picture (utils/general.py scale_segments),
/// float32 as numpy has it.
class ToFractions {
 public:
  ToFractions(Size network, Size picture)
      : width_(static_cast<float>(picture.width)), height_(static_cast<float>(picture.height)) {
    const auto width = static_cast<double>(picture.width);
    const auto height = static_cast<double>(picture.height);
    const double gain =
        std::min(static_cast<double>(network.height) / height, static_cast<double>(network.width) / width);
    gain_ = static_cast<float>(gain);
    left_ = static_cast<float>((static_cast<double>(network.width) - width * gain) / 2);
    top_ = static_cast<float>((static_cast<double>(network.height) - height * gain) / 2);
  }

  Point operator()(Point point) const {
    return {std::clamp((point.x - left_) / gain_, 0.0F, width_) / width_,
            std::clamp((point.y - top_) / gain_, 0.0F, height_) / height_};
  }

 private:
  float width_, height_, gain_, left_, top_;
};

/// As Python's '%g' does.
void AppendNumber(std::string& line, double value) {
  char text[32];
  std::snprintf(text, sizeof text, " %g", value);
  line += text;
}

}  // namespace

std::vector<Mask> MakeMasks(const Predictions& predictions, std::int64_t picture,
                            const std::vector<Detection>& detections, Size network) {
  const Prototypes& prototypes = predictions.prototypes;
  ROOST_CHECK(prototypes.channels > 0 && prototypes.channels < predictions.columns,
              "masks of a network that makes none");
  const std::span<const float> rows = predictions.of(picture);
  const std::vector<Blend> vertical = BlendsFor(prototypes.height, network.height);
  const std::vector<Blend> horizontal = BlendsFor(prototypes.width, network.width);
  std::vector<Mask> masks;
  masks.reserve(detections.size());
  for (const Detection& detection : detections) {
    const auto row = rows.subspan(static_cast<std::size_t>(detection.row * predictions.columns),
                                  static_cast<std::size_t>(predictions.columns));
    const SmallMask small = Compose(Coefficients(row, prototypes.channels), prototypes,
                                    prototypes.of(picture), detection.box, network);
    masks.push_back(Enlarge(small, vertical, horizontal));
  }
  return masks;
}

std::string SegmentLines(const std::vector<Detection>& detections, const std::vector<Mask>& masks,
                         Size network, Size picture, bool with_confidence) {
  ROOST_CHECK(detections.size() == masks.size(), "a mask for each detection");
  const ToFractions to_fractions(network, picture);
  std::string lines;
  for (std::size_t i = detections.size(); i-- > 0;) {
    lines += std::to_string(detections[i].class_id);
    for (const Point& corner : LargestContour(masks[i])) {
      const Point point = to_fractions(corner);
      AppendNumber(lines, point.x);
      AppendNumber(lines, point.y);
    }
    if (with_confidence) AppendNumber(lines, detections[i].confidence);
    lines += '\n';
  }
  return lines;
}

}  // namespace roost::yolo

#include "yolo/engine/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace roost::yolo {
namespace {

// The views of _forward_augment.
struct View {
  double scale = 1;
  bool mirrored = false;
};
constexpr std::array kViews = {View{1, false}, View{0.83, true}, View{0.67, false}};

constexpr float kPadding = 0.447F;  // scale_img: the mean of ImageNet

/// Where an output pixel lies between two input pixels of a line.
struct Sample {
  std::size_t low = 0, high = 0;
  float low_weight = 1, high_weight = 0;
};

/// The taps of torch's bilinear interpolation with align_corners=False (area_pixel_compute_source_index): the
/// scale is a float, the position a double, the weights are floats. Those of a mirrored line are counted from
/// its end.
std::vector<Sample> Taps(std::int64_t from, std::int64_t to, bool mirrored) {
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  std::vector<Sample> taps;
  for (std::int64_t i = 0; i < to; ++i) {
    const double position = std::max(0.0, scale * (static_cast<double>(i) + 0.5) - 0.5);
    const std::int64_t low = std::min(static_cast<std::int64_t>(position), from - 1);
    const std::int64_t high = std::min(low + 1, from - 1);
    const auto weight = static_cast<float>(position - static_cast<double>(low));
    const auto index = [&](std::int64_t at) {
      return static_cast<std::size_t>(mirrored ? from - 1 - at : at);
    };
    taps.push_back({index(low), index(high), 1.0F - weight, weight});
  }
  return taps;
}

/// Python's math.ceil(side * ratio / stride) * stride.
std::int64_t Padded(std::int64_t side, double ratio, std::int64_t stride) {
  const double cells = std::ceil(static_cast<double>(side) * ratio / static_cast<double>(stride));
  return static_cast<std::int64_t>(cells) * stride;
}

class AugmentedEngine final : public Engine {
 public:
  AugmentedEngine(std::shared_ptr<const Engine> engine, DetectionLevels levels)
      : engine_(std::move(engine)), levels_(levels) {}

  Predictions Run(const ImageBatch& batch) const override {
    std::array<Predictions, kViews.size()> parts;
    for (std::size_t i = 0; i < kViews.size(); ++i) {
      const auto [scale, mirrored] = kViews[i];
      parts[i] = scale == 1 ? engine_->Run(batch)
                            : engine_->Run(ScaleBatch(batch, scale, levels_.max_stride, mirrored));
      if (parts[i].prototypes.channels != 0) {
        throw Error("a segmentation model cannot look at a picture several times", ExitCode::kUsage,
                    "run it without --augment");
      }
      MoveBack(parts[i], kViews[i], batch.width);
    }
    return Join(parts);
  }

  std::string Description() const override { return engine_->Description(); }

 private:
  /// From pixels of a view to pixels of the picture (_descale_pred).
  static void MoveBack(Predictions& predictions, const View& view, std::int64_t width) {
    if (view.scale == 1) return;
    const auto scale = static_cast<float>(view.scale);
    const auto columns = static_cast<std::size_t>(predictions.columns);
    for (std::size_t row = 0; row + columns <= predictions.values.size(); row += columns) {
      const std::span box = std::span(predictions.values).subspan(row, 4);
      for (float& number : box) number /= scale;
      if (view.mirrored) box[0] = static_cast<float>(width) - box[0];
    }
  }

  /// Rows of the coarsest level. A level has four times as many as the next coarser one.
  std::int64_t CoarsestRows(const Predictions& predictions) const {
    std::int64_t parts = 1;
    for (std::int64_t level = 1; level < levels_.count; ++level) parts += std::int64_t{1} << (2 * level);
    return predictions.rows / parts;
  }

  std::int64_t FinestRows(const Predictions& predictions) const {
    return CoarsestRows(predictions) << (2 * (levels_.count - 1));
  }

  Predictions Join(std::span<const Predictions> parts) const {
    struct Kept {
      std::int64_t first, count;
    };
    std::vector<Kept> kept;
    Predictions joined{.n = parts.front().n, .columns = parts.front().columns};
    for (const Predictions& part : parts) {
      Kept rows{0, part.rows};
      if (&part == &parts.front()) rows.count -= CoarsestRows(part);
      if (&part == &parts.back()) {
        rows.first = FinestRows(part);
        rows.count -= rows.first;
      }
      kept.push_back(rows);
      joined.rows += rows.count;
    }
    joined.values.reserve(static_cast<std::size_t>(joined.n * joined.rows * joined.columns));
    for (std::int64_t picture = 0; picture < joined.n; ++picture) {
      for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto rows =
            parts[i].of(picture).subspan(static_cast<std::size_t>(kept[i].first * joined.columns),
                                         static_cast<std::size_t>(kept[i].count * joined.columns));
        joined.values.insert(joined.values.end(), rows.begin(), rows.end());
      }
    }
    return joined;
  }

  const std::shared_ptr<const Engine> engine_;
  const DetectionLevels levels_;
};

}  // namespace

ImageBatch ScaleBatch(const ImageBatch& batch, double ratio, std::int64_t stride, bool mirrored) {
  // int(side * ratio), and never nothing.
  const auto scaled = [&](std::int64_t side) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(side) * ratio));
  };
  const std::vector<Sample> rows = Taps(batch.height, scaled(batch.height), false);
  const std::vector<Sample> columns = Taps(batch.width, scaled(batch.width), mirrored);
  ImageBatch result{.n = batch.n,
                    .height = Padded(batch.height, ratio, stride),
                    .width = Padded(batch.width, ratio, stride)};
  const auto plane = static_cast<std::size_t>(batch.height * batch.width);
  const auto width = static_cast<std::size_t>(batch.width);
  const auto result_width = static_cast<std::size_t>(result.width);
  const std::size_t result_plane = static_cast<std::size_t>(result.height) * result_width;
  const std::size_t planes = batch.pixels.size() / plane;
  result.pixels.assign(planes * result_plane, kPadding);
  for (std::size_t p = 0; p < planes; ++p) {
    const float* from = batch.pixels.data() + p * plane;
    float* to = result.pixels.data() + p * result_plane;
    for (const Sample& row : rows) {
      const float* low = from + row.low * width;
      const float* high = from + row.high * width;
      for (std::size_t x = 0; x < columns.size(); ++x) {
        const Sample& column = columns[x];
        const float upper = low[column.low] * column.low_weight + low[column.high] * column.high_weight;
        const float lower = high[column.low] * column.low_weight + high[column.high] * column.high_weight;
        to[x] = upper * row.low_weight + lower * row.high_weight;
      }
      to += result_width;
    }
  }
  return result;
}

std::shared_ptr<const Engine> Augment(std::shared_ptr<const Engine> engine, DetectionLevels levels) {
  ROOST_CHECK(levels.count >= 1 && levels.count <= 16 && levels.max_stride >= 1,
              "these are levels that a graph can have");
  return std::make_shared<AugmentedEngine>(std::move(engine), levels);
}

}  // namespace roost::yolo

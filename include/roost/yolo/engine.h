#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "roost/base/error.h"
#include "roost/yolo/graph.h"

namespace roost::yolo {

/// Network input: [n, 3, height, width] RGB in 0..1, C order. All pictures of a batch have one padded shape,
/// both sides multiples of the model's stride.
struct ImageBatch {
  std::int64_t n = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<float> pixels;
};

/// The low-resolution maps that a segmentation head composes its masks of: [n, channels, height, width], C
/// order, a quarter of the sides of the network input. No channels: the network is no segmentation model.
struct Prototypes {
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<float> values;

  /// [channels, height, width] of picture `i`.
  std::span<const float> of(std::int64_t i) const {
    const auto size = static_cast<std::size_t>(channels * height * width);
    return std::span(values).subspan(static_cast<std::size_t>(i) * size, size);
  }
};

/// The maps of a layer that was tapped: [n, channels, height, width], C order.
struct LayerMaps {
  std::int64_t layer = 0;  ///< its number in the model
  std::string class_name;  ///< "models.common.C3"
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<float> values;

  /// [channels, height, width] of picture `i`.
  std::span<const float> of(std::int64_t i) const {
    const auto size = static_cast<std::size_t>(channels * height * width);
    return std::span(values).subspan(static_cast<std::size_t>(i) * size, size);
  }
};

/// What a network says of a batch: [n, rows, columns].
///
/// Detection and segmentation: columns are x, y, w, h in pixels of the network input, objectness, a score per
/// class and, for segmentation, `prototypes.channels` mask coefficients; rows in order level, anchor, y, x.
/// Classification: one row, its columns a logit per class. A graph that ends in a feature map gives one row
/// per channel, its pixels in the columns.
struct Predictions {
  std::int64_t n = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<float> values;
  Prototypes prototypes;
  std::vector<LayerMaps> layers;  ///< of the graph's taps; it has none unless Lower() was asked for them

  /// [rows, columns] of picture `i`.
  std::span<const float> of(std::int64_t i) const {
    const auto size = static_cast<std::size_t>(rows * columns);
    return std::span(values).subspan(static_cast<std::size_t>(i) * size, size);
  }
};

struct EngineOptions {
  /// "cpu", "0" (first CUDA device), "cuda:0", "" = CUDA when there is one, else CPU: detect.py's --device.
  std::string device;
  /// CPU threads of one Run(); 0 = OMP_NUM_THREADS, else the CPUs this process may use. LibTorch has one such
  /// number per process, so the last engine opened decides.
  int threads = 0;
  /// 16-bit floats. CUDA devices only.
  bool half = false;
  /// Run the passes of graph.h first. Off, the engine runs the graph as it is: to test the passes.
  bool optimize = true;
};

/// A graph made ready to run. Immutable: Run() may be called from several threads.
class Engine {
 public:
  virtual ~Engine() = default;
  /// Throws Error: a batch that is not what ImageBatch says (bad data), no memory, a device that failed.
  virtual Predictions Run(const ImageBatch& batch) const = 0;
  /// "torch 1.13.0 CPU (2 threads)": detect.py's first line.
  virtual std::string Description() const = 0;
};

/// Compiles `graph` with the engine called `name` ("torch"). The engine's shared module is opened on demand,
/// so that programs start without LibTorch; it is searched in $ROOST_ENGINE_DIR where that is set, else in
/// lib/roost beside the folder of the running program. It stays open until the program ends. Throws Error:
/// unknown name or device (usage), a module that is not there or does not fit, no CUDA where it was asked
/// for.
std::shared_ptr<const Engine> OpenEngine(const std::string& name, const Graph& graph,
                                         const EngineOptions& options);

}  // namespace roost::yolo

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

/// Decoded output of a detection head: [n, rows, columns]; columns are x, y, w, h in pixels of the network
/// input, objectness, then a score per class; rows in order level, anchor, y, x.
struct Predictions {
  std::int64_t n = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<float> values;

  /// [rows, columns] of picture `i`.
  std::span<const float> of(std::int64_t i) const {
    const auto size = static_cast<std::size_t>(rows * columns);
    return std::span(values).subspan(static_cast<std::size_t>(i) * size, size);
  }
};

struct EngineOptions {
  /// "cpu", "0" (first CUDA device), "" = CUDA when there is one, else CPU: detect.py's --device.
  std::string device;
  int threads = 0;  ///< 0 = OMP_NUM_THREADS, else the CPUs this process may use
};

/// A graph made ready to run. Immutable: Run() may be called from several threads.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual Predictions Run(const ImageBatch& batch) const = 0;
  /// "torch 1.13.0 CPU (2 threads)": detect.py's first line.
  virtual std::string Description() const = 0;
};

/// Compiles `graph` with the engine called `name` ("torch"). The engine's shared module is opened on demand,
/// so that programs start without LibTorch. Throws Error: unknown name, module not found, no such device.
std::shared_ptr<const Engine> OpenEngine(const std::string& name, const Graph& graph,
                                         const EngineOptions& options);

}  // namespace roost::yolo

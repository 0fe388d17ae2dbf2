// Runs TorchScript exports in LibTorch's interpreter.

#include <algorithm>
#include <cstring>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/runtime/print_handler.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/version.h>

#include "yolo/engine/engine_module.h"
#include "yolo/engine/torch_device.h"
#include "yolo/engine/torch_threads.h"

namespace roost::yolo {
namespace {

constexpr std::int64_t kBox = 5;  // x, y, w, h, objectness

std::string ToText(at::IntArrayRef shape) {
  std::string text = "[";
  for (const std::int64_t side : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(side);
  return text + "]";
}

std::string ToText(Size size) { return std::to_string(size.height) + "x" + std::to_string(size.width); }

[[noreturn]] void Fail(std::string what, std::string hint = {}) {
  throw Error(std::move(what), ExitCode::kBadData, std::move(hint));
}

/// What a program gave: a tensor, or tensors in a tuple or list; what lies deeper, such as the raw maps of an
/// export for training, is left out.
std::vector<at::Tensor> Tensors(const c10::IValue& value) {
  if (value.isTensor()) return {value.toTensor()};
  std::vector<at::Tensor> tensors;
  if (value.isTuple()) {
    for (const c10::IValue& element : value.toTuple()->elements()) {
      if (element.isTensor()) tensors.push_back(element.toTensor());
    }
  } else if (value.isTensorList()) {
    for (const at::Tensor& tensor : value.toTensorVector()) tensors.push_back(tensor);
  } else if (value.isList()) {
    for (const c10::IValue& element : value.toListRef()) {
      if (element.isTensor()) tensors.push_back(element.toTensor());
    }
  }
  return tensors;
}

/// The first two results: predictions, and for segmentation prototypes.
struct Outputs {
  at::Tensor predictions;
  at::Tensor prototypes;  ///< undefined unless segmentation
};

Outputs Select(const c10::IValue& value) {
  const std::vector<at::Tensor> tensors = Tensors(value);
  if (tensors.empty()) Fail("its program gives no tensor");
  Outputs outputs{.predictions = tensors.front()};
  if (outputs.predictions.dim() == 3 && tensors.size() > 1 && tensors[1].dim() == 4) {
    outputs.prototypes = tensors[1];
  }
  return outputs;
}

std::vector<float> ToFloats(const at::Tensor& tensor) {
  const at::Tensor values = tensor.to(at::kCPU, at::kFloat).contiguous();
  const auto* first = values.data_ptr<float>();
  return {first, first + values.numel()};
}

class ScriptEngine final : public Engine {
 public:
  ScriptEngine(const ScriptInfo& info, const EngineOptions& options)
      : file_(info.file), fixed_(info.fixed_input()), device_(SelectDevice(options.device)) {
    program_ = torch::jit::load(info.file.string(), device_);
    program_.eval();
    program_.to(at::kFloat);  // as the reference does: a half-precision export runs on any device
    if (fixed_) piece_ = info.traced->batch;
  }

  /// Runs one black picture. Where the program insists on the number of pictures it was made for, so will
  /// Run().
  Outputs Try(Size size) {
    const auto black = [&](std::int64_t n) {
      return Compute(at::zeros({n, 3, size.height, size.width}, at::TensorOptions(device_)));
    };
    if (piece_ <= 1) return black(1);
    try {
      return black(1);
    } catch (const Error&) {
      fill_pieces_ = true;
      return black(piece_);
    }
  }

  Predictions Run(const ImageBatch& batch) const override {
    Check(batch);
    const std::int64_t piece = piece_ > 0 ? piece_ : batch.n;
    Predictions all{.n = batch.n};
    for (std::int64_t first = 0; first < batch.n; first += piece) {
      Append(RunPiece(batch, first, std::min(piece, batch.n - first)), all);
    }
    return all;
  }

  std::string Description() const override {
    const int threads = at::get_num_threads();
    const std::string where =
        device_.is_cuda() ? "CUDA:" + std::to_string(device_.index())
                          : "CPU (" + std::to_string(threads) + (threads == 1 ? " thread)" : " threads)");
    return "torch " TORCH_VERSION " TorchScript " + where;
  }

 private:
  void Check(const ImageBatch& batch) const {
    const bool sides_fit = batch.n > 0 && batch.height > 0 && batch.width > 0;
    const std::int64_t numbers = sides_fit ? batch.n * 3 * batch.height * batch.width : -1;
    const Size size{batch.height, batch.width};
    if (static_cast<std::int64_t>(batch.pixels.size()) != numbers) {
      Fail("a batch of " + std::to_string(batch.n) + " pictures of " + ToText(size) + " does not have " +
           std::to_string(batch.pixels.size()) + " numbers");
    }
    if (fixed_ && size != *fixed_) {
      Fail("'" + file_.string() + "' was exported for pictures of " + ToText(*fixed_) + ", not of " +
           ToText(size));
    }
  }

  Outputs Compute(const at::Tensor& pictures) const {
    return Guarded(
        "while running '" + file_.string() + "'",
        [&] {
          const c10::InferenceMode no_gradients;
          // Recorded for two runs and then rewritten, the program would not give the same numbers each time.
          const torch::jit::GraphOptimizerEnabledGuard as_it_is(false);
          at::init_num_threads();  // of this thread, which may be new to LibTorch
          // forward() is not const, but an evaluated program changes nothing of itself.
          torch::jit::Module program = program_;
          return Select(program.forward({pictures}));
        },
        ExitCode::kBadData);
  }

  Outputs RunPiece(const ImageBatch& batch, std::int64_t first, std::int64_t count) const {
    const std::int64_t picture = 3 * batch.height * batch.width;
    // from_blob takes no const; a program that writes to its input would write to our batch.
    auto* pixels = const_cast<float*>(batch.pixels.data()) + first * picture;
    at::Tensor pictures = at::from_blob(pixels, {count, 3, batch.height, batch.width}, at::kFloat).clone();
    if (fill_pieces_ && count < piece_) {
      pictures = at::cat({pictures, at::zeros({piece_ - count, 3, batch.height, batch.width})});
    }
    const std::int64_t given = pictures.size(0);
    Outputs outputs = Compute(pictures.to(device_));
    const auto take = [&](at::Tensor& tensor) {
      if (!tensor.defined()) return;
      if (tensor.size(0) != given) {
        Fail("'" + file_.string() + "' gave results for " + std::to_string(tensor.size(0)) + " pictures of " +
             std::to_string(given));
      }
      tensor = tensor.narrow(0, 0, count);
    };
    take(outputs.predictions);
    take(outputs.prototypes);
    return outputs;
  }

  void Append(const Outputs& piece, Predictions& all) const {
    const auto join = [](std::vector<float>& values, const at::Tensor& tensor) {
      const std::vector<float> more = ToFloats(tensor);
      values.insert(values.end(), more.begin(), more.end());
    };
    const at::Tensor& rows = piece.predictions;
    if (rows.dim() == 2) {
      all.rows = 1;
      all.columns = rows.size(1);
    } else {
      all.rows = rows.size(1);
      all.columns = rows.size(2);
    }
    join(all.values, rows);
    if (!piece.prototypes.defined()) return;
    all.prototypes.channels = piece.prototypes.size(1);
    all.prototypes.height = piece.prototypes.size(2);
    all.prototypes.width = piece.prototypes.size(3);
    join(all.prototypes.values, piece.prototypes);
  }

  const Path file_;
  const std::optional<Size> fixed_;
  const at::Device device_;
  torch::jit::Module program_;
  std::int64_t piece_ = 0;    ///< most pictures at a time; 0: any number
  bool fill_pieces_ = false;  ///< ... and never fewer
};

/// What the outputs of one black picture say of the model. Throws Error where it is none of YOLOv5's.
Script Recognize(const Outputs& outputs, const ScriptInfo& info) {
  const at::Tensor& rows = outputs.predictions;
  const auto named = static_cast<std::int64_t>(info.names.size());
  Script script;
  if (rows.dim() == 2) {
    script.task = Task::kClassify;
    script.classes = rows.size(1);
  } else if (rows.dim() == 3) {
    script.task = outputs.prototypes.defined() ? Task::kSegment : Task::kDetect;
    script.masks = outputs.prototypes.defined() ? outputs.prototypes.size(1) : 0;
    script.classes = rows.size(2) - kBox - script.masks;
  } else if (rows.dim() == 5) {
    Fail("it gives the raw maps " + ToText(rows.sizes()) + " of its head and no boxes",
         "export it again with a newer export.py (v6.0 and later do it right)");
  }
  if (script.classes < 1 || (named != 0 && named != script.classes)) {
    Fail("what it gives, " + ToText(rows.sizes()) +
             (named != 0 ? ", does not fit its " : ", is not that of ") +
             (named != 0 ? std::to_string(named) + " classes" : "a YOLOv5 model"),
         "only exports of YOLOv5 models are understood");
  }
  return script;
}

Script Load(const ScriptInfo& info, const EngineOptions& options) {
  const c10::InferenceMode no_gradients;
  // What a program prints is no result.
  torch::jit::setPrintHandler([](const std::string& text) { std::cerr << text; });
  SetTorchThreads(options.threads);
  at::globalContext().setAllowTF32CuDNN(false);  // see torch_engine.cc
  const auto engine = std::make_shared<ScriptEngine>(info, options);
  // Any multiple of the stride will do, but one that all strides divide, and not the smallest.
  constexpr std::int64_t kCells = 4;
  const Size any{kCells * info.stride, kCells * info.stride};
  Script script = Recognize(engine->Try(info.traced ? info.traced->size : any), info);
  script.engine = engine;
  return script;
}

Script Open(const ScriptInfo& info, const EngineOptions& options) {
  try {
    return Guarded(
        "while loading it", [&] { return Load(info, options); }, ExitCode::kBadData);
  } catch (const Error& error) {
    if (error.code() != ExitCode::kBadData) throw;
    throw Error("cannot use weights '" + info.file.string() + "': " + error.message(), error.code(),
                error.hint());
  }
}

}  // namespace
}  // namespace roost::yolo

extern "C" __attribute__((visibility("default")))
const roost::yolo::ScriptModule roost_script_module = {ROOST_VERSION, roost::yolo::Open};

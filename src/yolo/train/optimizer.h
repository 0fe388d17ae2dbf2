#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "yolo/train/network.h"
#include "yolo/train/torch_headers.h"

namespace roost::yolo {

enum class OptimizerKind { kSgd, kAdam, kAdamW };

/// "SGD", "Adam", "AdamW". Throws Error (usage) for any other name.
OptimizerKind ParseOptimizer(const std::string& name);

/// How large the next step is.
struct StepSize {
  std::array<double, 3> learning_rate{};  ///< by ParameterGroup
  double momentum = 0;                    ///< of SGD; Adam's first beta is fixed when it is made
};

/// SGD with Nesterov momentum, Adam or AdamW as torch.optim has them, on YOLOv5's three groups of parameters.
/// Weight decay is for ParameterGroup::kWeight only.
class Optimizer {
 public:
  /// `parameters` must outlive it. Frozen ones are left alone.
  Optimizer(OptimizerKind kind, const std::vector<Parameter>& parameters, double momentum,
            double weight_decay);

  /// Moves the parameters along their gradients, each process by the same.
  void Step(const StepSize& size);
  void ZeroGradients();
  /// Scales the gradients so that their common 2-norm is `max_norm` at most; returns what it was.
  double ClipGradients(double max_norm);

  /// All that it has learnt, by name: "momentum.<parameter>", ... ; views that stay up to date.
  std::vector<NamedTensor> State() const;
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }

 private:
  void StepSgd(std::size_t i, double rate, double decay, double momentum);
  void StepAdam(std::size_t i, double rate, double decay);

  OptimizerKind kind_;
  const std::vector<Parameter>& parameters_;
  double beta1_;
  double weight_decay_;
  std::int64_t steps_ = 0;
  std::vector<at::Tensor> first_;   ///< momentum, by parameter
  std::vector<at::Tensor> second_;  ///< Adam: of the squared gradients
};

}  // namespace roost::yolo

#include "yolo/train/optimizer.h"

#include <cmath>

#include "roost/base/error.h"
#include "roost/base/text.h"

namespace roost::yolo {
namespace {

constexpr double kBeta2 = 0.999;
constexpr double kEps = 1e-8;

}  // namespace

OptimizerKind ParseOptimizer(const std::string& name) {
  const std::string lower = ToLower(name);
  if (lower == "sgd") return OptimizerKind::kSgd;
  if (lower == "adam") return OptimizerKind::kAdam;
  if (lower == "adamw") return OptimizerKind::kAdamW;
  throw Error("--optimizer: there is no '" + name + "'", ExitCode::kUsage, "use SGD, Adam or AdamW");
}

Optimizer::Optimizer(OptimizerKind kind, const std::vector<Parameter>& parameters, double momentum,
                     double weight_decay)
    : kind_(kind), parameters_(parameters), beta1_(momentum), weight_decay_(weight_decay) {
  const at::NoGradGuard no_gradients;
  for (const Parameter& parameter : parameters_) {
    first_.push_back(at::zeros_like(parameter.tensor));
    if (kind_ != OptimizerKind::kSgd) second_.push_back(at::zeros_like(parameter.tensor));
  }
}

void Optimizer::Step(const StepSize& size) {
  const at::NoGradGuard no_gradients;
  ++steps_;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter& parameter = parameters_[i];
    if (!parameter.tensor.requires_grad() || !parameter.tensor.grad().defined()) continue;
    const double rate = size.learning_rate.at(static_cast<std::size_t>(parameter.group));
    const double decay = parameter.group == ParameterGroup::kWeight ? weight_decay_ : 0;
    if (kind_ == OptimizerKind::kSgd) {
      StepSgd(i, rate, decay, size.momentum);
    } else {
      StepAdam(i, rate, decay);
    }
  }
}

void Optimizer::StepSgd(std::size_t i, double rate, double decay, double momentum) {
  at::Tensor value = parameters_[i].tensor;
  at::Tensor gradient = value.grad();
  if (decay != 0) gradient = gradient.add(value, decay);
  first_[i].mul_(momentum).add_(gradient);
  value.add_(gradient.add(first_[i], momentum), -rate);
}

void Optimizer::StepAdam(std::size_t i, double rate, double decay) {
  at::Tensor value = parameters_[i].tensor;
  at::Tensor gradient = value.grad();
  if (decay != 0 && kind_ == OptimizerKind::kAdamW) value.mul_(1 - rate * decay);
  if (decay != 0 && kind_ == OptimizerKind::kAdam) gradient = gradient.add(value, decay);
  first_[i].mul_(beta1_).add_(gradient, 1 - beta1_);
  second_[i].mul_(kBeta2).addcmul_(gradient, gradient, 1 - kBeta2);
  const auto steps = static_cast<double>(steps_);
  const double bias1 = 1 - std::pow(beta1_, steps), bias2 = 1 - std::pow(kBeta2, steps);
  const at::Tensor spread = (second_[i].sqrt() / std::sqrt(bias2)).add_(kEps);
  value.addcdiv_(first_[i], spread, -rate / bias1);
}

void Optimizer::ZeroGradients() {
  for (const Parameter& parameter : parameters_) {
    at::Tensor tensor = parameter.tensor;
    tensor.mutable_grad().reset();
  }
}

double Optimizer::ClipGradients(double max_norm) {
  const at::NoGradGuard no_gradients;
  std::vector<at::Tensor> norms;
  for (const Parameter& parameter : parameters_) {
    if (parameter.tensor.grad().defined()) norms.push_back(parameter.tensor.grad().norm());
  }
  if (norms.empty()) return 0;
  const double norm = at::stack(norms).norm().item<double>();
  const double factor = max_norm / (norm + 1e-6);  // torch.nn.utils.clip_grad_norm_'s
  if (factor < 1) {
    for (const Parameter& parameter : parameters_) {
      at::Tensor gradient = parameter.tensor.grad();
      if (gradient.defined()) gradient.mul_(factor);
    }
  }
  return norm;
}

std::vector<NamedTensor> Optimizer::State() const {
  std::vector<NamedTensor> state;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    state.push_back({"momentum." + parameters_[i].name, first_[i]});
    if (!second_.empty()) state.push_back({"square." + parameters_[i].name, second_[i]});
  }
  return state;
}

}  // namespace roost::yolo

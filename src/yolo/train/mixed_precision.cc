#include "yolo/train/mixed_precision.h"

#include <cmath>

#include <ATen/autocast_mode.h>

namespace roost::yolo {
namespace {

void SetAutocast(bool on) {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
  at::autocast::set_autocast_enabled(at::kCUDA, on);
#else
  at::autocast::set_enabled(on);
#endif
}

}  // namespace

MixedPrecision::Scope::Scope(bool on) : on_(on) {
  if (!on_) return;
  SetAutocast(true);
  at::autocast::increment_nesting();
}

MixedPrecision::Scope::~Scope() {
  if (!on_) return;
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  SetAutocast(false);
}

bool MixedPrecision::Unscale(const std::vector<Parameter>& parameters) {
  if (!on_) return true;
  constexpr std::int64_t kGrowthInterval = 2000;
  const at::NoGradGuard no_gradients;
  double sum = 0;
  for (const Parameter& parameter : parameters) {
    at::Tensor gradient = parameter.tensor.grad();
    if (!gradient.defined()) continue;
    gradient.mul_(1 / scale_);
    sum += gradient.sum().item<double>();
  }
  if (!std::isfinite(sum)) {
    scale_ /= 2;
    good_steps_ = 0;
    return false;
  }
  if (++good_steps_ == kGrowthInterval) {
    scale_ *= 2;
    good_steps_ = 0;
  }
  return true;
}

}  // namespace roost::yolo

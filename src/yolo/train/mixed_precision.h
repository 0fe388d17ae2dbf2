#pragma once

#include <cstdint>

#include "yolo/train/optimizer.h"
#include "yolo/train/torch_headers.h"

namespace roost::yolo {

/// Mixed precision on CUDA: convolutions compute in 16 bits, and the loss is scaled up so that small
/// gradients are not rounded to zero; the scale is found as torch.cuda.amp.GradScaler finds it. Off, it does
/// nothing.
class MixedPrecision {
 public:
  explicit MixedPrecision(bool on) : on_(on) {}

  /// While it lives, operations of this thread choose their precision.
  class Scope {
   public:
    explicit Scope(bool on);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    bool on_;
  };
  Scope Enter() const { return Scope(on_); }

  at::Tensor Scaled(const at::Tensor& loss) const { return on_ ? loss * scale_ : loss; }

  /// Takes the scale off the gradients. False where they are not finite: then there must be no step.
  bool Unscale(const std::vector<Parameter>& parameters);

  double scale() const { return scale_; }
  std::int64_t good_steps() const { return good_steps_; }
  void Restore(double scale, std::int64_t good_steps) {
    scale_ = scale;
    good_steps_ = good_steps;
  }

 private:
  bool on_;
  double scale_ = 65536;
  std::int64_t good_steps_ = 0;
};

}  // namespace roost::yolo

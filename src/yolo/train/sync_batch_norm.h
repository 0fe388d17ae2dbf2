#pragma once

#include "yolo/train/process_group.h"
#include "yolo/train/torch_headers.h"

namespace roost::yolo {

/// What a batch norm knows. The running statistics are updated in place.
struct BatchNormState {
  at::Tensor gamma, beta, mean, variance;
  double momentum = 0.1;
  double eps = 1e-5;
};

/// Batch norm in training over the batches of all processes of `group` together: what one process would
/// compute on their concatenation, forward and backward. Every process must call it.
at::Tensor SyncBatchNorm(const at::Tensor& x, const BatchNormState& state, ProcessGroup& group);

}  // namespace roost::yolo

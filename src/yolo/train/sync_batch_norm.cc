#include "yolo/train/sync_batch_norm.h"

namespace roost::yolo {
namespace {

/// The sum over the processes. What each process loses by its own part, all processes lose: the gradient is
/// summed, too.
class SumOverProcesses : public torch::autograd::Function<SumOverProcesses> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& part,
                            ProcessGroup* group) {
    context->saved_data["group"] = reinterpret_cast<std::int64_t>(group);
    at::Tensor sum = part.clone();
    group->AllReduceSum(sum);
    return sum;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    auto* group = reinterpret_cast<ProcessGroup*>(context->saved_data["group"].toInt());
    at::Tensor sum = gradients[0].clone();
    group->AllReduceSum(sum);
    return {sum, at::Tensor()};
  }
};

}  // namespace

at::Tensor SyncBatchNorm(const at::Tensor& x, const BatchNormState& state, ProcessGroup& group) {
  const auto per_channel = [](const at::Tensor& numbers) { return numbers.view({1, -1, 1, 1}); };
  at::Tensor count = at::full({1}, static_cast<double>(x.numel() / x.size(1)), at::kDouble);
  group.AllReduceSum(count);
  const auto total = count.item<double>();

  const at::Tensor mean = SumOverProcesses::apply(x.sum({0, 2, 3}), &group) / total;
  const at::Tensor centered = x - per_channel(mean);
  const at::Tensor variance = SumOverProcesses::apply(centered.square().sum({0, 2, 3}), &group) / total;
  {
    const at::NoGradGuard no_gradients;
    const double unbiased = total > 1 ? total / (total - 1) : 1;
    at::Tensor running_mean = state.mean, running_variance = state.variance;
    running_mean.mul_(1 - state.momentum).add_(mean.detach(), state.momentum);
    running_variance.mul_(1 - state.momentum).add_(variance.detach(), state.momentum * unbiased);
  }
  return centered * per_channel(state.gamma * at::rsqrt(variance + state.eps)) + per_channel(state.beta);
}

}  // namespace roost::yolo

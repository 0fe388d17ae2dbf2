#include "yolo/train/process_group.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace roost::yolo {
namespace {

class Alone final : public ProcessGroup {
 public:
  std::int64_t rank() const override { return 0; }
  std::int64_t world() const override { return 1; }
  void AllReduceSum(at::Tensor& /*tensor*/) override {}
  void Broadcast(at::Tensor& /*tensor*/, std::int64_t /*root*/) override {}
  void Barrier() override {}
};

}  // namespace

std::unique_ptr<ProcessGroup> SingleProcess() { return std::make_unique<Alone>(); }

void AllReduceSum(ProcessGroup& group, std::span<at::Tensor> tensors) {
  if (group.world() == 1) return;
  constexpr std::int64_t kBucket = 16 << 20;  // elements: copies of them are not to take much memory
  while (!tensors.empty()) {
    std::vector<at::Tensor> flat;
    std::int64_t elements = 0;
    while (flat.size() < tensors.size() && (flat.empty() || elements < kBucket)) {
      flat.push_back(tensors[flat.size()].detach().reshape({-1}));
      elements += flat.back().numel();
    }
    at::Tensor sum = at::cat(flat);
    group.AllReduceSum(sum);
    std::int64_t at = 0;
    for (at::Tensor& tensor : tensors.first(flat.size())) {
      tensor.detach().copy_(sum.narrow(0, at, tensor.numel()).view_as(tensor));
      at += tensor.numel();
    }
    tensors = tensors.subspan(flat.size());
  }
}

std::vector<std::string> AllGather(ProcessGroup& group, const std::string& text) {
  // Numbers that only one process sets add up to those of all.
  at::Tensor sizes = at::zeros({group.world()}, at::kLong);
  sizes[group.rank()] = static_cast<std::int64_t>(text.size());
  group.AllReduceSum(sizes);
  const std::int64_t longest = std::max<std::int64_t>(sizes.max().item<std::int64_t>(), 1);
  at::Tensor bytes = at::zeros({group.world(), longest}, at::kByte);
  std::memcpy(bytes[group.rank()].data_ptr(), text.data(), text.size());
  group.AllReduceSum(bytes);
  std::vector<std::string> texts;
  for (std::int64_t i = 0; i < group.world(); ++i) {
    const auto size = static_cast<std::size_t>(sizes[i].item<std::int64_t>());
    texts.emplace_back(static_cast<const char*>(bytes[i].data_ptr()), size);
  }
  return texts;
}

}  // namespace roost::yolo

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "roost/yolo/graph.h"
#include "roost/yolo/module.h"
#include "yolo/train/torch_headers.h"

namespace roost::yolo {

class ProcessGroup;

/// How the optimizer treats a parameter (utils/torch_utils.py smart_optimizer).
enum class ParameterGroup {
  kBias,    ///< no weight decay; its learning rate falls while the others' rise
  kWeight,  ///< of convolutions: with weight decay
  kNorm,    ///< of batch norms: no weight decay
};

/// A weight under its full Python name, "model.0.conv.weight".
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

struct Parameter {
  std::string name;
  at::Tensor tensor;  ///< leaf; requires_grad unless frozen
  ParameterGroup group = ParameterGroup::kWeight;
};

enum class Mode {
  kTrain,  ///< batch norms use the batch's statistics and learn from them
  kEvaluate,
};

/// A detection network with weights that can be trained. It runs the same graph as every engine, without
/// passes, and knows its weights by their names in the module tree.
class TrainNetwork {
 public:
  /// Throws Error (bad data) where the tree is no detection network, or where a weight is used in a way that
  /// training does not know (attention).
  TrainNetwork(std::shared_ptr<const Module> model, at::Device device);
  TrainNetwork(const TrainNetwork&) = delete;
  TrainNetwork& operator=(const TrainNetwork&) = delete;

  /// [n, 3, h, w] in 0..1 to the logits of each level, [n, anchors, ny, nx, 5 + classes].
  std::vector<at::Tensor> Forward(const at::Tensor& pictures, Mode mode) const;

  /// The rows of a detection head, [n, rows, 5 + classes], of Forward()'s levels (Predictions' layout).
  at::Tensor Decode(const std::vector<at::Tensor>& levels) const;

  const DetectOp& head() const { return head_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  /// Running means and variances.
  const std::vector<NamedTensor>& buffers() const { return buffers_; }

  /// The weights of these layers are no longer trained; returns how many tensors that are.
  std::size_t Freeze(const std::set<std::int64_t>& layers);

  /// Batch norms use the statistics of all processes from now on. `group` must outlive this.
  void SynchronizeBatchNorm(ProcessGroup& group) { *sync_ = &group; }

  /// The module tree with the weights as they are now, in 32 bits on the host. `batches_seen` is what the
  /// batch norms have counted.
  std::shared_ptr<const Module> Export(std::int64_t batches_seen) const;

 private:
  using Step = std::function<at::Tensor(const std::vector<at::Tensor>&, Mode)>;
  class Compiler;

  std::shared_ptr<const Module> model_;
  at::Device device_;
  DetectOp head_;
  std::vector<Operation> operations_;
  std::vector<Step> steps_;
  std::vector<Parameter> parameters_;
  std::vector<NamedTensor> buffers_;
  std::shared_ptr<ProcessGroup*> sync_;  ///< shared with the steps
};

}  // namespace roost::yolo

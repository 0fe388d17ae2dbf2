#include <cmath>

#include "roost/yolo/graph.h"

namespace roost::yolo {
namespace {

/// Sets the results of `next` to those of `graph`, by their names there.
void KeepResults(const Graph& graph, const std::vector<Value>& renamed, Graph& next) {
  std::vector<Value> outputs = graph.outputs();
  for (Value& output : outputs) output = renamed[static_cast<std::size_t>(output)];
  next.SetOutputs(std::move(outputs));
  for (Tap tap : graph.taps()) {
    tap.value = renamed[static_cast<std::size_t>(tap.value)];
    next.AddTap(std::move(tap));
  }
}

constexpr Value kSeveral = -2;
constexpr Value kNobody = -1;

/// The one operation that reads each value, or kSeveral, or kNobody. A result has readers outside, too.
std::vector<Value> SoleReaders(const Graph& graph) {
  std::vector<Value> readers(graph.operations().size(), kNobody);
  for (Value v = 0; v <= graph.last(); ++v) {
    for (const Value input : graph[v].inputs) {
      Value& reader = readers[static_cast<std::size_t>(input)];
      reader = reader == kNobody ? v : kSeveral;
    }
  }
  for (const Value result : graph.results()) readers[static_cast<std::size_t>(result)] = kSeveral;
  return readers;
}

/// Makes one convolution of each convolution and the operation that alone reads it, where `merge` knows how:
/// it returns whether it put the reader's work into the convolution.
template <typename Merge>
Graph MergeIntoConvs(const Graph& with_dead, Merge merge) {
  const Graph graph = DropDead(with_dead);  // a dead reader would keep a convolution from its living one
  const std::vector<Value> sole_readers = SoleReaders(graph);
  std::vector<Value> renamed(graph.operations().size(),
                             kNobody);  // from values of `graph` to those of `merged`
  Graph merged;
  for (Value v = 0; v <= graph.last(); ++v) {
    Value& now = renamed[static_cast<std::size_t>(v)];
    if (now != kNobody) continue;  // already part of a convolution
    Operation operation = graph[v];
    for (Value& input : operation.inputs) input = renamed[static_cast<std::size_t>(input)];
    const Value reader = sole_readers[static_cast<std::size_t>(v)];
    auto* conv = std::get_if<ConvOp>(&operation.kind);
    const bool took_reader = conv != nullptr && reader >= 0 && merge(*conv, graph[reader].kind);
    now = merged.Append(std::move(operation));
    if (took_reader) renamed[static_cast<std::size_t>(reader)] = now;
  }
  KeepResults(graph, renamed, merged);
  return merged;
}

bool TakeBatchNorm(ConvOp& conv, const OpKind& reader) {
  const auto* norm = std::get_if<BatchNormOp>(&reader);
  if (norm == nullptr || conv.activation.kind != ActivationKind::kIdentity) return false;

  const auto out = static_cast<std::size_t>(conv.out);
  const std::size_t per_channel = conv.weight->size() / out;
  std::vector<float> weight(conv.weight->size());
  std::vector<float> bias(out);
  for (std::size_t c = 0; c < out; ++c) {
    const float deviation = std::sqrt((*norm->variance)[c] + static_cast<float>(norm->eps));
    const float scale = (*norm->gamma)[c] / deviation;
    const float shift = (*norm->beta)[c] - (*norm->gamma)[c] * (*norm->mean)[c] / deviation;
    for (std::size_t i = c * per_channel; i < (c + 1) * per_channel; ++i)
      weight[i] = (*conv.weight)[i] * scale;
    bias[c] = shift + (conv.bias == nullptr ? 0.0F : (*conv.bias)[c] * scale);
  }
  conv.weight = std::make_shared<const std::vector<float>>(std::move(weight));
  conv.bias = std::make_shared<const std::vector<float>>(std::move(bias));
  return true;
}

bool TakeActivation(ConvOp& conv, const OpKind& reader) {
  const auto* activation = std::get_if<ActivationOp>(&reader);
  if (activation == nullptr || conv.activation.kind != ActivationKind::kIdentity) return false;
  conv.activation = activation->activation;
  return true;
}

}  // namespace

Graph FoldBatchNorm(const Graph& graph) { return MergeIntoConvs(graph, TakeBatchNorm); }

Graph FuseActivation(const Graph& graph) { return MergeIntoConvs(graph, TakeActivation); }

Graph DropDead(const Graph& graph) {
  std::vector<bool> needed(graph.operations().size(), false);
  needed.front() = true;
  for (const Value result : graph.results()) needed[static_cast<std::size_t>(result)] = true;
  for (Value v = graph.last(); v >= 0; --v) {
    if (!needed[static_cast<std::size_t>(v)]) continue;
    for (const Value input : graph[v].inputs) needed[static_cast<std::size_t>(input)] = true;
  }

  std::vector<Value> renamed(graph.operations().size(), kNobody);
  Graph living;
  for (Value v = 0; v <= graph.last(); ++v) {
    if (!needed[static_cast<std::size_t>(v)]) continue;
    Operation operation = graph[v];
    for (Value& input : operation.inputs) input = renamed[static_cast<std::size_t>(input)];
    renamed[static_cast<std::size_t>(v)] = living.Append(std::move(operation));
  }
  KeepResults(graph, renamed, living);
  return living;
}

Graph Optimize(const Graph& graph) { return FuseActivation(FoldBatchNorm(graph)); }

}  // namespace roost::yolo

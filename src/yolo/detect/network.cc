#include "yolo/detect/network.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "roost/yolo/detector.h"
#include "roost/yolo/module.h"
#include "yolo/detect/class_names.h"
#include "yolo/graph/model_from_yaml.h"
#include "yolo/model/state_dict.h"

namespace roost::yolo {
namespace {

/// Modules as the reference counts them once batch norm is folded into convolutions; a shared one counts
/// once.
void CollectModules(const Module& module, std::set<const Module*>& modules) {
  if (!modules.insert(&module).second) return;
  const bool folds = module.class_name == "models.common.Conv" || module.class_name == "models.common.DWConv";
  for (const auto& [name, child] : module.children) {
    if (child && !(folds && name == "bn")) CollectModules(*child, modules);
  }
}

/// What the model is for, from its head, and the numbers that the head knows.
void ReadHead(Network& network) {
  const Operation* head = &network.graph[network.graph.output()];
  while (std::holds_alternative<JoinOp>(head->kind)) head = &network.graph[head->inputs.front()];
  if (const auto* detect = std::get_if<DetectOp>(&head->kind)) {
    network.task = detect->masks > 0 ? Task::kSegment : Task::kDetect;
    network.classes = detect->classes;
    network.masks = detect->masks;
  } else {
    network.task = Task::kClassify;
    network.classes = head->channels;
  }
}

std::size_t CountParameters(const Graph& graph) {
  const Graph folded = FoldBatchNorm(graph);
  std::size_t count = 0;
  const auto add = [&](const Weights& weights) { count += weights == nullptr ? 0 : weights->size(); };
  for (const Operation& operation : folded.operations()) {
    if (const auto* conv = std::get_if<ConvOp>(&operation.kind)) {
      add(conv->weight);
      add(conv->bias);
    } else if (const auto* transposed = std::get_if<ConvTransposeOp>(&operation.kind)) {
      add(transposed->weight);
      add(transposed->bias);
    } else if (const auto* norm = std::get_if<BatchNormOp>(&operation.kind)) {
      add(norm->gamma);
      add(norm->beta);
    }
  }
  return count;
}

std::string Summarize(const Module& model, const Graph& graph, std::int64_t classes) {
  std::set<const Module*> modules;
  CollectModules(model, modules);
  return std::to_string(modules.size()) + " layers, " + std::to_string(CountParameters(graph)) +
         " parameters, " + std::to_string(classes) + (classes == 1 ? " class" : " classes");
}

/// Throws Error (usage) where the input size is to blame: the network can run at the usual one.
void CheckInputSize(const Network& network) {
  constexpr Size kUsual{640, 640};
  const auto check = [&](Size size) { InferShapes(network.graph, size.height, size.width); };
  try {
    check(network.input);
  } catch (const Error& error) {
    check(RoundedUp(kUsual, network.stride));
    throw Error("--imgsz: the model cannot run on an input of " + std::to_string(network.input.height) + "x" +
                    std::to_string(network.input.width) + ": " + error.message(),
                ExitCode::kUsage);
  }
}

/// A checkpoint of weights without a network and the description of one.
Checkpoint Assemble(const Path& weights, const Path& model_yaml) {
  const std::optional<StateDict> state = LoadStateDict(weights);
  if (!state) {
    LoadCheckpoint(weights);  // says so where it is nothing of use
    throw Error("--cfg: the weights '" + weights.string() + "' hold their network already", ExitCode::kUsage,
                "leave --cfg out");
  }
  Checkpoint checkpoint;
  checkpoint.model = FillWeights(*ModelFromYaml(model_yaml), *state);
  checkpoint.format = state->format + " state_dict";
  const std::vector<float> strides =
      std::get<Tensor>(checkpoint.model->FindAttribute("stride")->value).ToFloats();
  const float largest = *std::ranges::max_element(strides);
  checkpoint.stride = std::max(checkpoint.stride, static_cast<std::int64_t>(largest));
  return checkpoint;
}

}  // namespace

Network LoadNetwork(const Path& weights, Size input, const Path& dataset_yaml, const Path& model_yaml,
                    bool tap_layers) {
  try {
    Checkpoint checkpoint = model_yaml.empty() ? LoadCheckpoint(weights) : Assemble(weights, model_yaml);
    Network network;
    network.graph = Lower(*checkpoint.model, tap_layers);
    ReadHead(network);
    network.stride = checkpoint.stride;
    network.input = RoundedUp(input, network.stride);
    CheckInputSize(network);
    network.summary = Summarize(*checkpoint.model, network.graph, network.classes);
    network.names = std::move(checkpoint.names);
    while (std::ssize(network.names) < network.classes) {
      network.names.push_back("class" + std::to_string(network.names.size()));
    }
    if (!dataset_yaml.empty() && AreNamesMadeUp(network.names)) {
      network.names = ReadClassNames(dataset_yaml);
    }
    return network;
  } catch (const Error& error) {
    // The graph knows layers, not files. A wrong --imgsz has nothing to do with the file.
    if (error.code() == ExitCode::kUsage) throw;
    if (error.message().find(weights.string()) != std::string::npos) throw;
    throw Error("cannot use weights '" + weights.string() + "': " + error.message(), error.code(),
                error.hint());
  }
}

}  // namespace roost::yolo

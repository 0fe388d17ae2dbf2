#include "yolo/detect/network.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "roost/yolo/detector.h"
#include "roost/yolo/module.h"
#include "yolo/detect/class_names.h"
#include "yolo/detect/info.h"
#include "yolo/graph/model_from_yaml.h"
#include "yolo/model/state_dict.h"

namespace roost::yolo {
namespace {

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

std::string Summarize(const Module& model, std::int64_t classes) {
  const ModelSize size = MeasureModel(model);
  return std::to_string(size.layers) + " layers, " + std::to_string(size.parameters) + " parameters, " +
         std::to_string(classes) + (classes == 1 ? " class" : " classes");
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

Size UsualInput(Task task) {
  constexpr Size kPicture{640, 640};
  constexpr Size kSquare{224, 224};
  return task == Task::kClassify ? kSquare : kPicture;
}

Network LoadNetwork(const Path& weights, Size input, const Path& dataset_yaml, const Path& model_yaml,
                    bool tap_layers) {
  try {
    Checkpoint checkpoint = model_yaml.empty() ? LoadCheckpoint(weights) : Assemble(weights, model_yaml);
    Network network;
    network.graph = Lower(*checkpoint.model, tap_layers);
    ReadHead(network);
    network.stride = checkpoint.stride;
    network.input = RoundedUp(input == Size() ? UsualInput(network.task) : input, network.stride);
    CheckInputSize(network);
    network.summary = Summarize(*checkpoint.model, network.classes);
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

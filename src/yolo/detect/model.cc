#include "yolo/detect/model.h"

#include <utility>

#include "yolo/detect/network.h"

namespace roost::yolo {
namespace {

constexpr Size kUsualInput{640, 640};

}  // namespace

Model ReadModel(const DetectorOptions& options) {
  if (options.weights.empty()) throw Error("no weights are given", ExitCode::kUsage);
  const Path& weights = options.weights.front();
  const Size asked = options.imgsz == Size() ? kUsualInput : options.imgsz;
  Network network = LoadNetwork(weights, asked, options.data);
  Model model;
  model.traits = {.task = network.task,
                  .names = std::move(network.names),
                  .classes = network.classes,
                  .masks = network.masks,
                  .stride = network.stride,
                  .input = network.input};
  model.summary.push_back(weights.filename().string() + ": " + network.summary);
  model.open = [graph = std::move(network.graph)](const EngineOptions& engine) {
    return OpenEngine("torch", graph, engine);
  };
  return model;
}

}  // namespace roost::yolo

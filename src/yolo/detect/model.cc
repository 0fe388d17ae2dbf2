#include "yolo/detect/model.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "yolo/detect/class_names.h"
#include "yolo/detect/network.h"
#include "yolo/engine/augment.h"
#include "yolo/engine/ensemble.h"
#include "yolo/engine/torchscript.h"

namespace roost::yolo {
namespace {

ModelTraits TraitsOf(const Network& network) {
  return {.task = network.task,
          .names = network.names,
          .classes = network.classes,
          .masks = network.masks,
          .stride = network.stride,
          .input = network.input};
}

/// Throws Error (usage) for networks whose rows are not those of one detection head.
DetectionLevels LevelsOf(const Network& network) {
  const auto* head = std::get_if<DetectOp>(&network.graph[network.graph.output()].kind);
  if (head == nullptr || network.task != Task::kDetect) {
    throw Error("--augment is for detection models only, and not for several in one file", ExitCode::kUsage);
  }
  return {.count = std::ssize(head->strides),
          .max_stride = static_cast<std::int64_t>(std::ranges::max(head->strides))};
}

/// "class0", "class1", ... for classes without a name.
void NameAll(std::vector<std::string>& names, std::int64_t classes) {
  while (std::ssize(names) < classes) names.push_back("class" + std::to_string(names.size()));
}

Model ReadScript(const DetectorOptions& options) {
  const Path& file = options.weights.front();
  // Whoever gives a .pt file relies on it being read only.
  if (file.extension() != ".torchscript") {
    throw Error("cannot read weights '" + file.string() + "': it is a TorchScript program, not a checkpoint",
                ExitCode::kBadData, "If you trust it, name it *.torchscript: LibTorch then executes it.");
  }
  const ScriptInfo info = ReadScriptInfo(file);
  if (options.augment || options.half || options.visualize || !options.cfg.empty()) {
    throw Error(
        "--augment, --half, --visualize and --cfg do not work with TorchScript files: they run as they are",
        ExitCode::kUsage);
  }
  Model model;
  const Size asked = options.imgsz == Size() ? UsualInput(info.task) : options.imgsz;
  model.traits = {.task = info.task,
                  .names = info.names,
                  .classes = std::ssize(info.names),
                  .stride = info.stride,
                  .input = info.fixed_input().value_or(RoundedUp(asked, info.stride)),
                  .whole_input = info.fixed_input().has_value()};
  if (model.traits.names.empty() && !options.data.empty()) model.traits.names = ReadClassNames(options.data);
  model.summary.push_back(info.file.filename().string() + ": TorchScript");
  model.open = [info, traits = model.traits](const EngineOptions& engine_options) {
    Script script = OpenScript(info, engine_options);
    OpenModel open{.engine = std::move(script.engine), .traits = traits};
    open.traits.task = script.task;
    open.traits.classes = script.classes;
    open.traits.masks = script.masks;
    NameAll(open.traits.names, script.classes);
    return open;
  };
  return model;
}

Model ReadNetworks(const DetectorOptions& options) {
  if (options.visualize && (options.augment || options.weights.size() > 1)) {
    throw Error("--visualize shows one model at work: neither with --augment nor with several --weights",
                ExitCode::kUsage);
  }
  std::vector<Network> networks;
  std::vector<EnsembleMember> members;
  Model model;
  for (const Path& weights : options.weights) {
    if (IsTorchScript(weights)) {
      throw Error("'" + weights.string() + "' is a TorchScript file, which cannot be part of an ensemble",
                  ExitCode::kUsage);
    }
    const Network& network = networks.emplace_back(
        LoadNetwork(weights, options.imgsz, options.data, options.cfg, options.visualize));
    members.push_back({weights.string(), network.task, network.classes, network.stride});
    model.summary.push_back(weights.filename().string() + ": " + network.summary);
  }
  model.traits = TraitsOf(networks.front());
  if (networks.size() > 1) {
    model.traits.stride = EnsembleStride(members);
    model.traits.input = RoundedUp(model.traits.input, model.traits.stride);
  }
  std::vector<std::optional<DetectionLevels>> levels;  // of each network, to augment it
  levels.reserve(networks.size());
  for (const Network& network : networks) {
    levels.push_back(options.augment ? std::optional(LevelsOf(network)) : std::nullopt);
  }
  model.open = [networks = std::move(networks), levels = std::move(levels),
                traits = model.traits](const EngineOptions& engine_options) {
    std::vector<std::shared_ptr<const Engine>> engines;
    for (std::size_t i = 0; i < networks.size(); ++i) {
      auto engine = OpenEngine("torch", networks[i].graph, engine_options);
      engines.push_back(levels[i] ? Augment(std::move(engine), *levels[i]) : std::move(engine));
    }
    return OpenModel{engines.size() == 1 ? engines.front() : Ensemble(std::move(engines)), traits};
  };
  return model;
}

}  // namespace

Model ReadModel(const DetectorOptions& options) {
  if (options.weights.empty()) throw Error("no weights are given", ExitCode::kUsage);
  const bool script = options.weights.size() == 1 && IsTorchScript(options.weights.front());
  return script ? ReadScript(options) : ReadNetworks(options);
}

}  // namespace roost::yolo

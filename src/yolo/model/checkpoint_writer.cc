#include "yolo/model/checkpoint_writer.h"

#include <array>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>

#include "roost/base/error.h"
#include "yolo/model/checkpoint.h"
#include "yolo/model/checkpoint_writer_python.h"
#include "yolo/model/module_tree.h"
#include "yolo/model/torch_file.h"
#include "yolo/model/torch_writer.h"

namespace roost::yolo {
namespace {

// The key of a checkpoint under which our own state lies. Python's code reads the keys it knows.
constexpr std::string_view kOurKey = "roost";

bool IsFloating(DType type) {
  return type == DType::kFloat32 || type == DType::kFloat64 || type == DType::kFloat16 ||
         type == DType::kBFloat16;
}

/// Writes modules as Python's pickle finds them: an object of the class, and its `__dict__`.
class ModuleWriter {
 public:
  ModuleWriter(TorchWriter& writer, const CheckpointToSave& checkpoint)
      : writer_(writer), checkpoint_(checkpoint) {}

  /// The network, with the names and settings that the checkpoint gives it.
  void WriteModel(const Module& model) {
    Module named = WithPythonAttributes(model);
    if (!checkpoint_.names.empty()) {
      AttributeMap names;
      std::int64_t id = 0;
      for (const std::string& name : checkpoint_.names) names.push_back({{id++}, {name}});
      Set(named, "names", {std::move(names)});
    }
    if (!checkpoint_.hyp.empty()) Set(named, "hyp", {checkpoint_.hyp});
    WriteObject(named);
  }

 private:
  static void Set(Module& module, std::string_view name, Attribute value) {
    std::erase_if(module.attributes, [&](const auto& attribute) { return attribute.first == name; });
    module.attributes.emplace_back(name, std::move(value));
  }

  /// A module that several have is one object in Python, too.
  void Write(const std::shared_ptr<const Module>& module) {
    if (module == nullptr) return pickle_.None();
    const auto known = written_.find(module.get());
    if (known != written_.end()) return pickle_.Recall(known->second);
    WriteObject(WithPythonAttributes(*module));
    written_.emplace(module.get(), pickle_.Remember());
  }

  void WriteObject(const Module& module) {
    const std::size_t dot = module.class_name.rfind('.');
    if (dot == std::string::npos) throw module.Wrong("has a class without a module");
    pickle_.Global(std::string_view(module.class_name).substr(0, dot),
                   std::string_view(module.class_name).substr(dot + 1));
    pickle_.NewObject();
    pickle_.BeginDict();
    WriteContainers(module);
    for (const auto& [name, value] : module.attributes) {
      pickle_.Text(name);
      writer_.Write(value);
    }
    if (module.class_name == "models.yolo.Segment") WriteDetectOfSegment();
    pickle_.EndDict();
    pickle_.Build();
  }

  /// What torch.nn.Module keeps of its own.
  void WriteContainers(const Module& module) {
    BeginContainer("_parameters");
    for (const auto& [name, tensor] : module.parameters) WriteTensor(name, tensor, true);
    pickle_.EndDict();
    BeginContainer("_buffers");
    for (const auto& [name, tensor] : module.buffers) WriteTensor(name, tensor, false);
    pickle_.EndDict();
    pickle_.Text("_non_persistent_buffers_set");
    pickle_.Global("__builtin__", "set");
    pickle_.BeginTuple();
    pickle_.BeginList();
    pickle_.EndList();
    pickle_.EndTuple();
    pickle_.Call();
    pickle_.Text("_is_full_backward_hook");
    pickle_.None();
    for (const char* hooks :
         {"_backward_hooks", "_forward_hooks", "_forward_pre_hooks", "_state_dict_hooks",
          "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks"}) {  // later ones torch adds itself
      BeginContainer(hooks);
      pickle_.EndDict();
    }
    BeginContainer("_modules");
    for (const auto& [name, child] : module.children) {
      pickle_.Text(name);
      Write(child);
    }
    pickle_.EndDict();
  }

  void BeginContainer(std::string_view name) {
    pickle_.Text(name);
    pickle_.BeginOrderedDict();
  }

  void WriteTensor(std::string_view name, const std::optional<Tensor>& tensor, bool is_parameter) {
    pickle_.Text(name);
    if (!tensor) return pickle_.None();
    const Tensor written = checkpoint_.half && IsFloating(tensor->dtype) ? tensor->ToHalf() : *tensor;
    is_parameter ? writer_.WriteParameter(written) : writer_.Write(written);
  }

  /// The constructor of Segment keeps the function `Detect.forward`.
  void WriteDetectOfSegment() {
    pickle_.Text("detect");
    pickle_.Global("__builtin__", "getattr");
    pickle_.BeginTuple();
    pickle_.Global("models.yolo", "Detect");
    pickle_.Text("forward");
    pickle_.EndTuple();
    pickle_.Call();
  }

  TorchWriter& writer_;
  PickleWriter& pickle_ = writer_.pickle();
  const CheckpointToSave& checkpoint_;
  std::unordered_map<const Module*, std::uint32_t> written_;
};

template <typename T>
Attribute AttributeOf(const std::optional<T>& value) {
  return value ? Attribute{*value} : Attribute{};
}

template <typename T>
std::optional<T> Number(const pickle::Dict& properties, std::string_view key) {
  const pickle::Value* value = properties.Find(key);
  const auto* number = value == nullptr ? nullptr : pickle::As<T>(*value);
  return number == nullptr ? std::nullopt : std::optional<T>(*number);
}

SavedTraining ReadSavedTraining(TorchFile& file) {
  const Error none("it holds no state of a training that can go on", ExitCode::kBadData,
                   "Resume from the last.pt of a run of yolo-train that was stopped; to train on from other "
                   "weights give them with --weights.");
  const auto* properties = pickle::Behind<pickle::Dict>(file.root());
  const pickle::Value* state = properties == nullptr ? nullptr : properties->Find(kOurKey);
  if (state == nullptr || std::holds_alternative<std::monostate>(*state)) throw none;

  SavedTraining saved;
  ModuleTree tree(file);
  const auto module = [&](std::string_view key) -> std::shared_ptr<const Module> {
    const pickle::Value* value = properties->Find(key);
    const auto* object = value == nullptr ? nullptr : pickle::Behind<pickle::Object>(*value);
    return object == nullptr ? nullptr : tree.Build(*object);
  };
  saved.model = module("model");
  saved.ema = module("ema");
  if (saved.model == nullptr) throw none;
  saved.epoch = Number<std::int64_t>(*properties, "epoch").value_or(-1);
  saved.best_fitness = Number<double>(*properties, "best_fitness");
  saved.updates = Number<std::int64_t>(*properties, "updates");
  if (const pickle::Value* opt = properties->Find("opt")) {
    Attribute copy = tree.Copy(*opt);
    if (auto* map = std::get_if<AttributeMap>(&copy.value)) saved.opt = std::move(*map);
  }
  saved.training_state = tree.Copy(*state);
  return saved;
}

}  // namespace

void SaveCheckpoint(const CheckpointToSave& checkpoint, const Path& file) {
  ROOST_CHECK(checkpoint.model != nullptr, "a checkpoint has a model");
  TorchWriter writer;
  PickleWriter& pickle = writer.pickle();
  ModuleWriter modules(writer, checkpoint);
  const auto write = [&](std::string_view key, const Attribute& value) {
    pickle.Text(key);
    writer.Write(value);
  };

  pickle.BeginDict();
  write("epoch", {checkpoint.epoch});
  write("best_fitness", AttributeOf(checkpoint.best_fitness));
  pickle.Text("model");
  modules.WriteModel(*checkpoint.model);
  pickle.Text("ema");
  checkpoint.ema == nullptr ? pickle.None() : modules.WriteModel(*checkpoint.ema);
  write("updates", AttributeOf(checkpoint.updates));
  write("optimizer", {});  // Python's could not use ours
  write("opt", {checkpoint.opt});
  write("git", {});
  write("date", {checkpoint.date});
  if (!std::holds_alternative<std::monostate>(checkpoint.training_state.value)) {
    write(kOurKey, checkpoint.training_state);
  }
  pickle.EndDict();
  writer.Save(file);
}

SavedTraining ReadSavedTraining(const Path& file) {
  return ReadTorchFile(file, [](TorchFile& torch_file) { return ReadSavedTraining(torch_file); });
}

}  // namespace roost::yolo

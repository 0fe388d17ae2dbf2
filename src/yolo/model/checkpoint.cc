#include "yolo/model/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "roost/base/error.h"
#include "roost/base/text.h"
#include "yolo/model/module_tree.h"
#include "yolo/model/pickle.h"
#include "yolo/model/torch_file.h"

namespace roost::yolo {
namespace {

using pickle::As;
using pickle::Behind;
using pickle::Dict;
using pickle::Object;
using pickle::TensorView;
using pickle::Value;

// The largest public data sets have some ten thousand classes (Objects365, Open Images, LVIS: 365 to 1203).
constexpr std::int64_t kMaxClasses = 100'000;
// detect.py rounds image sides up to multiples of this at least.
constexpr std::int64_t kLeastStride = 32;
// P7 models have 128.
constexpr double kMaxStride = 1024;

[[noreturn]] void Fail(std::string what, std::string hint = {}) {
  throw Error(std::move(what), ExitCode::kBadData, std::move(hint));
}

bool IsModule(const Object& object) { return object.state.Find("_modules") != nullptr; }

[[noreturn]] void FailStateDict() {
  Fail("it holds a state_dict: weights without the network they belong to",
       "Name the description of its network, a YAML of YOLOv5's models folder, with --cfg; or save the whole "
       "model: torch.save({'model': model}, 'weights.pt').");
}

/// The value under `key`, or null where it is absent or None.
const Value* FindPresent(const Dict& dict, std::string_view key) {
  const Value* value = dict.Find(key);
  return value != nullptr && std::holds_alternative<std::monostate>(*value) ? nullptr : value;
}

/// The network in a checkpoint. Training keeps a smoothed copy, `ema`, which is the one meant for use, as in
/// the reference's `ckpt.get('ema') or ckpt['model']`.
const Object& FindModel(const Value& root, bool& from_ema) {
  const auto* checkpoint = Behind<Dict>(root);
  if (checkpoint == nullptr) {
    const auto* object = Behind<Object>(root);
    if (object != nullptr && IsModule(*object)) {
      Fail("it holds a bare " + object->type->FullName() + ", not a checkpoint with a 'model'",
           "Save it as torch.save({'model': model}, 'weights.pt').");
    }
    Fail("it holds " + pickle::Describe(root) + ", not a checkpoint with a 'model'");
  }
  if (IsStateDict(*checkpoint)) FailStateDict();

  const Value* ema = FindPresent(*checkpoint, "ema");
  const Value* model = ema != nullptr ? ema : FindPresent(*checkpoint, "model");
  from_ema = ema != nullptr;
  if (model == nullptr) {
    Fail(checkpoint->Find("model") != nullptr ? "its 'model' is None"
                                              : "it has no 'model', so it is not a YOLOv5 checkpoint");
  }
  if (const auto* dict = Behind<Dict>(*model); dict != nullptr && IsStateDict(*dict)) FailStateDict();
  const auto* object = Behind<Object>(*model);
  if (object == nullptr || !IsModule(*object)) {
    Fail("its '" + std::string(from_ema ? "ema" : "model") + "' is " + pickle::Describe(*model) +
         ", not a network");
  }
  return *object;
}

/// The model in what may be wrapped around it: (Distributed)DataParallel of training on several GPUs holds it
/// as `module`; AutoShape (autoShape up to v5.0) and DetectMultiBackend of torch.hub as `model`.
std::shared_ptr<const Module> Unwrap(std::shared_ptr<const Module> module) {
  const auto held_as = [](const std::string& class_name) -> std::string_view {
    if (class_name.starts_with("torch.nn.parallel.")) return "module";
    for (const std::string_view wrapper : {"AutoShape", "autoShape", "DetectMultiBackend"}) {
      if (class_name == "models.common." + std::string(wrapper)) return "model";
    }
    return {};
  };
  while (true) {  // ends: the tree is finite
    const std::string_view name = held_as(module->class_name);
    if (name.empty()) return module;
    const auto inner = std::find_if(module->children.begin(), module->children.end(),
                                    [&](const auto& child) { return child.first == name && child.second; });
    if (inner == module->children.end()) throw module->Wrong("wraps no model");
    module = inner->second;
  }
}

/// The models that vote in an ensemble; any other model alone.
std::vector<const Module*> Members(const Module& model) {
  if (model.class_name != "models.experimental.Ensemble") return {&model};
  std::vector<const Module*> members;
  for (const auto& [name, child] : model.children) {
    if (child != nullptr) members.push_back(child.get());
  }
  if (members.empty()) throw model.Wrong("holds no model");
  return members;
}

/// The last layer, or null. Old releases could put an NMS layer behind it.
const Module* FindHead(const Module& model) {
  const Module* layers = model.FindChild("model");
  const Module* head = nullptr;
  if (layers == nullptr) return head;
  for (const auto& [name, child] : layers->children) {
    if (child != nullptr && child->class_name != "models.common.NMS") head = child.get();
  }
  return head;
}

/// The name of class `id`: names are texts, though numbers can be printed as well.
std::string NameOf(const Attribute& name, std::int64_t id) {
  if (const auto* text = std::get_if<std::string>(&name.value)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&name.value)) return std::to_string(*number);
  Fail("the name of class " + std::to_string(id) + " is not a text");
}

/// `names` is a list, or since v7.0 a dictionary from number to name, in any order and with gaps. Classes of
/// the head without a name are called as the reference's other back ends call them, "class<i>".
std::vector<std::string> ReadNames(const Module& model) {
  std::vector<std::string> names;
  const auto name_up_to = [&](std::int64_t count) {
    for (auto i = static_cast<std::int64_t>(names.size()); i < count; ++i) {
      names.push_back("class" + std::to_string(i));
    }
  };

  if (const Attribute* attribute = model.FindAttribute("names")) {
    if (const auto* list = std::get_if<AttributeList>(&attribute->value)) {
      if (list->size() > kMaxClasses) Fail("it names " + std::to_string(list->size()) + " classes");
      for (const Attribute& name : *list) {
        names.push_back(NameOf(name, static_cast<std::int64_t>(names.size())));
      }
    } else if (const auto* map = std::get_if<AttributeMap>(&attribute->value)) {
      for (const auto& [key, name] : *map) {
        const auto* id = std::get_if<std::int64_t>(&key.value);
        if (id == nullptr || *id < 0) Fail("its 'names' have a key that is not the number of a class");
        if (*id >= kMaxClasses) Fail("it names class " + std::to_string(*id) + ", which cannot be");
        name_up_to(*id + 1);
        names[static_cast<std::size_t>(*id)] = NameOf(name, *id);
      }
    } else {
      Fail("its 'names' are neither a list nor a dict");
    }
  }

  const Module* head = FindHead(model);
  const Attribute* classes = head == nullptr ? nullptr : head->FindAttribute("nc");
  const auto* count = classes == nullptr ? nullptr : std::get_if<std::int64_t>(&classes->value);
  if (count != nullptr && *count <= kMaxClasses) name_up_to(*count);
  return names;
}

/// The largest of the numbers in a `stride` attribute: a tensor, a list or a number.
std::optional<double> LargestStride(const Module& module) {
  const Attribute* attribute = module.FindAttribute("stride");
  const Tensor* tensor = module.FindTensor("stride");
  std::vector<double> strides;
  if (attribute != nullptr) {
    if (const auto* value = std::get_if<Tensor>(&attribute->value)) tensor = value;
    if (const auto* value = std::get_if<std::int64_t>(&attribute->value)) {
      strides.push_back(static_cast<double>(*value));
    }
    if (const auto* value = std::get_if<double>(&attribute->value)) strides.push_back(*value);
    if (const auto* list = std::get_if<AttributeList>(&attribute->value)) {
      for (const Attribute& item : *list) {
        if (const auto* value = std::get_if<std::int64_t>(&item.value)) {
          strides.push_back(static_cast<double>(*value));
        }
        if (const auto* value = std::get_if<double>(&item.value)) strides.push_back(*value);
      }
    }
  }
  if (tensor != nullptr) {
    for (const float value : tensor->ToFloats()) strides.push_back(value);
  }
  if (strides.empty()) return std::nullopt;
  for (const double stride : strides) {
    if (!(stride >= 1 && stride <= kMaxStride)) {
      std::ostringstream what;
      what << "a stride of " << stride << " cannot be";
      throw module.Wrong(what.str());
    }
  }
  return *std::max_element(strides.begin(), strides.end());
}

bool IsBoxHead(const Module& head) {
  return head.class_name == "models.yolo.Detect" || head.class_name == "models.yolo.Segment";
}

std::int64_t ReadStride(const Module& model) {
  const Module* head = FindHead(model);
  std::optional<double> stride = LargestStride(model);
  if (!stride && head != nullptr && IsBoxHead(*head)) stride = LargestStride(*head);
  return std::max(kLeastStride, static_cast<std::int64_t>(stride.value_or(kLeastStride)));
}

}  // namespace

bool IsStateDict(const Dict& dict) {
  return !dict.items.empty() && std::all_of(dict.items.begin(), dict.items.end(), [](const auto& item) {
    return As<std::string_view>(item.first) != nullptr && Behind<TensorView>(item.second) != nullptr;
  });
}

Checkpoint ReadCheckpoint(TorchFile& file) {
  Checkpoint checkpoint;
  checkpoint.format = file.format();
  const Object& object = FindModel(file.root(), checkpoint.from_ema);
  ModuleTree tree(file);
  checkpoint.model = Unwrap(tree.Build(object));
  const std::vector<const Module*> members = Members(*checkpoint.model);
  checkpoint.names = ReadNames(*members.front());
  for (const Module* member : members) checkpoint.stride = std::max(checkpoint.stride, ReadStride(*member));

  const Dict& properties = *Behind<Dict>(file.root());
  const Value* epoch = properties.Find("epoch");
  if (epoch != nullptr && As<std::int64_t>(*epoch) != nullptr) checkpoint.epoch = *As<std::int64_t>(*epoch);
  const Value* date = properties.Find("date");
  if (date != nullptr && As<std::string_view>(*date) != nullptr) {
    checkpoint.date = std::string(*As<std::string_view>(*date));
  }
  return checkpoint;
}

Checkpoint ReadCheckpoint(SharedBytes bytes) {
  TorchFile file(std::move(bytes));
  return ReadCheckpoint(file);
}

Error CannotRead(const Path& file, const std::string& reason, ExitCode code, const std::string& hint) {
  return Error("cannot read weights '" + file.string() + "': " + reason, code, hint);
}

SharedBytes MapWeights(const Path& file) {
  std::error_code ignored;
  const auto status = std::filesystem::status(file, ignored);
  if (status.type() == std::filesystem::file_type::not_found) {
    throw CannotRead(file, "there is no such file", ExitCode::kNoInput);
  }
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw CannotRead(file,
                     std::filesystem::is_directory(status) ? "it is a folder" : "it is not a regular file",
                     ExitCode::kBadData);
  }
  const std::shared_ptr<const MappedFile> mapped = MappedFile::Open(file);
  return {mapped->bytes(), mapped};
}

Checkpoint LoadCheckpoint(const Path& file) {
  return ReadTorchFile(file, [](TorchFile& torch_file) { return ReadCheckpoint(torch_file); });
}

}  // namespace roost::yolo

#include "yolo/model/state_dict.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "roost/base/text.h"
#include "yolo/model/checkpoint.h"
#include "yolo/model/pickle.h"
#include "yolo/model/torch_file.h"

namespace roost::yolo {
namespace {

using pickle::As;
using pickle::Behind;
using pickle::Dict;
using pickle::TensorView;

const Dict* FindStateDict(const pickle::Value& root) {
  const auto* dict = Behind<Dict>(root);
  if (dict == nullptr || IsStateDict(*dict)) return dict;
  for (const char* key : {"ema", "model", "state_dict", "model_state_dict"}) {
    const pickle::Value* value = dict->Find(key);
    const auto* inner = value == nullptr ? nullptr : Behind<Dict>(*value);
    if (inner != nullptr && IsStateDict(*inner)) return inner;
  }
  return nullptr;
}

/// Not weights, or weights that YOLOv5 works out by itself: a state_dict may have them or not.
bool IsOptional(std::string_view name) {
  constexpr std::string_view kNames[] = {"num_batches_tracked",
                                         "anchor_grid",                 // buffer of the head up to v5.0
                                         "total_ops", "total_params"};  // of thop, which counts FLOPs
  return std::ranges::any_of(kNames, [&](std::string_view known) { return name.ends_with(known); });
}

std::string Text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t n : shape) text += (text.empty() ? "" : "x") + std::to_string(n);
  return text.empty() ? "one number" : text;
}

class Filler {
 public:
  explicit Filler(const StateDict& state) {
    for (const auto& [name, tensor] : state.tensors) unused_.emplace(name, &tensor);
  }

  std::shared_ptr<const Module> Fill(const Module& module, const std::string& prefix) {
    auto filled = std::make_shared<Module>(module);
    for (auto* tensors : {&filled->parameters, &filled->buffers}) {
      for (auto& [name, tensor] : *tensors) {
        if (tensor) FillOne(prefix + name, *tensor);
      }
    }
    for (auto& [name, child] : filled->children) {
      if (child != nullptr) child = Fill(*child, prefix + name + ".");
    }
    return filled;
  }

  /// After everything was filled.
  void Check() const {
    std::vector<std::string> extra;
    for (const auto& [name, tensor] : unused_) {
      if (!IsOptional(name)) extra.push_back(Printable(name.substr(0, 100)));
    }
    std::ranges::sort(extra);
    std::string what;
    const auto add = [&](const std::vector<std::string>& names, const std::string& how) {
      constexpr std::size_t kNamed = 3;
      if (names.empty()) return;
      const std::vector<std::string> first(
          names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kNamed)));
      what += (what.empty() ? "" : "; ") + std::to_string(names.size()) + how + ": " + Join(first, ", ") +
              (names.size() > kNamed ? ", ..." : "");
    };
    add(missing_, " weights of the model are missing");
    add(misshapen_, " have another shape");
    add(extra, " have no place in the model");
    if (what.empty()) return;
    throw Error("its state_dict does not fit the model description: " + what, ExitCode::kBadData,
                "Is --cfg the file that the model was trained with, with its number of classes (nc)?");
  }

 private:
  void FillOne(const std::string& name, Tensor& tensor) {
    const auto found = unused_.find(name);
    if (found == unused_.end()) {
      if (!IsOptional(name)) missing_.push_back(name);
      return;
    }
    const Tensor& given = *found->second;
    if (given.shape != tensor.shape) {
      if (!IsOptional(name))
        misshapen_.push_back(name + " (" + Text(given.shape) + ", not " + Text(tensor.shape) + ")");
    } else {
      tensor = given;
    }
    unused_.erase(found);
  }

  std::unordered_map<std::string_view, const Tensor*> unused_;
  std::vector<std::string> missing_, misshapen_;
};

}  // namespace

std::optional<StateDict> LoadStateDict(const Path& file) {
  return ReadTorchFile(file, [](TorchFile& torch_file) -> std::optional<StateDict> {
    const Dict* dict = FindStateDict(torch_file.root());
    if (dict == nullptr) return std::nullopt;
    constexpr std::string_view kParallel = "module.";
    const bool parallel = std::ranges::all_of(dict->items, [&](const auto& item) {
      return As<std::string_view>(item.first)->starts_with(kParallel);
    });
    StateDict state{.tensors = {}, .format = torch_file.format()};
    for (const auto& [key, value] : dict->items) {
      std::string_view name = *As<std::string_view>(key);
      if (parallel) name.remove_prefix(kParallel.size());
      state.tensors.emplace_back(name, torch_file.Read(*Behind<TensorView>(value)));
    }
    return state;
  });
}

std::shared_ptr<const Module> FillWeights(const Module& model, const StateDict& state) {
  Filler filler(state);
  std::shared_ptr<const Module> filled = filler.Fill(model, "");
  filler.Check();
  return filled;
}

}  // namespace roost::yolo

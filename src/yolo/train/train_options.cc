#include "yolo/train/train_options.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <variant>

#include "roost/base/text.h"

namespace roost::yolo {
namespace {

using Kind = TrainOptionInfo::Kind;

using Member = std::variant<std::string TrainOptions::*, std::int64_t TrainOptions::*, double TrainOptions::*,
                            bool TrainOptions::*, std::vector<std::int64_t> TrainOptions::*>;

struct Option {
  TrainOptionInfo info;
  Member member;
  std::int64_t least = std::numeric_limits<std::int64_t>::min();  ///< of a whole number
};

using O = TrainOptions;

const std::vector<Option>& Options() {
  static const std::vector<Option> kOptions = {
      {{"weights", "checkpoint to begin with"}, &O::weights},
      {{"cfg", "model YAML; without --weights it is trained from scratch"}, &O::cfg},
      {{"data", "dataset YAML"}, &O::data},
      {{"hyp", "hyperparameter YAML"}, &O::hyp},
      {{"epochs", "how often every picture is seen"}, &O::epochs, 1},
      {{"batch_size", "pictures of a step, of all processes together"}, &O::batch_size, 1},
      {{"imgsz", "side of the pictures in pixels, for training and validation"}, &O::imgsz, 32},
      {{"rect", "batches of pictures of like shape, without mosaic", Kind::kFlag}, &O::rect},
      {{"resume", "go on with a run that was stopped: its last.pt, or the newest run", Kind::kOptionalValue,
        "latest"},
       &O::resume},
      {{"nosave", "keep only the last checkpoint", Kind::kFlag}, &O::nosave},
      {{"noval", "validate after the last epoch only", Kind::kFlag}, &O::noval},
      {{"noautoanchor", "keep the model's anchors, whatever the labels are like", Kind::kFlag},
       &O::noautoanchor},
      {{"noplots", "draw no pictures of the run", Kind::kFlag}, &O::noplots},
      {{"cache", "keep decoded pictures: ram or disk", Kind::kOptionalValue, "ram"}, &O::cache},
      {{"image_weights", "show pictures with badly found classes more often", Kind::kFlag},
       &O::image_weights},
      {{"device", "cpu, or the number of a CUDA device"}, &O::device},
      {{"multi_scale", "vary the side by half, up and down", Kind::kFlag}, &O::multi_scale},
      {{"single_cls", "train all classes as one", Kind::kFlag}, &O::single_cls},
      {{"optimizer", "SGD, Adam or AdamW"}, &O::optimizer},
      {{"sync_bn", "batch norms of all processes use common statistics", Kind::kFlag}, &O::sync_bn},
      {{"workers", "threads that make pictures ready, in each process"}, &O::workers, 0},
      {{"project", "folder of the runs"}, &O::project},
      {{"name", "name of the run"}, &O::name},
      {{"exist_ok", "use project/name although it exists", Kind::kFlag}, &O::exist_ok},
      {{"cos_lr", "learning rate falls along a cosine, not a line", Kind::kFlag}, &O::cos_lr},
      {{"label_smoothing", "how little the labels of classes are trusted, 0 to 1"}, &O::label_smoothing},
      {{"patience", "stop after so many epochs without improvement; 0: never"}, &O::patience, 0},
      {{"freeze", "layers that keep their weights: how many from the first, or several numbers", Kind::kList},
       &O::freeze},
      {{"save_period", "keep a checkpoint every so many epochs"}, &O::save_period},
      {{"seed", "of everything that is drawn"}, &O::seed, 0},
      {{"threads", "of LibTorch, in each process"}, &O::threads, 0},
      {{"quiet", "say only what goes wrong", Kind::kFlag}, &O::quiet},
  };
  return kOptions;
}

std::optional<bool> ParseBool(const std::string& text) {
  const std::string lower = ToLower(text);
  if (lower == "1" || lower == "true" || lower == "yes" || lower == "on") return true;
  if (lower.empty() || lower == "0" || lower == "false" || lower == "no" || lower == "off") return false;
  return std::nullopt;
}

std::string Canonical(std::string name) {
  std::ranges::replace(name, '-', '_');
  if (name == "img" || name == "img_size") return "imgsz";  // train.py's other names
  if (name == "batch") return "batch_size";
  return name;
}

/// Sets one member from a text; false where the text does not fit.
struct Setter {
  TrainOptions& options;
  const Option& option;
  const std::string& text;

  bool operator()(std::string O::*member) const {
    options.*member = text;
    return true;
  }
  bool operator()(std::int64_t O::*member) const {
    const auto number = ParseInt(text);
    if (!number || *number < option.least) return false;
    options.*member = *number;
    return true;
  }
  bool operator()(double O::*member) const {
    const auto number = ParseDouble(text);
    if (!number || !std::isfinite(*number)) return false;
    options.*member = *number;
    return true;
  }
  bool operator()(bool O::*member) const {
    const auto value = ParseBool(text);
    if (value) options.*member = *value;
    return value.has_value();
  }
  bool operator()(std::vector<std::int64_t> O::*member) const {
    std::vector<std::int64_t> numbers;
    for (const std::string& word : SplitAny(text, " ,[]")) {
      if (word.empty()) continue;
      const auto number = ParseInt(word);
      if (!number || *number < 0) return false;
      numbers.push_back(*number);
    }
    if (numbers.empty()) return false;
    options.*member = std::move(numbers);
    return true;
  }
};

struct Getter {
  const TrainOptions& options;

  std::string operator()(std::string O::*member) const { return options.*member; }
  std::string operator()(std::int64_t O::*member) const { return std::to_string(options.*member); }
  std::string operator()(double O::*member) const {
    constexpr int kEnough = 32;
    std::string text(kEnough, '\0');
    text.resize(static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "%.17g", options.*member)));
    return text;
  }
  std::string operator()(bool O::*member) const { return options.*member ? "true" : "false"; }
  std::string operator()(std::vector<std::int64_t> O::*member) const {
    std::vector<std::string> words;
    for (const std::int64_t number : options.*member) words.push_back(std::to_string(number));
    return Join(words, " ");
  }
};

}  // namespace

Result<void> TrainOptions::Set(const std::string& key, const std::string& value) {
  const std::string wanted = Canonical(key);
  const auto option = std::ranges::find_if(Options(), [&](const Option& o) { return o.info.name == wanted; });
  if (option != Options().end()) {
    if (std::visit(Setter{*this, *option, value}, option->member)) return {};
    return Error(wanted + ": '" + Printable(value) + "' cannot be", ExitCode::kUsage);
  }
  const auto number = ParseDouble(value);
  Hyperparameters changed = hyperparameters;
  if (!changed.Set(wanted, number.value_or(0))) {
    return Error("there is no option and no hyperparameter '" + Printable(key) + "'", ExitCode::kUsage);
  }
  if (!number || !std::isfinite(*number)) {
    return Error(wanted + ": '" + Printable(value) + "' is no number", ExitCode::kUsage);
  }
  hyperparameters = changed;
  return {};
}

std::vector<std::pair<std::string, std::string>> TrainOptions::All() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const Option& option : Options()) {
    all.emplace_back(option.info.name, std::visit(Getter{*this}, option.member));
  }
  return all;
}

std::span<const TrainOptionInfo> TrainOptionInfos() {
  static const std::vector<TrainOptionInfo> kInfos = [] {
    std::vector<TrainOptionInfo> infos;
    for (const Option& option : Options()) infos.push_back(option.info);
    return infos;
  }();
  return kInfos;
}

}  // namespace roost::yolo

#include "yolo/train/hyperparameters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>

#include <yaml-cpp/yaml.h>

#include "roost/base/error.h"
#include "roost/base/text.h"

namespace roost::yolo {
namespace {

struct Field {
  const char* name;
  double& (*of)(Hyperparameters&);
};

#define ROOST_HYP(name)                                          \
  Field {                                                        \
#name, [](Hyperparameters & h) -> double& { return h.name; } \
  }
#define ROOST_AUGMENTATION(name)                                              \
  Field {                                                                     \
#name, [](Hyperparameters & h) -> double& { return h.augmentation.name; } \
  }

constexpr std::array kFields = {
    ROOST_HYP(lr0),
    ROOST_HYP(lrf),
    ROOST_HYP(momentum),
    ROOST_HYP(weight_decay),
    ROOST_HYP(warmup_epochs),
    ROOST_HYP(warmup_momentum),
    ROOST_HYP(warmup_bias_lr),
    ROOST_HYP(box),
    ROOST_HYP(cls),
    ROOST_HYP(cls_pw),
    ROOST_HYP(obj),
    ROOST_HYP(obj_pw),
    ROOST_HYP(iou_t),
    ROOST_HYP(anchor_t),
    ROOST_HYP(anchors),
    ROOST_HYP(fl_gamma),
    ROOST_HYP(label_smoothing),
    ROOST_AUGMENTATION(hsv_h),
    ROOST_AUGMENTATION(hsv_s),
    ROOST_AUGMENTATION(hsv_v),
    ROOST_AUGMENTATION(degrees),
    ROOST_AUGMENTATION(translate),
    ROOST_AUGMENTATION(scale),
    ROOST_AUGMENTATION(shear),
    ROOST_AUGMENTATION(perspective),
    ROOST_AUGMENTATION(flipud),
    ROOST_AUGMENTATION(fliplr),
    ROOST_AUGMENTATION(mosaic),
    ROOST_AUGMENTATION(mixup),
    ROOST_AUGMENTATION(copy_paste),
};

#undef ROOST_HYP
#undef ROOST_AUGMENTATION

}  // namespace

bool Hyperparameters::Set(const std::string& name, double value) {
  const auto field = std::ranges::find_if(kFields, [&](const Field& f) { return name == f.name; });
  if (field == kFields.end()) return false;
  field->of(*this) = value;
  return true;
}

std::vector<std::pair<std::string, double>> Hyperparameters::All() const {
  Hyperparameters copy = *this;
  std::vector<std::pair<std::string, double>> all;
  all.reserve(kFields.size());
  for (const Field& field : kFields) all.emplace_back(field.name, field.of(copy));
  return all;
}

Hyperparameters ReadHyperparameters(const Path& file) {
  constexpr std::uint64_t kMaxSize = 1 << 20;
  const std::string text = ReadRegularFile(file, kMaxSize).value();
  Hyperparameters read;
  const auto wrong = [&](const YAML::Mark& mark, const std::string& what) {
    return Error(file.string() + ":" + std::to_string(mark.line + 1) + ": " + what, ExitCode::kBadData);
  };
  try {
    const YAML::Node root = YAML::Load(text);
    if (!root.IsMap()) throw wrong(root.Mark(), "holds no hyperparameters");
    for (const auto& item : root) {
      const auto name = item.first.as<std::string>();
      const std::optional<double> value =
          item.second.IsScalar() ? ParseDouble(item.second.Scalar()) : std::nullopt;
      if (!value || !std::isfinite(*value)) throw wrong(item.first.Mark(), "'" + name + "' is no number");
      if (!read.Set(name, *value)) {
        throw wrong(item.first.Mark(), "there is no hyperparameter '" + Printable(name) + "'");
      }
    }
  } catch (const YAML::Exception& error) {
    throw wrong(error.mark, error.msg);
  }
  return read;
}

std::string ToYaml(const Hyperparameters& hyperparameters) {
  std::string text;
  for (const auto& [name, value] : hyperparameters.All()) {
    std::array<char, 32> digits{};  // the shortest that read back the same
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    text.append(name).append(": ").append(digits.data(), end).append("\n");
  }
  return text;
}

}  // namespace roost::yolo

#include "tools/train_flags.h"

#include <algorithm>
#include <deque>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "roost/base/text.h"
#include "tools/python_flags.h"

namespace roost::yolo {
namespace {

constexpr const char* kProgram = "yolo-train";
constexpr const char* kDescription =
    "Trains a YOLOv5 detection model on pictures with label files: PROJECT/NAME/weights/best.pt.\n"
    "Takes the flags of train.py. The last line on stdout is the name of the run's folder.\n"
    "Every option, and every hyperparameter (lr0, mosaic, ...), can also be given as ROOST_TRAIN_<OPTION> in "
    "the "
    "environment and as trailing words: KEY VALUE.";
constexpr const char* kFooter = R"(Examples:
  yolo-train --data signs.yaml --weights yolov5n.pt --epochs 50
  yolo-train --data signs.yaml --cfg yolov5n.yaml --imgsz 416 --batch-size 32 --cache
  yolo-train --data signs.yaml --weights best.pt --freeze 10 lr0 0.002 mosaic 0.5
  yolo-train --resume
  yolo-train --data signs.yaml --cfg yolov5n.yaml --nproc 4 --sync-bn
  ROOST_TRAIN_EPOCHS=3 srun --ntasks 8 yolo-train --data signs.yaml --weights yolov5s.pt

Exit status: 0 all done, 1 failed, 64 wrong flags, 65 unusable data or weights, 66 no such input, 73 cannot write the
output, 75 stopped early (--resume goes on), 77 no permission.)";

Error UsageError(const std::string& message) {
  return Error(message, ExitCode::kUsage, "see yolo-train --help");
}

struct Assignment {
  std::string where;  ///< for messages
  std::string name, value;
};

std::string FlagOf(std::string name) {
  std::ranges::replace(name, '_', '-');
  return "--" + name;
}

/// One CLI11 option for each of the table; what is given is left in `values`.
class Flags {
 public:
  explicit Flags(CLI::App& app) {
    for (const auto& [name, value] : TrainOptions().All()) defaults_.emplace(name, value);
    for (const TrainOptionInfo& info : TrainOptionInfos()) Add(app, info);
  }

  /// Of options that take several numbers: what follows the last number belongs to nobody. Takes it away.
  std::vector<std::string> TakeStrayWords() {
    std::vector<std::string> stray;
    for (One& one : ones_) {
      if (one.info->kind != TrainOptionInfo::Kind::kList) continue;
      const auto is_number = [](const std::string& word) {
        return std::ranges::all_of(word, [](char c) {
          return std::string_view("0123456789,[] ").find(c) != std::string_view::npos;
        });
      };
      const auto first = std::ranges::find_if_not(one.values, is_number);
      stray.insert(stray.end(), first, one.values.end());
      one.values.erase(first, one.values.end());
    }
    return stray;
  }

  /// What was given, in the table's order.
  std::vector<Assignment> Given() const {
    std::vector<Assignment> given;
    for (const One& one : ones_) {
      if (one.option->count() == 0) continue;
      const std::string flag = FlagOf(one.info->name);
      std::string value = Join(one.values, " ");
      if (one.info->kind == TrainOptionInfo::Kind::kFlag) value = "true";
      if (value.empty() && one.info->kind == TrainOptionInfo::Kind::kOptionalValue) value = one.info->implied;
      given.push_back({flag, one.info->name, value});
    }
    return given;
  }

 private:
  struct One {
    const TrainOptionInfo* info;
    std::vector<std::string> values;
    bool set = false;
    CLI::Option* option = nullptr;
  };

  void Add(CLI::App& app, const TrainOptionInfo& info) {
    One& one = ones_.emplace_back(One{&info, {}});
    std::string names = FlagOf(info.name);
    if (info.name == "imgsz") names += ",--img,--img-size";
    switch (info.kind) {
      case TrainOptionInfo::Kind::kFlag:
        one.option = app.add_flag(names, one.set, info.help);
        return;
      case TrainOptionInfo::Kind::kValue:
        one.option =
            app.add_option(names, one.values, info.help)->expected(1)->allow_extra_args(false)->take_last();
        return;
      case TrainOptionInfo::Kind::kOptionalValue:
        one.option = app.add_option(names, one.values, info.help)->expected(0, 1)->allow_extra_args(false);
        return;
      case TrainOptionInfo::Kind::kList:
        one.option = app.add_option(names, one.values, info.help)->expected(1, -1);
        return;
    }
  }

  std::map<std::string, std::string> defaults_;
  std::deque<One> ones_;  // CLI11 keeps addresses
};

std::vector<Assignment> FromEnvironment(const std::map<std::string, std::string>& environment) {
  constexpr std::string_view kPrefix = "ROOST_TRAIN_";
  std::vector<Assignment> found;
  for (const auto& [name, value] : environment) {
    if (name.starts_with(kPrefix)) {
      found.push_back({name, ToLower(std::string_view(name).substr(kPrefix.size())), value});
    }
  }
  return found;
}

std::vector<Assignment> FromWords(const std::vector<std::string>& words) {
  if (words.size() % 2 != 0)
    throw UsageError("'" + Printable(words.back()) + "' has no value: words come as KEY VALUE");
  std::vector<Assignment> found;
  for (std::size_t i = 0; i < words.size(); i += 2) found.push_back({words[i], words[i], words[i + 1]});
  return found;
}

/// What is an option of the program, not of the training; false where `given` is none of them.
bool SetOfProgram(const Assignment& given, TrainFlags& flags) {
  if (given.name == "nproc") {
    const auto number = ParseInt(given.value);
    if (!number || *number < 1)
      throw UsageError(given.where + ": '" + Printable(given.value) + "' cannot be");
    flags.nproc = *number;
  } else if (given.name == "json") {
    flags.json = given.value != "0" && ToLower(given.value) != "false";
  } else if (given.name == "color") {
    flags.color = given.value;
  } else {
    return false;
  }
  return true;
}

void Apply(const std::vector<Assignment>& assignments, TrainOptions& options) {
  for (const Assignment& given : assignments) {
    if (given.name == "hyp") options.hyp = given.value;
  }
  // The file first: what is set by name is on top of it.
  if (!options.hyp.empty()) options.hyperparameters = ReadHyperparameters(options.hyp);
  for (const Assignment& given : assignments) {
    const Result<void> set = options.Set(given.name, given.value);
    if (!set) throw UsageError(given.where + ": " + set.error().message());
  }
}

}  // namespace

std::optional<TrainFlags> ParseTrainFlags(int argc, char** argv,
                                          const std::map<std::string, std::string>& environment) {
  TrainFlags flags;
  CLI::App app(kDescription, kProgram);
  app.set_version_flag("--version", std::string(kProgram) + " " ROOST_VERSION);
  app.footer(kFooter);
  Flags given(app);
  std::vector<std::string> words;
  app.add_option("--nproc", flags.nproc, "processes on this host that train together")
      ->check(CLI::PositiveNumber);
  app.add_flag("--json", flags.json, "a JSON line on stdout for each epoch, and one at the end");
  app.add_option("--color", flags.color, "auto, always or never")->capture_default_str();
  app.add_option("KEY VALUE", words, "more options or hyperparameters: lr0 0.02 epochs 3");
  try {
    std::vector<std::string> line = SpellOutFlags(app, {argv + 1, argv + argc});
    std::ranges::reverse(line);  // CLI11 takes them from the end
    app.parse(std::move(line));
  } catch (const CLI::Success& answered) {
    app.exit(answered);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  const std::vector<std::string> stray = given.TakeStrayWords();
  words.insert(words.begin(), stray.begin(), stray.end());
  std::vector<Assignment> all = FromEnvironment(environment);
  for (const auto& more : {given.Given(), FromWords(words)}) all.insert(all.end(), more.begin(), more.end());
  std::erase_if(all, [&](const Assignment& assignment) { return SetOfProgram(assignment, flags); });
  Apply(all, flags.options);
  for (const Assignment& assignment : all) flags.given.emplace_back(assignment.name, assignment.value);
  return flags;
}

}  // namespace roost::yolo

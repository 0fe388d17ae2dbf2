#include "yolo/detect/reporter.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

#include "roost/base/text.h"
#include "yolo/detect/classify.h"
#include "yolo/detect/json_text.h"

namespace roost::yolo {
namespace {

constexpr std::size_t kRepeatedAtTheEnd = 20;  // of the unusable inputs; each had its line when it came up

std::string Fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string Milli(Milliseconds time) { return Fixed(time.count(), 1) + "ms"; }

std::string Numbered(const InputPlace& place) {
  return std::string(place.input.kind == Input::Kind::kImage ? "image " : "video ") +
         std::to_string(place.number) + "/" + std::to_string(place.total);
}

std::string NameOf(const Input& input) {
  return Printable(input.origin.empty() ? input.path.native() : input.origin);
}

/// For scripts: the name that the user knows it by.
std::string ShownName(const Input& input) {
  return JsonName(input.origin.empty() ? input.path.native() : input.origin);
}

/// detect.py's beginning of a line.
std::string Place(const InputPlace& place, const Frame& frame) {
  if (place.input.kind == Input::Kind::kStream) return std::to_string(place.number - 1) + ": ";
  std::string text = Numbered(place) + " ";
  if (frame.number > 0) {
    text += "(" + std::to_string(frame.number) + "/" + std::to_string(frame.video.frames) + ") ";
  }
  return text + NameOf(place.input) + ": ";
}

std::string Count(std::size_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

nlohmann::ordered_json ClassesToJson(const Findings& findings, const ModelTraits& traits) {
  auto classes = nlohmann::ordered_json::array();
  for (const ClassScore& score : findings.classes) {
    classes.push_back({{"class", score.class_id},
                       {"name", ClassName(traits.names, score.class_id)},
                       {"probability", Shortest(score.probability)}});
  }
  return classes;
}

nlohmann::ordered_json DetectionsToJson(const Findings& findings, const ModelTraits& traits) {
  auto objects = nlohmann::ordered_json::array();
  for (const Detection& d : findings.detections) {
    objects.push_back(
        {{"class", d.class_id},
         {"name", ClassName(traits.names, d.class_id)},
         {"confidence", Shortest(d.confidence)},
         {"box", {Shortest(d.box.x1), Shortest(d.box.y1), Shortest(d.box.x2), Shortest(d.box.y2)}}});
  }
  return objects;
}

}  // namespace

std::string ClassName(const std::vector<std::string>& names, std::int64_t class_id) {
  const auto index = static_cast<std::size_t>(class_id);
  return index < names.size() ? names[index] : "class" + std::to_string(class_id);
}

std::string CountClasses(const std::vector<Detection>& detections, const std::vector<std::string>& names) {
  std::map<std::int64_t, int> counts;
  for (const Detection& detection : detections) ++counts[detection.class_id];
  std::string text;
  for (const auto& [class_id, count] : counts) {
    text += std::to_string(count) + " " + Printable(ClassName(names, class_id)) + (count > 1 ? "s, " : ", ");
  }
  return text;
}

void Reporter::Write(const std::string& line) {
  *out_ << line + "\n";
  out_->flush();
}

void Reporter::Say(const std::string& line) {
  if (!options_.quiet) Write(line);
}

void Reporter::Warn(const std::string& line) { Write(Styled(terminal_, Style::kYellow, "warning: " + line)); }

void Reporter::Detected(const InputPlace& place, const ProcessedFrame& item, const ModelTraits& traits) {
  const Findings& findings = *item.findings;
  const Size network = findings.letterbox.padded();
  std::string what = traits.task == Task::kClassify ? DescribeClasses(findings.classes, traits.names)
                                                    : CountClasses(findings.detections, traits.names);
  if (what.empty()) what = "(no detections), ";
  Say(Place(place, item.frame) + std::to_string(network.height) + "x" + std::to_string(network.width) + " " +
      what + Milli(item.times.inference));
  if (json_ == nullptr) return;
  nlohmann::ordered_json line = {{"input", ShownName(place.input)},
                                 {"height", item.picture_size.height},
                                 {"width", item.picture_size.width}};
  if (item.frame.number > 0) line["frame"] = item.frame.number;
  if (traits.task == Task::kClassify) {
    line["classes"] = ClassesToJson(findings, traits);
  } else {
    line["detections"] = DetectionsToJson(findings, traits);
  }
  *json_ << JsonLine(line) << std::endl;
}

void Reporter::Unusable(const InputPlace& place, const std::string& why) {
  Write(Styled(terminal_, Style::kRed, Numbered(place) + ": " + Printable(why)));
  if (json_ == nullptr) return;
  *json_ << JsonLine(nlohmann::ordered_json{{"input", ShownName(place.input)}, {"error", why}}) << std::endl;
}

void Reporter::Finished(const RunSummary& summary, Size network) {
  if (summary.detected > 0) {
    const auto mean = [&](Milliseconds sum) {
      return Milli(sum / static_cast<double>(summary.detected)) + " ";
    };
    Say("Speed: " + mean(summary.times.pre_process) + "pre-process, " + mean(summary.times.inference) +
        "inference, " + mean(summary.times.nms) + "NMS per image at shape (1, 3, " +
        std::to_string(network.height) + ", " + std::to_string(network.width) + ")");
  }
  if (options_.profile) Profile(summary);
  if (summary.finished_before > 0) {
    Say(Count(summary.finished_before, "input") + " had been finished before");
  }
  if (summary.saved_to)
    Say("Results saved to " + Styled(terminal_, Style::kBold, summary.saved_to->string()));
  if (summary.label_files) {
    Say(std::to_string(*summary.label_files) + " labels saved to " + (*summary.saved_to / "labels").string());
  }
  if (summary.stopped()) {
    const std::string why = summary.out_of_time
                                ? "--max-time is over"
                                : "stopped by signal " + std::to_string(summary.stopped_by_signal);
    Warn(why + ": " + std::to_string(summary.left) + " of " + Count(summary.inputs, "input") +
         " left, to go on with --resume");
  }
  if (summary.unusable.empty()) return;
  Write(Styled(terminal_, Style::kRed,
               std::to_string(summary.unusable.size()) + " of " + Count(summary.inputs, "input") +
                   " could not be used:"));
  const std::size_t shown = std::min(summary.unusable.size(), kRepeatedAtTheEnd);
  for (std::size_t i = 0; i < shown; ++i) {
    Write("  " + Printable(summary.unusable[i]));
  }
  if (shown < summary.unusable.size()) {
    Write("  and " + std::to_string(summary.unusable.size() - shown) + " more");
  }
}

/// Steps overlap: their times add up to more than the run took.
void Reporter::Profile(const RunSummary& summary) {
  const StageTimes& times = summary.times;
  const std::array<std::pair<const char*, Milliseconds>, 6> stages = {{{"decode", times.decode},
                                                                       {"pre-process", times.pre_process},
                                                                       {"inference", times.inference},
                                                                       {"NMS", times.nms},
                                                                       {"draw, encode", times.render},
                                                                       {"write", times.write}}};
  const auto pictures = static_cast<double>(std::max<std::size_t>(summary.detected, 1));
  Write("step            total ms   ms per picture   share of wall time");
  for (const auto& [name, time] : stages) {
    char line[128];
    std::snprintf(line, sizeof line, "%-13s %10.1f %16.2f %19.0f%%", name, time.count(),
                  time.count() / pictures, 100 * (time / std::max(summary.wall, Milliseconds(1e-3))));
    Write(line);
  }
  Write("wall time     " + Fixed(summary.wall.count(), 1) + " ms, " +
        Fixed(1000 * static_cast<double>(summary.detected) / std::max(summary.wall.count(), 1e-3), 1) +
        " pictures a second");
}

void Reporter::Folder(const Path& folder, int exit_code) {
  if (json_ == nullptr) return;
  *json_ << JsonLine(nlohmann::ordered_json{{"folder", JsonName(folder)}, {"exit_code", exit_code}})
         << std::endl;
}

}  // namespace roost::yolo

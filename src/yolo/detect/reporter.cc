#include "yolo/detect/reporter.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "roost/base/text.h"

namespace roost::yolo {
namespace {

constexpr std::size_t kRepeatedAtTheEnd = 20;  // of the unusable inputs; each had its line when it came up

std::string OneDecimal(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string Place(Input::Kind kind, std::size_t number, std::size_t total) {
  return std::string(kind == Input::Kind::kVideo ? "video " : "image ") + std::to_string(number) + "/" +
         std::to_string(total);
}

}  // namespace

StageTimes& StageTimes::operator+=(const StageTimes& other) {
  pre_process += other.pre_process;
  inference += other.inference;
  nms += other.nms;
  return *this;
}

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
  out_ << line + "\n";
  out_.flush();
}

void Reporter::Say(const std::string& line) {
  if (!quiet_) Write(line);
}

void Reporter::Warn(const std::string& line) { Write(Styled(terminal_, Style::kYellow, "warning: " + line)); }

void Reporter::Detected(std::size_t number, std::size_t total, const Path& path, Size network,
                        const std::string& counts, Milliseconds inference) {
  Say(Place(Input::Kind::kImage, number, total) + " " + Printable(path.native()) + ": " +
      std::to_string(network.height) + "x" + std::to_string(network.width) + " " +
      (counts.empty() ? "(no detections), " : counts) + OneDecimal(inference.count()) + "ms");
}

void Reporter::Unusable(std::size_t number, std::size_t total, Input::Kind kind, const std::string& why) {
  Write(Styled(terminal_, Style::kRed, Place(kind, number, total) + ": " + Printable(why)));
}

void Reporter::Finished(const RunSummary& summary, Size network) {
  if (summary.detected > 0) {
    const auto mean = [&](Milliseconds sum) {
      return OneDecimal(sum.count() / static_cast<double>(summary.detected)) + "ms ";
    };
    Say("Speed: " + mean(summary.times.pre_process) + "pre-process, " + mean(summary.times.inference) +
        "inference, " + mean(summary.times.nms) + "NMS per image at shape (1, 3, " +
        std::to_string(network.height) + ", " + std::to_string(network.width) + ")");
  }
  if (summary.saved_to)
    Say("Results saved to " + Styled(terminal_, Style::kBold, summary.saved_to->string()));
  if (summary.label_files) {
    Say(std::to_string(*summary.label_files) + " labels saved to " + (*summary.saved_to / "labels").string());
  }
  if (summary.stopped_by_signal != 0) {
    Warn("stopped by signal " + std::to_string(summary.stopped_by_signal) + " after " +
         std::to_string(summary.detected + summary.unusable.size()) + " of " +
         std::to_string(summary.inputs) + " inputs");
  }
  if (summary.unusable.empty()) return;
  Write(Styled(terminal_, Style::kRed,
               std::to_string(summary.unusable.size()) + " of " + std::to_string(summary.inputs) +
                   " inputs could not be used:"));
  const std::size_t shown = std::min(summary.unusable.size(), kRepeatedAtTheEnd);
  for (std::size_t i = 0; i < shown; ++i) {
    Write("  " + Printable(summary.unusable[i]));
  }
  if (shown < summary.unusable.size()) {
    Write("  and " + std::to_string(summary.unusable.size() - shown) + " more");
  }
}

}  // namespace roost::yolo

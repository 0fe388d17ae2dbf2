#include "yolo/data/label_file.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <tuple>

#include "roost/base/text.h"

namespace roost::yolo {
namespace {

constexpr std::size_t kBoxFields = 5;
constexpr std::size_t kMostBoxFields = 6;  // the reference: a line with more is an outline

struct Line {
  std::size_t number = 0;
  std::vector<float> fields;
};

class Fault {
 public:
  Fault(const Path& name, std::size_t line) : where_(name.string() + ":" + std::to_string(line) + ": ") {}
  Error operator()(const std::string& what) const { return Error(where_ + what, ExitCode::kBadData); }

 private:
  std::string where_;
};

Result<std::vector<Line>> SplitLines(std::string_view text, const Path& name) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<Line> lines;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    Line line{.number = number};
    for (const std::string& word : SplitAny(text.substr(0, end), " \t\r\v\f")) {
      const auto value = ParseDouble(word.starts_with('+') ? std::string_view(word).substr(1) : word);
      if (!value) return Fault(name, number)("'" + Printable(word) + "' is no number");
      line.fields.push_back(static_cast<float>(*value));
    }
    if (!line.fields.empty()) lines.push_back(std::move(line));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// The box around the points x1 y1 x2 y2 ...; nothing where one of them lacks its y.
std::optional<Label> BoxAround(std::span<const float> points) {
  if (points.empty() || points.size() % 2 != 0) return std::nullopt;
  float x1 = points[0];
  float y1 = points[1];
  float x2 = x1;
  float y2 = y1;
  for (; !points.empty(); points = points.subspan(2)) {
    x1 = std::min(x1, points[0]);
    x2 = std::max(x2, points[0]);
    y1 = std::min(y1, points[1]);
    y2 = std::max(y2, points[1]);
  }
  return Label{.x = (x1 + x2) / 2, .y = (y1 + y2) / 2, .width = x2 - x1, .height = y2 - y1};
}

Result<Label> LabelOf(const Line& line, bool outlines, const Path& name, std::int64_t classes) {
  const Fault fault(name, line.number);
  const std::span fields(line.fields);
  Label label;
  if (outlines) {
    const auto box = BoxAround(fields.subspan(1));
    if (!box) return fault("an outline needs an x and a y for each point");
    label = *box;
  } else {
    if (fields.size() != kBoxFields) {
      return fault("a label has 5 numbers (class x y width height), not " + std::to_string(fields.size()));
    }
    label = {.x = fields[1], .y = fields[2], .width = fields[3], .height = fields[4]};
  }
  for (const float value : {label.x, label.y, label.width, label.height}) {
    if (!(value >= 0 && value <= 1)) {
      return fault("coordinates are fractions of the picture, from 0 to 1");
    }
  }
  constexpr float kMostClasses = 1 << 24;  // whole numbers up to it are floats
  const float id = fields[0];
  if (!(id >= 0 && id < kMostClasses) || id != std::floor(id)) {
    return fault("a class is a whole number from 0 up");
  }
  label.class_id = static_cast<std::int64_t>(id);
  if (classes > 0 && label.class_id >= classes) {
    return fault("class " + std::to_string(label.class_id) + ", but the classes are 0 to " +
                 std::to_string(classes - 1));
  }
  return label;
}

/// As numpy.unique orders rows.
bool Less(const Label& a, const Label& b) {
  return std::tie(a.class_id, a.x, a.y, a.width, a.height) <
         std::tie(b.class_id, b.x, b.y, b.width, b.height);
}

}  // namespace

Path LabelPathOf(const Path& image) {
  constexpr std::string_view kImages = "/images/";
  std::string path = image;
  const std::size_t at = path.rfind(kImages);
  if (at != std::string::npos) path.replace(at, kImages.size(), "/labels/");
  return Path(std::move(path)).replace_extension(".txt");
}

Result<LabelFile> ParseLabels(std::string_view text, const Path& name, std::int64_t classes) {
  auto lines = SplitLines(text, name);
  if (!lines) return lines.error();
  const bool outlines = std::any_of(lines->begin(), lines->end(),
                                    [](const Line& line) { return line.fields.size() > kMostBoxFields; });
  LabelFile file;
  for (const Line& line : *lines) {
    auto label = LabelOf(line, outlines, name, classes);
    if (!label) return label.error();
    file.labels.push_back(*label);
  }
  std::vector<Label> unique = file.labels;
  std::sort(unique.begin(), unique.end(), Less);
  unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
  file.duplicates = file.labels.size() - unique.size();
  if (file.duplicates > 0) file.labels = std::move(unique);
  return file;
}

}  // namespace roost::yolo

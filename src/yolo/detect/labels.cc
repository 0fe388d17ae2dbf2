#include "yolo/detect/labels.h"

#include <cmath>
#include <cstdio>
#include <system_error>

namespace roost::yolo {
namespace {

namespace fs = std::filesystem;

/// As Python's '%g' does.
void AppendNumber(std::string& line, double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  if (!line.empty()) line += ' ';
  line += text;
}

void Remove(const Path& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) throw ErrnoError(error.value(), "remove", path);
}

}  // namespace

Box RoundedToPixels(const Box& box) {
  return {std::nearbyint(box.x1), std::nearbyint(box.y1), std::nearbyint(box.x2), std::nearbyint(box.y2)};
}

std::string LabelLines(const std::vector<Detection>& detections, Size picture, bool with_confidence) {
  const auto width = static_cast<float>(picture.width);
  const auto height = static_cast<float>(picture.height);
  std::string lines;
  for (auto it = detections.rbegin(); it != detections.rend(); ++it) {
    const Box box = RoundedToPixels(it->box);
    std::string line = std::to_string(it->class_id);
    AppendNumber(line, (box.x1 + box.x2) / 2 / width);
    AppendNumber(line, (box.y1 + box.y2) / 2 / height);
    AppendNumber(line, (box.x2 - box.x1) / width);
    AppendNumber(line, (box.y2 - box.y1) / height);
    if (with_confidence) AppendNumber(line, it->confidence);
    lines += line + '\n';
  }
  return lines;
}

bool LabelWriter::Write(const Path& stem, std::string lines) {
  const Path path = PathFor(folder_, stem);
  const bool first = stems_.insert(stem).second;
  std::error_code error;
  const bool exists = fs::exists(path, error);
  if (lines.empty() && !save_empty_) {
    if (first && exists) Remove(path);
    return !first && exists;
  }
  if (!first && exists) lines.insert(0, ReadFile(path).value());
  MakeDirectories(path.parent_path());
  WriteFileAtomically(path, lines, AtomicFile::Sync::kNo).value();
  return true;
}

void LabelWriter::RemoveStale(const Path& stem) {
  if (stems_.insert(stem).second) Remove(PathFor(folder_, stem));
}

std::size_t LabelWriter::CountFiles() const {
  std::size_t count = 0;
  std::error_code error;  // a folder that cannot be read any more holds nothing that we know of
  for (fs::recursive_directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    if (it->path().native().ends_with(".txt")) ++count;
  }
  return count;
}

}  // namespace roost::yolo

#include "yolo/detect/results.h"

#include <system_error>
#include <utility>

#include "yolo/detect/reporter.h"

namespace roost::yolo {
namespace {

namespace fs = std::filesystem;

constexpr double kStreamFps = 30;  // detect.py's, where a source does not say

/// Appears whole; survives a power cut only after the run's sync at the end: the manifest finds out what did
/// not.
void WriteWhole(const Path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.Write(bytes).value();
  file.Commit(AtomicFile::Sync::kNo).value();
}

/// "crops/dog/a.jpg", then "a2.jpg", "a3.jpg": the first name that this run has not used.
Path FreeName(const Path& folder, const std::string& stem, const std::set<Path>& used) {
  Path name = folder / (stem + ".jpg");
  for (int n = 2; used.contains(name); ++n) name = folder / (stem + std::to_string(n) + ".jpg");
  return name;
}

}  // namespace

ResultWriter::ResultWriter(const std::vector<Input>& inputs, const ModelTraits& traits,
                           const OutputOptions& options, const std::vector<InputRecord>& finished)
    : inputs_(inputs),
      traits_(traits),
      options_(options),
      labels_(options.folder / "labels", options.save_empty) {
  for (const InputRecord& record : finished) {
    for (const auto& [name, size] : record.outputs) {
      const Path path = name;
      written_.insert(path);
      if (*path.begin() == "labels") labels_.Continue(path.lexically_relative("labels").replace_extension());
    }
  }
}

void ResultWriter::Write(ProcessedFrame& item) {
  Open& open = open_[item.frame.input];
  ++open.record.frames;
  open.record.objects += static_cast<std::int64_t>(item.findings->detections.size());
  if (options_.save_csv || options_.save_json) {
    for (const Detection& detection : item.findings->detections) {
      open.record.found.push_back({.class_id = detection.class_id,
                                   .confidence = detection.confidence,
                                   .box = detection.box,
                                   .frame = item.frame.number});
    }
  }
  // The picture first: CheckOutputs() knows by it whose the label file is.
  if (options_.save_pictures) {
    if (item.frame.number > 0) {
      WriteFrame(item, open);
    } else {
      WritePicture(OutputName(inputs_[item.frame.input]), item.picture, open.record);
    }
  }
  if (options_.save_crops) WriteCrops(item, open.record);
  if (options_.save_labels) {
    const Path stem = LabelStem(inputs_[item.frame.input], item.frame.number);
    if (labels_.Write(stem, LabelText(item))) Note(LabelWriter::PathFor("labels", stem), open.record);
  }
}

InputRecord ResultWriter::Close(std::size_t input) {
  Open open = std::move(open_[input]);
  open_.erase(input);
  if (open.video) {
    open.video->Commit();
    const Path name = OutputName(inputs_[input]);
    written_.insert(name);
    Note(name, open.record);
  }
  return std::move(open.record);
}

void ResultWriter::GiveUp(std::size_t input) {
  open_.erase(input);
  if (options_.save_labels) labels_.RemoveStale(LabelStem(inputs_[input], 0));
  if (!options_.save_pictures) return;
  const Path name = OutputName(inputs_[input]);
  const Path path = options_.folder / name;
  std::error_code error;
  if (!written_.contains(name)) fs::remove(path, error);
  if (error) throw ErrnoError(error.value(), "remove", path);
}

void ResultWriter::WritePicture(const Path& name, const std::string& bytes, InputRecord& record) {
  const Path path = options_.folder / name;
  if (name.has_parent_path()) MakeDirectories(path.parent_path());
  WriteWhole(path, bytes);
  written_.insert(name);
  record.outputs[name] = bytes.size();
}

void ResultWriter::WriteFrame(const ProcessedFrame& item, Open& open) {
  if (!open.video) {
    const Path path = options_.folder / OutputName(inputs_[item.frame.input]);
    MakeDirectories(path.parent_path());
    const double fps = item.frame.video.fps > 0 ? item.frame.video.fps : kStreamFps;
    open.video = CreateVideo(path, fps, item.picture_size);
  }
  open.video->Write(*item.frame.image);
}

void ResultWriter::WriteCrops(const ProcessedFrame& item, InputRecord& record) {
  // Worst first, as detect.py counts them.
  for (std::size_t i = item.crops.size(); i-- > 0;) {
    const std::string class_name = ClassName(traits_.names, item.findings->detections[i].class_id);
    const Input& input = inputs_[item.frame.input];
    const Path folder = Path("crops") / input.below / class_name;
    WritePicture(FreeName(folder, input.path.stem(), written_), item.crops[i], record);
  }
}

void ResultWriter::Note(const Path& name, InputRecord& record) const {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(options_.folder / name, error);
  if (!error) record.outputs[name] = size;
}

std::string ResultWriter::LabelText(const ProcessedFrame& item) const {
  return LabelLines(item.findings->detections, item.picture_size, options_.save_confidence);
}

}  // namespace roost::yolo

#include "yolo/detect/results.h"

#include <algorithm>
#include <climits>
#include <span>
#include <system_error>
#include <utility>

#include "yolo/detect/classify.h"
#include "yolo/detect/masks.h"

namespace roost::yolo {
namespace {

namespace fs = std::filesystem;

constexpr double kStreamFps = 30;  // detect.py's, where a source does not say

/// One input with a name at the limit must not end the run.
void CheckName(const Path& name) {
  if (name.filename().native().size() <= NAME_MAX) return;
  throw Error(
      "its result would be called '" + name.filename().string() + "', which is too long for a file name",
      ExitCode::kBadData);
}

}  // namespace

ResultWriter::ResultWriter(const std::vector<Input>& inputs, const std::vector<std::size_t>& places,
                           const std::vector<Input>& all, const ModelTraits& traits,
                           const OutputOptions& options, Manifest& manifest,
                           const std::vector<std::optional<InputRecord>>& finished)
    : inputs_(inputs),
      traits_(traits),
      options_(options),
      manifest_(manifest),
      labels_(options.folder / "labels", options.save_empty) {
  for (const std::optional<InputRecord>& record : finished) {
    if (!record) continue;
    for (const auto& [name, size] : record->outputs) {
      const Path path = name;
      written_.insert(path);
      if (*path.begin() == "labels") labels_.Continue(path.lexically_relative("labels").replace_extension());
    }
  }
  if (options.save_crops) NameCrops(all, places);
}

/// By the list of all inputs, so that a resumed run gives the same names.
void ResultWriter::NameCrops(const std::vector<Input>& all, const std::vector<std::size_t>& places) {
  crop_folders_ = CropFolders(traits_.names, traits_.classes);
  std::map<Path, std::vector<Path>> by_folder;
  std::vector<std::size_t> index;
  for (const Input& input : all) {
    std::vector<Path>& paths = by_folder[input.below];
    index.push_back(paths.size());
    paths.push_back(input.path);
  }
  for (const auto& [folder, paths] : by_folder) crop_names_.emplace(folder, CropNames(paths));
  for (const std::size_t place : places) crop_index_.push_back(index[place]);
}

void ResultWriter::Write(ProcessedFrame& item) {
  Open& open = open_[item.frame.input];
  ++open.record.frames;
  open.record.objects += static_cast<std::int64_t>(item.findings->detections.size());
  if (options_.save_csv || options_.save_json) {
    // Of a classification model, its first choice.
    for (const ClassScore& choice :
         std::span(item.findings->classes).first(std::min<std::size_t>(item.findings->classes.size(), 1))) {
      open.record.found.push_back(
          {.class_id = choice.class_id, .confidence = choice.probability, .frame = item.frame.number});
    }
    for (const Detection& detection : item.findings->detections) {
      open.record.found.push_back({.class_id = detection.class_id,
                                   .confidence = detection.confidence,
                                   .box = detection.box,
                                   .frame = item.frame.number});
    }
  }
  if (options_.save_pictures) {
    if (item.frame.number > 0) {
      WriteFrame(item, open);
    } else {
      WritePicture(OutputName(inputs_[item.frame.input]), item.picture, open.record);
    }
  }
  const Path folder = LabelStem(inputs_[item.frame.input], item.frame.number);
  for (const auto& [name, bytes] : item.features) WritePicture(folder / name, bytes, open.record);
  if (options_.save_crops) WriteCrops(item, open);
  if (options_.save_labels) {
    const Path stem = LabelStem(inputs_[item.frame.input], item.frame.number);
    const Path name = LabelWriter::PathFor("labels", stem);
    CheckName(name);
    manifest_.Claim(name);
    if (labels_.Write(stem, LabelText(item))) Note(name, open.record);
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
  if (!owned_) owned_ = Manifest::OutputsIn(options_.folder);
  if (!written_.contains(name) && owned_->files.contains(name)) fs::remove(path, error);
  if (error) throw ErrnoError(error.value(), "remove", path);
}

void ResultWriter::WritePicture(const Path& name, const std::string& bytes, InputRecord& record) {
  CheckName(name);
  const Path path = options_.folder / name;
  if (name.has_parent_path()) MakeDirectories(path.parent_path());
  // It survives a power cut after the run's sync at the end only: the manifest finds out what did not.
  WriteFileAtomically(path, bytes, AtomicFile::Sync::kNo).value();
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

void ResultWriter::WriteCrops(const ProcessedFrame& item, Open& open) {
  const Input& input = inputs_[item.frame.input];
  const CropNames& names = crop_names_.at(input.below);
  // Worst first, as detect.py counts them.
  for (std::size_t i = item.crops.size(); i-- > 0;) {
    const std::int64_t class_id = item.findings->detections[i].class_id;
    const std::string name = names.NameOf(crop_index_[item.frame.input], ++open.crops[class_id]);
    WritePicture(Path("crops") / crop_folders_.at(static_cast<std::size_t>(class_id)) / input.below / name,
                 item.crops[i], open.record);
  }
}

void ResultWriter::Note(const Path& name, InputRecord& record) const {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(options_.folder / name, error);
  if (!error) record.outputs[name] = size;
}

std::string ResultWriter::LabelText(const ProcessedFrame& item) const {
  const Findings& findings = *item.findings;
  switch (traits_.task) {
    case Task::kDetect:
      return LabelLines(findings.detections, item.picture_size, options_.save_confidence);
    case Task::kSegment:
      return SegmentLines(findings.detections, findings.masks, findings.letterbox.padded(), item.picture_size,
                          options_.save_confidence);
    case Task::kClassify:
      return ClassLines(findings.classes, traits_.names);
  }
  ROOST_CHECK(false, "every task has its label files");
}

}  // namespace roost::yolo

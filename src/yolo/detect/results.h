#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "roost/yolo/detector.h"
#include "roost/yolo/video.h"
#include "yolo/detect/crops.h"
#include "yolo/detect/labels.h"
#include "yolo/detect/manifest.h"
#include "yolo/detect/output.h"
#include "yolo/detect/pipeline.h"

namespace roost::yolo {

/// Writes the files of one run: the one owner of every output file of pictures and videos. Each appears whole
/// or not at all. Used by one thread, with the frames of each input in order.
class ResultWriter {
 public:
  /// All must outlive it. `inputs` are those to do, and `places` says where they are among `all`. `finished`:
  /// inputs of this run that an earlier process did; their files stay.
  ResultWriter(const std::vector<Input>& inputs, const std::vector<std::size_t>& places,
               const std::vector<Input>& all, const ModelTraits& traits, const OutputOptions& options,
               Manifest& manifest, const std::vector<std::optional<InputRecord>>& finished);

  /// The files of one frame. Throws Error: cannot create, permission; bad data, which is this input's fault
  /// only, where a name would be too long for the file system.
  void Write(ProcessedFrame& item);

  /// Ends an input all of whose frames are written: its video gets its name. Returns what there is to note
  /// about it (without the key). Throws Error (cannot create).
  InputRecord Close(std::size_t input);

  /// Ends an input that cannot be used (further): results that an earlier run left for it are removed; those
  /// of other inputs of this run stay. Throws Error.
  void GiveUp(std::size_t input);

  const LabelWriter& labels() const { return labels_; }

 private:
  /// What is open for an input between its first and last frame.
  struct Open {
    InputRecord record;
    std::unique_ptr<VideoWriter> video;
    std::map<std::int64_t, std::int64_t> crops;  ///< how many of each class
  };

  void NameCrops(const std::vector<Input>& all, const std::vector<std::size_t>& places);
  void WritePicture(const Path& name, const std::string& bytes, InputRecord& record);
  void WriteFrame(const ProcessedFrame& item, Open& open);
  void WriteCrops(const ProcessedFrame& item, Open& open);
  void Note(const Path& name, InputRecord& record) const;
  std::string LabelText(const ProcessedFrame& item) const;

  const std::vector<Input>& inputs_;
  const ModelTraits& traits_;
  const OutputOptions& options_;
  Manifest& manifest_;
  LabelWriter labels_;
  std::set<Path> written_;                    ///< annotated pictures of this run, below the output folder
  std::optional<Manifest::Ownership> owned_;  ///< of files in the folder, once it was asked
  std::vector<std::string> crop_folders_;     ///< by class
  /// By the folder below the output folder: the inputs there and the names of what is cut out of them.
  std::map<Path, CropNames> crop_names_;
  std::vector<std::size_t> crop_index_;  ///< of each of `inputs_` in the names of its folder
  std::map<std::size_t, Open> open_;
};

}  // namespace roost::yolo

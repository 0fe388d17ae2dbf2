#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "roost/base/clock.h"
#include "roost/base/files.h"

namespace roost::yolo {

/// A number that TensorBoard draws over the steps.
struct ScalarSummary {
  std::string tag;  ///< "train/box_loss"
  double value = 0;
};

/// A picture as a file holds it.
struct ImageSummary {
  std::string tag;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::string encoded;  ///< the bytes of a PNG or JPEG file of three channels
};

/// A file that TensorBoard shows. Every event is in the file as soon as its call returns. What is written, by
/// hand (five kinds of message need no library): records of TensorFlow (length, CRC-32C, protocol buffer,
/// CRC-32C), each one an `Event` of tensorflow/core/util/event.proto.
class EventFile {
 public:
  /// Creates events.out.tfevents.<seconds>.<host>.<process>.<number> in `folder`. Of a run that is resumed,
  /// what earlier files in the folder say about `resumed_at` and later steps counts no more. `clock` must
  /// outlive this. Throws Error (cannot create).
  EventFile(const Path& folder, const Clock& clock, std::optional<std::int64_t> resumed_at = std::nullopt);

  /// Throw Error (cannot create).
  void Write(std::int64_t step, const std::vector<ScalarSummary>& scalars);
  void Write(std::int64_t step, const ImageSummary& image);

  const Path& path() const { return file_.path(); }

 private:
  /// The fields of an Event but for its time.
  void WriteEvent(std::string_view fields);

  const Clock& clock_;
  AppendFile file_;
};

}  // namespace roost::yolo

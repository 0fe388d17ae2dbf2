#pragma once

#include <map>
#include <optional>
#include <string>

#include "roost/yolo/module.h"
#include "yolo/model/pickle.h"
#include "yolo/model/shared_bytes.h"
#include "yolo/model/zip.h"

namespace roost::yolo {

/// What torch.save() wrote: one Python value, and the storages its tensors look into. Both containers: the
/// zip archive of torch 1.6 and later, and the stream of five pickles before that.
///
/// Values stay valid while this object lives; tensors keep the file's bytes alive.
class TorchFile {
 public:
  /// Throws Error (bad data) that says what the file is instead, where it is no such file.
  explicit TorchFile(SharedBytes file);
  TorchFile(const TorchFile&) = delete;
  TorchFile& operator=(const TorchFile&) = delete;

  const pickle::Value& root() const { return root_; }
  /// "zip" or "legacy".
  const std::string& format() const { return format_; }

  /// Bytes of all storages.
  std::int64_t storage_size() const { return storage_size_; }

  /// The tensor with its storage, which is read (its checksum tested, inflated where need be) at its first
  /// use. Throws Error (bad data).
  Tensor Read(const pickle::TensorView& view);

 private:
  void OpenZip();
  void OpenLegacy(std::size_t magic_size);
  const SharedBytes& StorageBytes(std::string_view key);

  SharedBytes file_;
  std::string format_;
  std::optional<ZipArchive> zip_;
  std::string storage_prefix_;  ///< of storages in the zip: "archive/data/"
  SharedBytes pickle_bytes_;    ///< the texts of `heap_` lie in it
  pickle::Heap heap_;
  pickle::Value root_;
  std::int64_t storage_size_ = 0;
  std::map<std::string_view, SharedBytes> storages_;  ///< those read so far; legacy: all
};

}  // namespace roost::yolo

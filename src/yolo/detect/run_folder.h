#pragma once

#include <string>

#include "roost/base/files.h"

namespace roost::yolo {

/// Where one run puts its results.
struct RunFolderOptions {
  Path project;
  std::string name = "exp";
  bool exist_ok = false;  ///< use project/name although it exists
  Path exact;             ///< --out: this folder, whether it exists or not
  bool labels = false;    ///< also make the folder "labels" in it
};

/// The folder of a run: exists and can be written.
class RunFolder {
 public:
  /// Makes the folder, or removes from one that is used again the half-written files of runs that were
  /// killed. Its name: `exact`, project/name, or the first free one of name2, name3, ... Claimed by mkdir, so
  /// that two runs that start together get two folders. Throws Error (cannot create, permission).
  static RunFolder Create(const RunFolderOptions& options);

  const Path& path() const { return path_; }
  Path labels() const { return path_ / "labels"; }

  /// The folder "labels" was asked for and held no label file when this run came.
  bool labels_are_new() const { return labels_are_new_; }

  /// Takes back what this run made, `manifest` (may be empty) and folders that hold nothing else: for a run
  /// that fails before it starts.
  void RemoveIfUnused(const Path& manifest) const;

 private:
  explicit RunFolder(Path path, bool made) : path_(std::move(path)), made_(made) {}
  Path path_;
  bool made_;
  bool labels_are_new_ = false;
};

}  // namespace roost::yolo

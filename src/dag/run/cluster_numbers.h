#pragma once

#include "roost/base/files.h"

namespace roost::dag {

/// Hands out cluster numbers that no other run in the same folder gets, now or later: result folders are
/// named after them. What was handed out is remembered in a small file, which a lock guards while it is read
/// and written. Numbers are taken from it in blocks; those of a block that a run did not use stay unused.
class ClusterNumbers {
 public:
  /// `folder` is that of the DAG file, `block` how many numbers the run is likely to need. Where the file is
  /// missing, numbers go on after the highest in the nodes logs of the folder. Throws Error.
  ClusterNumbers(Path folder, int block);

  /// Throws Error when the file cannot be read or written.
  int Next();

 private:
  void ReserveBlock();

  Path folder_;
  int block_;
  int next_ = 0;
  int end_ = 0;
};

}  // namespace roost::dag

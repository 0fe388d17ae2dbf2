#pragma once

#include <string>
#include <string_view>

#include "roost/base/files.h"
#include "roost/dag/event_log.h"

namespace roost::dag {

/// Writes events: to the nodes log (P.nodes.log), which is the truth of the run and what recovery reads, and
/// to each job's own log.
class Journal {
 public:
  /// Adds to what is there. Throws Error.
  explicit Journal(const Path& nodes_log);

  /// One write() to the nodes log. Throws Error: without its journal a run must not go on.
  void Write(const JobEvent& event);

  /// The same, and to the job's `own_log` where it is not empty. An Error is about the own log only, which
  /// costs nothing else.
  Result<void> Write(const JobEvent& event, const Path& own_log);

  /// Where events were written by which something ended: puts them on disk. Called before anything is started
  /// because of them, once for all that happened together. Throws Error.
  void Flush();

 private:
  AppendFile nodes_log_;
  bool to_flush_ = false;
};

}  // namespace roost::dag

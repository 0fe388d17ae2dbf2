#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dag/run/job_logs.h"
#include "roost/base/files.h"
#include "roost/dag/event_log.h"

namespace roost::dag {

/// Where the journal goes: a file, or a test's idea of a disk.
class JournalFile {
 public:
  virtual ~JournalFile() = default;
  /// One write, which need not survive a power cut.
  virtual Result<void> Append(std::string_view bytes) = 0;
  /// Everything appended so far survives one.
  virtual Result<void> Sync() = 0;
};

/// Writes events: to the nodes log (P.nodes.log), which is the truth of the run and what recovery reads, and
/// to each job's own log. Events are collected and written in batches, always in the order in which they were
/// given: a run that is killed between two batches leaves a log that says less, and nothing wrong.
class Journal {
 public:
  /// Adds to what is there. Throws Error.
  explicit Journal(const Path& nodes_log);
  explicit Journal(std::unique_ptr<JournalFile> nodes_log) : nodes_log_(std::move(nodes_log)) {}
  /// Writes out what it still can.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Adds to the batch.
  void Write(const JobEvent& event);

  /// The same, for the job's `own_log` as well where it is not empty; what HTCondor keeps out of the nodes
  /// log (006, 022, 023, 028, 040) goes to the own log only. An Error is about own logs, this one or another
  /// of an earlier batch: each is told about once, and costs nothing else.
  Result<void> Write(const JobEvent& event, const Path& own_log);

  /// Ends the batch: one write() to each file. To be called before waiting for anything, so that the logs
  /// show what is going on. Throws Error: without its journal a run must not go on.
  void WriteOut();

  /// WriteOut(), and where something ended since the last call, waits until that is on disk. To be called
  /// before anything is started because of it, once for all that happened together. Throws Error.
  void Flush();
  /// Flush() would have to wait for the disk.
  bool unsynced() const { return to_sync_; }

  /// An own log that could not be written, as far as Write() has not told.
  std::optional<Error> TakeError() { return own_logs_.TakeError(); }

 private:
  std::unique_ptr<JournalFile> nodes_log_;
  JobLogs own_logs_;
  std::string batch_;
  bool to_sync_ = false;
};

}  // namespace roost::dag

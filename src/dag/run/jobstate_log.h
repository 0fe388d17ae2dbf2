#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "dag/report/run_observer.h"
#include "roost/base/files.h"
#include "roost/dag/dag.h"

namespace roost::dag {

/// Writes a JOBSTATE_LOG (spec: event-log.md section 3): a line for each step of each job, appended over all
/// runs of the DAG. Every attempt at a node has a sequence number of its own, which goes on where the earlier
/// runs ended. Lines are written in batches, at each Tick(); what a crash took is made up for in recovery.
class JobstateLog : public RunObserver {
 public:
  /// `warn` is told once when the log cannot be written.
  JobstateLog(Path file, std::function<void(const std::string&)> warn);

  void On(const RunEvent& event, const RunView& run) override;
  void Tick(const RunView& run) override;

 private:
  struct Attempt {
    int number = -1;  ///< RunEvent::attempt
    int sequence = 0;
  };

  void ReadEarlierRuns();
  void AddInternal(const RunEvent& event, const std::string& text);
  void AddStep(const RunEvent& event, const RunView& run, std::string_view name, const std::string& id);
  void AddJobEvent(const RunEvent& event, const RunView& run);
  int SequenceOf(const RunEvent& event, const std::string& node);
  const std::string& TagOf(const Dag& dag, NodeIndex node);
  void Flush();
  void Warn(const std::string& why);

  Path file_;
  std::function<void(const std::string&)> warn_;
  std::unique_ptr<AppendFile> out_;
  std::string pending_;
  std::unordered_map<NodeIndex, Attempt> attempts_;
  int last_sequence_ = 0;
  /// By submit source and folder.
  std::map<std::pair<std::int32_t, std::int32_t>, std::string> tags_;
  /// Of the earlier runs: lines without their time, and the sequence numbers of "<node> <cluster>".
  std::unordered_map<std::string, int> written_;
  std::unordered_map<std::string, int> sequence_of_job_;
  bool recovering_ = false;
  bool warned_ = false;
};

/// What a submit description says about the column "job tag": the value of the attribute that
/// +job_tag_name names (+pegasus_site without it), or "-".
std::string JobTag(std::string_view description);

}  // namespace roost::dag

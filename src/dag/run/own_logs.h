#pragma once

#include <functional>
#include <map>
#include <vector>

#include "dag/run/recovery.h"
#include "roost/dag/submit.h"

namespace roost::dag {

/// The jobs' own logs (`log` of their submit files) as recovery meets them: where they are, and what they
/// lack.
class OwnLogs {
 public:
  using Expand = std::function<Submission(NodeIndex node, int cluster)>;
  /// `expand` reads the submit file of a node again. It may have changed since: a job that it no longer
  /// queues has no log here.
  explicit OwnLogs(Expand expand) : expand_(std::move(expand)) {}

  /// The log of a job, or of a cluster (proc -1); empty = none, or not known any more.
  const Path& Of(NodeIndex node, const JobId& id);

  /// Adds to the logs what the journal has and they do not: a crash may fall between the two. Returns what
  /// could not be written.
  std::vector<Error> CatchUp(const Recovered& recovered);

 private:
  Expand expand_;
  std::map<int, std::vector<Path>> by_cluster_;
};

}  // namespace roost::dag

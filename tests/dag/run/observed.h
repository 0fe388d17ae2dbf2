#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "roost/base/files.h"

namespace roost::test {

/// What a run did, read from its nodes log.
struct Observed {
  /// One cluster of a node: how each of its procs ended, "exit 0", "signal 9", "removed", "no end".
  struct Attempt {
    int cluster = 0;
    int subproc = 0;
    std::map<std::string, std::string> procs;
    std::vector<int> held, released;  ///< procs, once each time
  };
  std::map<std::string, std::vector<Attempt>> attempts;
  std::map<std::string, std::vector<int>> post;               ///< exit codes of the POST scripts
  std::vector<std::string> submit_sequence;                   ///< nodes, a cluster each
  std::map<std::string, std::size_t> first_submit, last_end;  ///< by place in the log
};

/// A missing log is an empty one. A proc that ends twice fails the running test.
Observed ObserveRun(const Path& nodes_log);

/// Node states of a NODE_STATUS_FILE in the words of the golden cases: "done", "failed", "futile", "not-run",
/// "removed". A missing file has none.
std::map<std::string, std::string> NodeStates(const Path& status_file);

/// The value of `  <name> = <value>;` in a line of a status file, without quotes; nothing in another line.
std::optional<std::string> StatusValue(const std::string& line, const std::string& name);

}  // namespace roost::test

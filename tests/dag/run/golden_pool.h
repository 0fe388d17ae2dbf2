#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "roost/base/process.h"
#include "support/support.h"

namespace roost::test {

/// Plays what stood around DAGMan when the golden cases were made: the shell that condor_submit_dag was typed
/// into, the schedd that starts DAGMan again when it ends with a code above 2, and the person at condor_rm.
class GoldenPool {
 public:
  /// Copies the files of the case `name`, with their modes and folders.
  explicit GoldenPool(const std::string& name);

  /// The folder of the case, as it is now.
  const Path& here() const { return here_; }
  /// Where the reference is.
  const Path& golden() const { return golden_; }
  const nlohmann::json& expected() const { return expected_; }
  /// The states of the nodes: the case's own NODE_STATUS_FILE, or one of ours outside its folder.
  const Path& status_file() const { return status_file_; }
  std::string Stderr() const { return ReadText(folder_.path() / "stderr"); }

  /// One of the case's runs, to its end: the exit status, or nothing where DAGMan was removed from the queue.
  std::optional<int> Run(const nlohmann::json& run);

 private:
  using Actions = std::vector<nlohmann::json>;

  Subprocess Start(std::vector<std::string> words);
  /// Does the actions whose time has come. True once one of them has removed DAGMan, `dagman` if it runs.
  bool Act(Actions& actions, const Subprocess* dagman);
  bool HasCome(const std::string& when) const;

  TemporaryDirectory folder_;
  Path golden_, here_, status_file_;
  nlohmann::json expected_;
};

}  // namespace roost::test

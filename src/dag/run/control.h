#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "roost/base/files.h"

namespace roost::dag {

/// What another process asks a running dagrun to do: `dagrun hold|release|rm x.dag [NODE|CLUSTER[.PROC]]`.
struct ControlRequest {
  enum class Action { kHold, kRelease, kRemove };
  Action action = Action::kHold;
  std::string
      target;  ///< a node's name, "12", "12.0", or empty = every job; kRemove of everything ends the run
  std::string reason;
};

/// Asks the dagrun that owns `dag_file`: a file of its own in "<dag>.control/", complete when it is there.
/// Throws Error where no dagrun runs the DAG or the request cannot be written.
void SendRequest(const Path& dag_file, const ControlRequest& request);

/// The requests that arrived since the last call, oldest first; each is taken once. Looks at the folder only
/// when it has changed. What cannot be read is skipped and named in `warnings`.
class ControlBox {
 public:
  /// Throws Error where the folder cannot be made.
  explicit ControlBox(const Path& dag_file);
  ~ControlBox();  ///< removes the folder
  ControlBox(const ControlBox&) = delete;
  ControlBox& operator=(const ControlBox&) = delete;
  std::vector<ControlRequest> Take(std::vector<std::string>& warnings);

 private:
  Path folder_;
  std::filesystem::file_time_type seen_ =
      std::filesystem::file_time_type::min();  ///< the folder as last read
};

}  // namespace roost::dag

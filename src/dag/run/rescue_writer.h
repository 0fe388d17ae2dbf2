#pragma once

#include <string>

#include "dag/plan/plan.h"
#include "roost/base/clock.h"
#include "roost/base/files.h"

namespace roost::dag {

/// Where rescue files go and what stands in them.
struct RescueRules {
  std::string dag_file;       ///< as the file calls it
  Path base;                  ///< "<base>.rescue001"
  int max_number = 100;       ///< that one is written again and again; 0 = none is written
  bool reset_retries = true;  ///< a run from the file has all retries again
};

/// Writes down what is done, in the language of DAG files: one rescue file a run, and save points.
class RescueWriter {
 public:
  /// Everything passed in must outlive the writer.
  RescueWriter(RescueRules rules, const Plan& plan, const Clock& clock);

  /// The name that Write() uses, or empty where none is to be written. The same for the whole run.
  Path NextFile();
  /// Writes, or writes anew, the rescue file of this run. Nothing where none is to be written.
  Result<void> Write();
  /// The file, once it is written.
  const Path& written() const { return written_; }

  /// SAVE_POINT_FILE of this node, which is about to start; what was there before is renamed to .old.
  Result<Path> WriteSavePoint(NodeIndex node) const;

 private:
  /// `save_point_node`: of a save file; else empty.
  std::string Text(const std::string& save_point_node = {}) const;

  RescueRules rules_;
  const Plan& plan_;
  const Clock& clock_;
  Path file_;
  Path written_;
};

}  // namespace roost::dag

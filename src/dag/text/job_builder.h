#pragma once

#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dag/text/macros.h"
#include "roost/dag/submit.h"

namespace roost::dag {

/// Makes jobs from the macros in force: reads each submit command, expanded for the job at hand.
class JobBuilder {
 public:
  JobBuilder(MacroSet& macros, const SubmitContext& context, Faults& faults)
      : macros_(macros), context_(context), faults_(faults) {}

  /// The job of process `proc`. `queue` is where its queue statement stands, for faults that no other line is
  /// to blame for. With new errors among the faults the job means nothing.
  Job Build(int proc, const SourceLine& queue);

 private:
  /// A command's expanded text, and where it was written.
  struct Value {
    std::string text;
    SourceLine where;
  };

  /// The first of the commands (a command and its aliases) that is set to something.
  std::optional<Value> Get(std::initializer_list<std::string_view> names);
  std::optional<bool> GetBool(std::string_view name);

  void Fail(const SourceLine& where, std::string message);
  /// Once per place and text, however many jobs there are.
  void Warn(const SourceLine& where, const std::string& message);

  void SetUniverse(Job& job);
  void SetDirectory(Job& job);
  void SetTransfer(Job& job);
  void SetProgram(Job& job);
  void SetStreams(Job& job);
  void SetEnvironment(Job& job);
  void SetRequest(Job& job);
  void SetAttributes(Job& job);
  void CheckNotification();

  std::optional<std::int64_t> Count(std::string_view name, std::int64_t least);
  std::optional<std::int64_t> Size(std::string_view name, double unit_bytes);
  std::vector<std::string> Inherited(const Value& getenv);

  MacroSet& macros_;
  const SubmitContext& context_;
  Faults& faults_;
  SourceLine queue_;
  std::set<std::pair<int, std::string>> warned_;
  Path known_directory_;  ///< last initialdir that was seen to exist
};

}  // namespace roost::dag

#pragma once

#include <chrono>
#include <initializer_list>
#include <map>
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
  using Names = std::initializer_list<std::string_view>;

  /// A command's expanded text, and where it was written.
  struct Given {
    std::string_view name;
    std::string text;
    SourceLine where;
  };

  /// The first of the commands (a command and its aliases) that is set to something.
  std::optional<Given> Get(Names names);
  std::optional<bool> GetBool(std::string_view name);
  /// A whole number from `least` to `most`, or an expression that comes to one.
  std::optional<std::int64_t> GetInteger(Names names, std::int64_t least, std::int64_t most);
  std::optional<std::chrono::seconds> GetSeconds(Names names);
  std::optional<Expr> GetExpr(Names names);
  /// Parses a text that was seen before only once.
  Result<Expr> ParseExpr(const std::string& text);

  void Fail(const SourceLine& where, std::string message);
  /// Once per place and text, however many jobs there are.
  void Warn(const SourceLine& where, const std::string& message);

  // job_builder.cc: what runs, where, and what it sees
  void SetUniverse(Job& job);
  void SetDirectory(Job& job);
  void SetProgram(Job& job);
  void SetStreams(Job& job);
  void SetEnvironment(Job& job);
  void SetAttributes(Job& job);
  void SetLabels(Job& job);
  void CheckNotification();
  std::vector<std::string> Inherited(const Given& getenv);

  // job_builder_transfer.cc
  void SetTransfer(Job& job);
  void SetTransferTime(Job& job, bool chosen);
  void SetTransferLists(Job& job);
  void SetRemaps(Job& job);

  // job_builder_request.cc
  void SetRequest(Job& job);
  void SetCustomRequests(Job& job);
  std::optional<std::int64_t> Count(Job& job, std::string_view name, const std::string& attribute,
                                    std::int64_t least);
  std::optional<std::int64_t> Size(Job& job, std::string_view name, const std::string& attribute,
                                   double unit_bytes);
  std::optional<double> Evaluated(Job& job, const Given& given, const std::string& attribute);

  // job_builder_policy.cc: when it runs, and when it stops
  void SetPolicy(Job& job);
  void SetRetries(JobPolicy& policy);
  void SetSchedule(Job& job);
  void SetNoop(Job& job);
  void SetDeferral(Job& job);
  void SetSignals(Job& job);
  std::optional<int> GetSignal(std::string_view name);

  MacroSet& macros_;
  const SubmitContext& context_;
  Faults& faults_;
  SourceLine queue_;
  std::set<std::pair<int, std::string>> warned_;
  std::map<std::string, Expr> parsed_;
  Path known_directory_;  ///< last initialdir that was seen to exist
};

}  // namespace roost::dag

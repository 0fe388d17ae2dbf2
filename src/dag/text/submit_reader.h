#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dag/text/macros.h"
#include "dag/text/queue.h"
#include "dag/text/submit_lines.h"
#include "roost/dag/submit.h"

namespace roost::dag {

/// Reads a submit file statement by statement into a MacroSet and hands each queue statement on, at the point
/// where it stands. What is wrong becomes a fault, and reading goes on.
class SubmitReader {
 public:
  using OnQueue = std::function<void(const Queue&, const SourceLine&)>;

  SubmitReader(MacroSet& macros, const SubmitContext& context, Faults& faults, OnQueue on_queue)
      : macros_(macros), context_(context), faults_(faults), on_queue_(std::move(on_queue)) {}

  void Read(std::string_view text, const std::string& file);

  /// Whether a queue statement was met.
  bool queued() const { return queued_; }

 private:
  /// One if ... endif that is open.
  struct Branch {
    bool taken = false;    ///< one of its conditions was true
    bool active = false;   ///< the statements that stand here count
    bool in_else = false;  ///< after else
    SourceLine where;
  };
  enum class Next { kGoOn, kStop };

  void ReadStatements(std::string_view text, const std::string& file, const std::string& identity);
  Next Statement(std::string_view statement, SubmitLines& lines);
  bool Conditional(std::string_view statement, const SourceLine& where);
  bool Holds(std::string_view condition);
  bool Skipping() const;
  bool Include(std::string_view statement);
  std::string CachedOutput(const std::string& command, const std::string& cache);
  void UseTemplate(std::string_view text, const SourceLine& where);
  void Assign(std::string_view statement, SubmitLines& lines);
  std::string LinesUntil(std::string_view tag, SubmitLines& lines);

  MacroSet& macros_;
  const SubmitContext& context_;
  Faults& faults_;
  OnQueue on_queue_;
  std::vector<Branch> branches_;
  std::vector<std::string> open_;  ///< files and commands being read, the submit file first
  bool queued_ = false;
};

}  // namespace roost::dag

#include "dag/run/journal.h"

#include <utility>

namespace roost::dag {
namespace {

/// By these events recovery decides what need not run again.
bool EndsSomething(EventType type) {
  return type == EventType::kTerminated || type == EventType::kAborted ||
         type == EventType::kPostScriptTerminated || type == EventType::kPreSkip;
}

}  // namespace

Journal::Journal(const Path& nodes_log) : nodes_log_(nodes_log) {}

void Journal::Write(const JobEvent& event) {
  nodes_log_.Append(FormatEvent(event)).value();
  to_flush_ = to_flush_ || EndsSomething(event.type);
}

void Journal::Flush() {
  if (std::exchange(to_flush_, false)) nodes_log_.Flush().value();
}

Result<void> Journal::Write(const JobEvent& event, const Path& own_log) {
  Write(event);
  if (own_log.empty()) return {};
  try {
    return AppendFile(own_log).Append(FormatEvent(event));
  } catch (const Error& error) {
    return error;
  }
}

}  // namespace roost::dag

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

std::string_view EventName(EventType type) {
  switch (type) {
    case EventType::kSubmit:
      return "ULOG_SUBMIT";
    case EventType::kExecute:
      return "ULOG_EXECUTE";
    case EventType::kExecutableError:
      return "ULOG_EXECUTABLE_ERROR";
    case EventType::kEvicted:
      return "ULOG_JOB_EVICTED";
    case EventType::kTerminated:
      return "ULOG_JOB_TERMINATED";
    case EventType::kImageSize:
      return "ULOG_IMAGE_SIZE";
    case EventType::kShadowException:
      return "ULOG_SHADOW_EXCEPTION";
    case EventType::kGeneric:
      return "ULOG_GENERIC";
    case EventType::kAborted:
      return "ULOG_JOB_ABORTED";
    case EventType::kSuspended:
      return "ULOG_JOB_SUSPENDED";
    case EventType::kUnsuspended:
      return "ULOG_JOB_UNSUSPENDED";
    case EventType::kHeld:
      return "ULOG_JOB_HELD";
    case EventType::kReleased:
      return "ULOG_JOB_RELEASED";
    case EventType::kPostScriptTerminated:
      return "ULOG_POST_SCRIPT_TERMINATED";
    case EventType::kPreSkip:
      return "ULOG_PRESKIP";
  }
  return "ULOG_GENERIC";
}

}  // namespace roost::dag

#include "dag/run/journal.h"

#include <algorithm>
#include <fstream>
#include <system_error>
#include <utility>

namespace roost::dag {
namespace {

Path Prepare(const Path& nodes_log, Journal::Existing existing) {
  std::error_code ignored;
  if (existing == Journal::Existing::kTruncate) std::filesystem::remove(nodes_log, ignored);
  return nodes_log;
}

/// By these events recovery decides what need not run again.
bool EndsSomething(EventType type) {
  return type == EventType::kTerminated || type == EventType::kAborted ||
         type == EventType::kPostScriptTerminated || type == EventType::kPreSkip;
}

/// Cluster numbers only grow, so the highest stands near the end.
std::string Tail(const Path& file, std::streamoff length) {
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  const std::streamoff size = stream.tellg();
  if (!stream || size <= 0) return {};
  const std::streamoff wanted = std::min(size, length);
  std::string text(static_cast<std::size_t>(wanted), '\0');
  stream.seekg(size - wanted);
  stream.read(text.data(), wanted);
  // Not the rest of an event whose beginning was cut off.
  if (wanted < size) text.erase(0, std::min(text.size(), text.find("\n...\n") + 5));
  return text;
}

}  // namespace

Journal::Journal(const Path& nodes_log, Existing existing, Logger log)
    : nodes_log_(Prepare(nodes_log, existing)), log_(std::move(log)) {}

void Journal::Write(const JobEvent& event) {
  nodes_log_.Append(FormatEvent(event)).value();
  to_flush_ = to_flush_ || EndsSomething(event.type);
}

void Journal::Flush() {
  if (std::exchange(to_flush_, false)) nodes_log_.Flush().value();
}

void Journal::Write(const JobEvent& event, const Path& own_log) {
  Write(event);
  if (own_log.empty()) return;
  try {
    AppendFile(own_log).Append(FormatEvent(event)).value();
  } catch (const Error& error) {
    log_->warn("Warning: {}", error.message());
  }
}

int HighestCluster(const Path& nodes_log) {
  constexpr std::streamoff kTailBytes = 65536;
  int highest = 0;
  const Path folder = nodes_log.parent_path();
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder.empty() ? "." : folder, ignored)) {
    if (!entry.path().string().ends_with(".nodes.log")) continue;
    ParseEvents(Tail(entry.path(), kTailBytes),
                [&](const JobEvent& event) { highest = std::max(highest, event.id.cluster); });
  }
  return highest;
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

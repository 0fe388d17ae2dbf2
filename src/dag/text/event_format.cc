#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "roost/dag/event_log.h"

namespace roost::dag {
namespace {

[[gnu::format(printf, 2, 3)]] void AppendFormat(std::string& text, const char* format, ...) {
  char buffer[256];
  va_list arguments;
  va_start(arguments, format);
  const int size = std::vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  text.append(buffer, std::min(static_cast<std::size_t>(std::max(size, 0)), sizeof buffer - 1));
}

/// Readers take a line break as the end of the field, and "..." as the end of the event.
std::string OneLine(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

/// "Usr 0 00:00:01, Sys 0 00:00:00": days, then hours, minutes, seconds.
void AppendUsage(std::string& text, const ResourceUsage& usage, const char* label) {
  const auto part = [&](const char* name, std::chrono::microseconds time) {
    const auto seconds = static_cast<long>(std::chrono::duration_cast<std::chrono::seconds>(time).count());
    AppendFormat(text, "%s %ld %02ld:%02ld:%02ld", name, seconds / 86400, seconds / 3600 % 24,
                 seconds / 60 % 60, seconds % 60);
  };
  text.append("\t\t");
  part("Usr", usage.user);
  text.append(", ");
  part("Sys", usage.system);
  text.append("  -  ").append(label).append("\n");
}

void AppendStatus(std::string& text, const ExitStatus& status) {
  if (status.signaled) {
    AppendFormat(text, "\t(0) Abnormal termination (signal %d)\n", status.value);
  } else {
    AppendFormat(text, "\t(1) Normal termination (return value %d)\n", status.value);
  }
}

/// The "Partitionable Resources" table; cells that we know nothing about stay blank, as in HTCondor's own.
void AppendResources(std::string& text, const Resources& request, const ResourceUsage& usage) {
  struct Row {
    const char* label;
    std::string usage;
    std::string request;
  };
  const auto number = [](const std::optional<std::int64_t>& value) {
    return value ? std::to_string(*value) : std::string();
  };
  std::vector<Row> rows;
  rows.push_back({"Cpus", "", std::to_string(request.cpus)});
  if (request.disk_kb) rows.push_back({"Disk (KB)", "", number(request.disk_kb)});
  if (request.gpus > 0) rows.push_back({"GPUs", "", std::to_string(request.gpus)});
  const long used_mb = (usage.max_rss_kb + 1023) / 1024;
  rows.push_back({"Memory (MB)", std::to_string(used_mb), number(request.memory_mb)});

  std::size_t usage_width = 8;
  std::size_t request_width = 8;
  std::size_t allocated_width = 9;
  for (const Row& row : rows) {
    usage_width = std::max(usage_width, row.usage.size());
    request_width = std::max(request_width, row.request.size());
    allocated_width = std::max(allocated_width, row.request.size());
  }
  const auto line = [&](const char* label, const std::string& used, const std::string& requested,
                        const std::string& allocated) {
    AppendFormat(text, "%s : %*s %*s %*s \n", label, static_cast<int>(usage_width), used.c_str(),
                 static_cast<int>(request_width), requested.c_str(), static_cast<int>(allocated_width),
                 allocated.c_str());
  };
  line("\tPartitionable Resources", "Usage", "Request", "Allocated");
  for (const Row& row : rows) {
    std::string label;
    AppendFormat(label, "\t   %-20s", row.label);
    line(label.c_str(), row.usage, row.request, row.request);
  }
}

void AppendNote(std::string& text, const JobEvent& event) {
  if (!event.node.empty()) text.append("    DAG Node: ").append(OneLine(event.node)).append("\n");
}

/// `first`, and the event's text as an indented line of its own where there is one.
void AppendWithReason(std::string& text, const char* first, const JobEvent& event) {
  text.append(first).append("\n");
  if (!event.text.empty()) text.append("\t").append(OneLine(event.text)).append("\n");
}

void AppendBody(std::string& text, const JobEvent& event) {
  switch (event.type) {
    case EventType::kSubmit:
      text.append("Job submitted from host: ").append(OneLine(event.text)).append("\n");
      AppendNote(text, event);
      for (const std::string& line : event.details) text.append("    ").append(OneLine(line)).append("\n");
      return;
    case EventType::kExecute:
      text.append("Job executing on host: ").append(OneLine(event.text)).append("\n");
      for (const std::string& line : event.details) text.append("\t").append(OneLine(line)).append("\n");
      return;
    case EventType::kExecutableError:
      text.append("(0) Job file not executable.\n");
      return;
    case EventType::kEvicted:
      text.append("Job was evicted.\n\t(0) CPU times\n");
      AppendUsage(text, event.usage, "Run Remote Usage");
      AppendUsage(text, {}, "Run Local Usage");
      text.append("\t0  -  Run Bytes Sent By Job\n\t0  -  Run Bytes Received By Job\n");
      return;
    case EventType::kTerminated:
      text.append("Job terminated.\n");
      AppendStatus(text, event.status);
      if (event.status.signaled) text.append("\t(0) No core file\n");
      AppendUsage(text, event.usage, "Run Remote Usage");
      AppendUsage(text, {}, "Run Local Usage");
      AppendUsage(text, event.usage, "Total Remote Usage");
      AppendUsage(text, {}, "Total Local Usage");
      text.append("\t0  -  Run Bytes Sent By Job\n\t0  -  Run Bytes Received By Job\n");
      text.append("\t0  -  Total Bytes Sent By Job\n\t0  -  Total Bytes Received By Job\n");
      if (event.request) AppendResources(text, *event.request, event.usage);
      return;
    case EventType::kImageSize:
      // The size of the address space is not known here: what was resident stands in for it.
      AppendFormat(text, "Image size of job updated: %ld\n", event.usage.max_rss_kb);
      AppendFormat(text, "\t%ld  -  MemoryUsage of job (MB)\n", (event.usage.max_rss_kb + 1023) / 1024);
      AppendFormat(text, "\t%ld  -  ResidentSetSize of job (KB)\n", event.usage.max_rss_kb);
      return;
    case EventType::kShadowException:
      AppendWithReason(text, "Shadow exception!", event);
      text.append("\t0  -  Run Bytes Sent By Job\n\t0  -  Run Bytes Received By Job\n");
      return;
    case EventType::kGeneric:
      text.append(OneLine(event.text)).append("\n");
      return;
    case EventType::kAborted:
      AppendWithReason(text, "Job was aborted.", event);
      return;
    case EventType::kSuspended:
      text.append("Job was suspended.\n\tNumber of processes actually suspended: 1\n");
      return;
    case EventType::kUnsuspended:
      text.append("Job was unsuspended.\n");
      return;
    case EventType::kHeld:
      text.append("Job was held.\n\t");
      text.append(event.text.empty() ? "Reason unspecified" : OneLine(event.text));
      AppendFormat(text, "\n\tCode %d Subcode %d\n", event.hold_code, event.hold_subcode);
      return;
    case EventType::kReleased:
      AppendWithReason(text, "Job was released.", event);
      return;
    case EventType::kPostScriptTerminated:
      text.append("POST Script terminated.\n");
      AppendStatus(text, event.status);
      AppendNote(text, event);
      return;
    case EventType::kPreSkip:
      text.append("PRE script return value is PRE_SKIP value\n");
      AppendNote(text, event);
      return;
  }
}

}  // namespace

std::string FormatEvent(const JobEvent& event) {
  std::string text;
  AppendFormat(text, "%03d (%03d.%03d.%03d) ", static_cast<int>(event.type), event.id.cluster, event.id.proc,
               event.id.subproc);
  text.append(FormatTime(event.time, "%Y-%m-%d %H:%M:%S")).append(" ");
  AppendBody(text, event);
  return text.append("...\n");
}

}  // namespace roost::dag

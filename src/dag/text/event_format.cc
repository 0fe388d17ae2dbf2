#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "roost/base/text.h"
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

/// Readers take a line break as the end of the field, "..." as the end of the event and NUL as the end of the
/// log; they have room for 8191 bytes.
std::string OneLine(std::string_view text) {
  constexpr std::size_t kLongest = 8191;
  std::string line(Trim(text.substr(0, kLongest)));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r' || c == '\0'; }, ' ');
  return line;
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

void AppendBytes(std::string& text, const char* which, const TransferredBytes& bytes) {
  AppendFormat(text, "\t%lld  -  %s Bytes Sent By Job\n", static_cast<long long>(bytes.sent), which);
  AppendFormat(text, "\t%lld  -  %s Bytes Received By Job\n", static_cast<long long>(bytes.received), which);
}

void AppendStatus(std::string& text, const ExitStatus& status) {
  if (status.signaled) {
    AppendFormat(text, "\t(0) Abnormal termination (signal %d)\n", status.value);
  } else {
    AppendFormat(text, "\t(1) Normal termination (return value %d)\n", status.value);
  }
}

/// The status of a job, which may have left a core file.
void AppendJobStatus(std::string& text, const JobEvent& event) {
  AppendStatus(text, event.status);
  if (!event.status.signaled) return;
  if (event.core_file.empty()) {
    text.append("\t(0) No core file\n");
  } else {
    text.append("\t(1) Corefile in: ").append(OneLine(event.core_file)).append("\n");
  }
}

using Cell = std::optional<std::int64_t>;

/// One row of the resource table. What is not known stays blank, as in HTCondor's own.
struct TableRow {
  std::string label;
  Cell usage;
  Cell request;
  Cell allocated;
};

std::vector<TableRow> TableOf(const JobEvent& event) {
  const Resources& asked = *event.request;
  const Resources& given = event.allocated ? *event.allocated : asked;
  std::vector<TableRow> rows;
  rows.push_back({"Cpus", {}, asked.cpus, given.cpus});
  if (asked.disk_kb || given.disk_kb) rows.push_back({"Disk (KB)", {}, asked.disk_kb, given.disk_kb});
  if (asked.gpus > 0 || given.gpus > 0) rows.push_back({"GPUs", {}, asked.gpus, given.gpus});
  rows.push_back({"Memory (MB)", (event.usage.max_rss_kb + 1023) / 1024, asked.memory_mb, given.memory_mb});
  for (const auto& [tag, count] : asked.custom) {
    const auto other = given.custom.find(tag);
    rows.push_back({tag, {}, count, other == given.custom.end() ? Cell() : other->second});
  }
  if (event.executed) {
    rows.push_back({"TimeExecute (s)", event.executed->count(), {}, {}});
    // A slot is taken when the job starts and free when it ends.
    rows.push_back({"TimeSlotBusy (s)", event.executed->count(), {}, {}});
  }
  std::ranges::stable_sort(rows, LessIgnoreCase(), &TableRow::label);
  return rows;
}

/// The "Partitionable Resources" table, its columns as wide as their widest cell.
void AppendResources(std::string& text, const JobEvent& event) {
  const auto shown = [](const Cell& cell) { return cell ? std::to_string(*cell) : std::string(); };
  const std::vector<TableRow> rows = TableOf(event);
  std::size_t usage_width = 8;
  std::size_t request_width = 8;
  std::size_t allocated_width = 9;
  for (const TableRow& row : rows) {
    usage_width = std::max(usage_width, shown(row.usage).size());
    request_width = std::max(request_width, shown(row.request).size());
    allocated_width = std::max(allocated_width, shown(row.allocated).size());
  }
  const auto line = [&](const std::string& label, const std::string& usage, const std::string& request,
                        const std::string& allocated) {
    text.append(label).append(" : ");
    AppendFormat(text, "%*s %*s %*s \n", static_cast<int>(usage_width), usage.c_str(),
                 static_cast<int>(request_width), request.c_str(), static_cast<int>(allocated_width),
                 allocated.c_str());
  };
  line("\tPartitionable Resources", "Usage", "Request", "Allocated");
  for (const TableRow& row : rows) {
    std::string label = "\t   " + row.label;
    constexpr std::size_t kLabelWidth = 24;
    if (label.size() < kLabelWidth) label.resize(kLabelWidth, ' ');
    line(label, shown(row.usage), shown(row.request), shown(row.allocated));
  }
}

/// "Ticket of execution": HTCondor 23 writes it below the table.
void AppendEndOfItsOwn(std::string& text, const JobEvent& event) {
  text.append("\n\tJob terminated of its own accord at ")
      .append(FormatTime(event.time, "%Y-%m-%dT%H:%M:%SZ", /*utc=*/true));
  AppendFormat(text, event.status.signaled ? " with signal %d.\n" : " with exit-code %d.\n",
               event.status.value);
}

void AppendNote(std::string& text, const JobEvent& event) {
  if (!event.node.empty()) text.append("    DAG Node: ").append(OneLine(event.node)).append("\n");
}

/// `first`, and the event's text as an indented line of its own where there is one.
void AppendWithReason(std::string& text, const char* first, const JobEvent& event) {
  text.append(first).append("\n");
  if (!event.text.empty()) text.append("\t").append(OneLine(event.text)).append("\n");
}

void AppendDetails(std::string& text, const char* indentation, const JobEvent& event) {
  for (const std::string& detail : event.details) {
    const std::string line = OneLine(detail);
    if (!line.empty() && line != "...") text.append(indentation).append(line).append("\n");
  }
}

/// Readers look "Attr = value" lines up, and HTCondor writes them sorted, after the slot's name.
void AppendExecuteDetails(std::string& text, const JobEvent& event) {
  std::vector<std::string_view> lines(event.details.begin(), event.details.end());
  const auto attributes = std::stable_partition(
      lines.begin(), lines.end(), [](std::string_view line) { return line.starts_with("SlotName: "); });
  std::sort(attributes, lines.end(), LessIgnoreCase());
  for (const std::string_view line : lines) text.append("\t").append(OneLine(line)).append("\n");
}

void AppendEvicted(std::string& text, const JobEvent& event) {
  text.append("Job was evicted.");
  if (event.hold_code != 0) AppendFormat(text, " Code %d Subcode %d", event.hold_code, event.hold_subcode);
  text.append(event.requeued ? "\n\t(0) Job terminated and was requeued\n" : "\n\t(0) CPU times\n");
  AppendUsage(text, event.usage, "Run Remote Usage");
  AppendUsage(text, {}, "Run Local Usage");
  AppendBytes(text, "Run", event.bytes);
  if (event.requeued) AppendJobStatus(text, event);
  if (!event.text.empty()) {
    text.append(event.requeued ? "\t" : "\tReason: ").append(OneLine(event.text)).append("\n");
  }
  if (event.request) AppendResources(text, event);
}

void AppendTerminated(std::string& text, const JobEvent& event) {
  text.append("Job terminated.\n");
  AppendJobStatus(text, event);
  AppendUsage(text, event.usage, "Run Remote Usage");
  AppendUsage(text, {}, "Run Local Usage");
  AppendUsage(text, event.usage, "Total Remote Usage");
  AppendUsage(text, {}, "Total Local Usage");
  AppendBytes(text, "Run", event.bytes);
  AppendBytes(text, "Total", event.total_bytes);
  if (!event.request) return;
  AppendResources(text, event);
  AppendEndOfItsOwn(text, event);
}

void AppendBody(std::string& text, const JobEvent& event) {
  switch (event.type) {
    case EventType::kSubmit:
    case EventType::kClusterSubmit:
      text.append(event.type == EventType::kSubmit ? "Job" : "Cluster").append(" submitted from host: ");
      text.append(OneLine(event.text)).append("\n");
      AppendNote(text, event);
      AppendDetails(text, "    ", event);
      return;
    case EventType::kExecute:
      text.append("Job executing on host: ").append(OneLine(event.text)).append("\n");
      AppendExecuteDetails(text, event);
      return;
    case EventType::kExecutableError:
      text.append("(0) Job file not executable.\n");
      return;
    case EventType::kEvicted:
      return AppendEvicted(text, event);
    case EventType::kTerminated:
      return AppendTerminated(text, event);
    case EventType::kImageSize:
      // The size of the address space is not known here: what was resident stands in for it.
      AppendFormat(text, "Image size of job updated: %ld\n", event.usage.max_rss_kb);
      AppendFormat(text, "\t%ld  -  MemoryUsage of job (MB)\n", (event.usage.max_rss_kb + 1023) / 1024);
      AppendFormat(text, "\t%ld  -  ResidentSetSize of job (KB)\n", event.usage.max_rss_kb);
      return;
    case EventType::kShadowException:
      AppendWithReason(text, "Shadow exception!", event);
      AppendBytes(text, "Run", event.bytes);
      return;
    case EventType::kGeneric:
    case EventType::kAttributeUpdate:
      text.append(OneLine(event.text)).append("\n");
      return;
    case EventType::kFileTransfer:
      text.append(OneLine(event.text)).append("\n");
      AppendDetails(text, "\t", event);
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
    case EventType::kDisconnected:
      text.append("Job disconnected, attempting to reconnect\n    ").append(OneLine(event.text)).append("\n");
      AppendDetails(text, "    ", event);
      return;
    case EventType::kReconnected:
      text.append("Job reconnected to ").append(OneLine(event.text)).append("\n");
      AppendDetails(text, "    ", event);
      return;
    case EventType::kReconnectFailed:
      text.append("Job reconnection failed\n    ").append(OneLine(event.text)).append("\n");
      AppendDetails(text, "    ", event);
      return;
    case EventType::kJobAdInformation:
      text.append("Job ad information event triggered.\n");
      AppendDetails(text, "", event);
      return;
    case EventType::kPreSkip:
      text.append("PRE script return value is PRE_SKIP value\n");
      AppendNote(text, event);
      return;
    case EventType::kClusterRemove:
      text.append("Cluster removed\n");
      AppendDetails(text, "\t", event);
      if (!event.text.empty()) text.append("\t").append(OneLine(event.text)).append("\n");
      return;
    case EventType::kFactoryPaused:
      text.append("Job Materialization Paused\n\t").append(OneLine(event.text)).append("\n");
      if (event.hold_subcode != 0) AppendFormat(text, "\tPauseCode %d\n", event.hold_subcode);
      if (event.hold_code != 0) AppendFormat(text, "\tHoldCode %d\n", event.hold_code);
      return;
    case EventType::kFactoryResumed:
      AppendWithReason(text, "Job Materialization Resumed", event);
      return;
    case EventType::kDataflowSkipped:
      AppendWithReason(text, "Dataflow job was skipped.", event);
      return;
  }
}

}  // namespace

std::string FormatEvent(const JobEvent& event) {
  std::string text;
  text.reserve(1024);
  AppendFormat(text, "%03d (%03d.%03d.%03d) ", static_cast<int>(event.type), event.id.cluster, event.id.proc,
               event.id.subproc);
  text.append(FormatTime(event.time, "%Y-%m-%d %H:%M:%S")).append(" ");
  AppendBody(text, event);
  return text.append("...\n");
}

}  // namespace roost::dag

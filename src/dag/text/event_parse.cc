#include <algorithm>
#include <cctype>
#include <charconv>
#include <ctime>

#include "dag/text/event_types.h"
#include "roost/base/text.h"
#include "roost/dag/event_log.h"

namespace roost::dag {
namespace {

/// Takes a text apart from the left. Each Take returns false, and takes nothing that matters, when the text
/// does not go on as asked.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool Literal(std::string_view literal) {
    if (!rest_.starts_with(literal)) return false;
    rest_.remove_prefix(literal.size());
    return true;
  }
  template <typename Integer>
  bool Number(Integer& value) {
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return true;
  }
  void Blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

/// What the first line of an event says before its body.
struct Header {
  int type = 0;
  JobId id;
  Clock::WallTime time;
  std::string_view body;
};

bool TakeId(Scanner& scanner, JobId& id) {
  return scanner.Literal("(") && scanner.Number(id.cluster) && scanner.Literal(".") &&
         scanner.Number(id.proc) && scanner.Literal(".") && scanner.Number(id.subproc) &&
         scanner.Literal(")");
}

/// "2026-08-14 17:03:05", also with 'T' between, fractions and 'Z'; or the old form "08/14 17:03:05".
bool TakeTime(Scanner& scanner, int year, Clock::WallTime& time) {
  std::tm parts{};
  int first = 0;
  if (!scanner.Number(first)) return false;
  if (scanner.Literal("-")) {
    parts.tm_year = first - 1900;
    if (!scanner.Number(parts.tm_mon) || !scanner.Literal("-") || !scanner.Number(parts.tm_mday))
      return false;
  } else if (scanner.Literal("/")) {
    parts.tm_year = year - 1900;
    parts.tm_mon = first;
    if (!scanner.Number(parts.tm_mday)) return false;
  } else {
    return false;
  }
  parts.tm_mon -= 1;
  if (!scanner.Literal(" ") && !scanner.Literal("T")) return false;
  if (!scanner.Number(parts.tm_hour) || !scanner.Literal(":") || !scanner.Number(parts.tm_min) ||
      !scanner.Literal(":") || !scanner.Number(parts.tm_sec)) {
    return false;
  }
  const auto within = [](int value, int low, int high) { return value >= low && value <= high; };
  // Nanoseconds since 1970 in 64 bits go from 1677 to 2262.
  if (!within(parts.tm_year, 1700 - 1900, 2250 - 1900) || !within(parts.tm_mon, 0, 11) ||
      !within(parts.tm_mday, 1, 31) || !within(parts.tm_hour, 0, 23) || !within(parts.tm_min, 0, 59) ||
      !within(parts.tm_sec, 0, 60)) {
    return false;
  }
  long fraction = 0;
  if (scanner.Literal(".") && !scanner.Number(fraction)) return false;
  const bool utc = scanner.Literal("Z");
  parts.tm_isdst = -1;
  time = std::chrono::system_clock::from_time_t(utc ? ::timegm(&parts) : std::mktime(&parts));
  return true;
}

bool ParseHeader(std::string_view line, int year, Header& header) {
  Scanner scanner(line);
  const bool digits = line.size() > 4 && std::isdigit(static_cast<unsigned char>(line[0])) != 0;
  if (!digits || !scanner.Number(header.type) || !scanner.Literal(" ") || !TakeId(scanner, header.id) ||
      !scanner.Literal(" ") || !TakeTime(scanner, year, header.time)) {
    return false;
  }
  scanner.Literal(" ");
  header.body = scanner.rest();
  return true;
}

/// "DAG Node: A", or the structured form `[ DAGNodeName = "A" ]`. False where the line is neither.
bool TakeNote(std::string_view line, std::string& node) {
  Scanner scanner(line);
  if (scanner.Literal("DAG Node: ")) {
    node = Trim(scanner.rest());
    return true;
  }
  if (!scanner.Literal("[")) return false;
  scanner.Blanks();
  if (!scanner.Literal("DAGNodeName")) return false;
  scanner.Blanks();
  if (!scanner.Literal("=")) return false;
  scanner.Blanks();
  if (!scanner.Literal("\"")) return false;
  const auto end = scanner.rest().find('"');
  if (end == std::string_view::npos) return false;
  node = Trim(scanner.rest().substr(0, end));
  return true;
}

/// "(1) Normal termination (return value 3)" or "(0) Abnormal termination (signal 9)".
bool TakeStatus(std::string_view line, ExitStatus& status) {
  Scanner scanner(line);
  int value = 0;
  if (scanner.Literal("(1) Normal termination (return value ")) {
    if (!scanner.Number(value)) return false;
    status = {false, value};
    return true;
  }
  if (scanner.Literal("(0) Abnormal termination (signal ")) {
    if (!scanner.Number(value)) return false;
    status = {true, value};
    return true;
  }
  return false;
}

/// "Usr 0 00:00:01, Sys 0 00:00:00  -  Run Remote Usage"
void TakeUsage(std::string_view line, ResourceUsage& usage) {
  Scanner scanner(line);
  const auto part = [&](std::chrono::microseconds& time) {
    long days = 0;
    long hours = 0;
    long minutes = 0;
    long seconds = 0;
    if (!scanner.Number(days) || !scanner.Literal(" ") || !scanner.Number(hours) || !scanner.Literal(":") ||
        !scanner.Number(minutes) || !scanner.Literal(":") || !scanner.Number(seconds)) {
      return false;
    }
    constexpr long kMost = 1'000'000;  // no sum of these overflows
    if (std::max({days, hours, minutes, seconds}) > kMost || std::min({days, hours, minutes, seconds}) < 0) {
      return false;
    }
    time = std::chrono::seconds(((days * 24 + hours) * 60 + minutes) * 60 + seconds);
    return true;
  };
  ResourceUsage read;
  if (scanner.Literal("Usr ") && part(read.user) && scanner.Literal(", Sys ") && part(read.system) &&
      scanner.Literal("  -  Run Remote Usage")) {
    usage.user = read.user;
    usage.system = read.system;
  }
}

/// "(1) Corefile in: /path"
void TakeCoreFile(std::string_view line, std::string& core_file) {
  Scanner scanner(line);
  if (scanner.Literal("(1) Corefile in: ")) core_file = scanner.rest();
}

/// "106  -  Run Bytes Sent By Job"
void TakeBytes(std::string_view line, JobEvent& event) {
  Scanner scanner(line);
  std::int64_t count = 0;
  if (!scanner.Number(count) || !scanner.Literal("  -  ")) return;
  const bool total = scanner.Literal("Total ");
  if (!total && !scanner.Literal("Run ")) return;
  TransferredBytes& bytes = total ? event.total_bytes : event.bytes;
  if (scanner.rest() == "Bytes Sent By Job") bytes.sent = count;
  if (scanner.rest() == "Bytes Received By Job") bytes.received = count;
}

/// Where the columns of the resource table end: under the ends of the words of its heading.
struct TableColumns {
  std::size_t usage_end = 0;
  std::size_t request_end = 0;
  std::size_t allocated_end = 0;
};

std::optional<TableColumns> TakeHeading(std::string_view line) {
  const auto end_of = [line](std::string_view word) {
    const auto at = line.find(word);
    return at == std::string_view::npos ? at : at + word.size();
  };
  if (!Trim(line).starts_with("Partitionable Resources")) return std::nullopt;
  const TableColumns columns{end_of("Usage"), end_of("Request"), end_of("Allocated")};
  const bool whole = columns.usage_end < columns.request_end && columns.request_end < columns.allocated_end &&
                     columns.allocated_end != std::string_view::npos;
  return whole ? std::optional(columns) : std::nullopt;
}

/// A whole number that is no less than 0; reals ("0.01") are cut off.
std::optional<std::int64_t> Cell(std::string_view line, std::size_t begin, std::size_t end) {
  if (begin >= line.size()) return std::nullopt;
  const std::string_view digits = Trim(line.substr(begin, end - begin));
  const auto value = ParseInt(digits.substr(0, digits.find('.')));
  return value && *value >= 0 ? value : std::nullopt;
}

/// Reads into `resources` what the row says in one column.
void TakeResource(std::string_view label, std::optional<std::int64_t> value, Resources& resources) {
  if (!value) return;
  constexpr std::int64_t kMost = 1'000'000'000;
  const int count = static_cast<int>(std::min(*value, kMost));
  if (label == "Cpus") {
    resources.cpus = count;
  } else if (EqualsIgnoreCase(label, "GPUs")) {
    resources.gpus = count;
  } else if (label == "Disk (KB)") {
    resources.disk_kb = value;
  } else if (label == "Memory (MB)") {
    resources.memory_mb = value;
  } else if (label.find('(') == std::string_view::npos) {  // those with a unit are HTCondor's own
    resources.custom.insert_or_assign(std::string(label), *value);
  }
}

void TakeTableRow(std::string_view line, const TableColumns& columns, JobEvent& event) {
  const auto colon = line.find(" : ");
  if (colon == std::string_view::npos) return;
  const std::string_view label = Trim(line.substr(0, colon));
  const auto usage = Cell(line, colon + 3, columns.usage_end);
  constexpr std::int64_t kMost = std::int64_t{1} << 50;  // no sum or product of it overflows
  if (usage && *usage <= kMost) {
    if (label == "Memory (MB)") event.usage.max_rss_kb = static_cast<long>(*usage * 1024);
    if (label == "TimeExecute (s)") event.executed = std::chrono::seconds(*usage);
  }
  TakeResource(label, Cell(line, columns.usage_end, columns.request_end), *event.request);
  TakeResource(label, Cell(line, columns.request_end, columns.allocated_end), *event.allocated);
}

/// "N  -  ResidentSetSize of job (KB)"
void TakeResidentSize(std::string_view line, long& kb) {
  Scanner scanner(line);
  long value = 0;
  if (scanner.Number(value) && scanner.rest() == "  -  ResidentSetSize of job (KB)") kb = value;
}

/// The lines of an event that ends a run of a job: 004 and 005.
void ParseEndOfRun(const std::vector<std::string_view>& lines, JobEvent& event) {
  bool status_read = false;
  std::optional<TableColumns> table;
  for (const std::string_view raw : lines) {
    const std::string_view line = Trim(raw);
    if (table) {
      if (line.empty()) return;  // what follows the table says nothing new
      TakeTableRow(raw, *table, event);
    } else if (const auto columns = TakeHeading(raw)) {
      table = columns;
      event.request.emplace();
      event.allocated.emplace();
    } else if (!status_read && TakeStatus(line, event.status)) {
      status_read = true;
    } else if (line == "(0) Job terminated and was requeued") {
      event.requeued = true;
    } else if (line.starts_with("Reason: ")) {
      event.text = line.substr(8);
    } else if (event.type == EventType::kEvicted && status_read && !line.starts_with('(')) {
      event.text = line;
    } else {
      TakeCoreFile(line, event.core_file);
      TakeUsage(line, event.usage);
      TakeBytes(line, event);
    }
  }
}

/// "Code 6 Subcode 2", "PauseCode 1", "HoldCode 3"; false where the line is none of them.
bool TakeCodes(std::string_view line, JobEvent& event) {
  Scanner scanner(line);
  if (scanner.Literal("PauseCode ")) return scanner.Number(event.hold_subcode);
  if (scanner.Literal("HoldCode ")) return scanner.Number(event.hold_code);
  int code = 0;
  int subcode = 0;
  if (!scanner.Literal("Code ") || !scanner.Number(code) || !scanner.Literal(" Subcode ") ||
      !scanner.Number(subcode)) {
    return false;
  }
  event.hold_code = code;
  event.hold_subcode = subcode;
  return true;
}

/// One line after the first, without its indentation, of any other event.
void ParseLine(std::string_view line, JobEvent& event) {
  switch (event.type) {
    case EventType::kSubmit:
    case EventType::kClusterSubmit:
      if (!TakeNote(line, event.node)) event.details.emplace_back(line);
      return;
    case EventType::kExecute:
    case EventType::kReconnected:
    case EventType::kJobAdInformation:
    case EventType::kFileTransfer:
      event.details.emplace_back(line);
      return;
    case EventType::kDisconnected:
    case EventType::kReconnectFailed:
      if (event.text.empty()) {
        event.text = line;
      } else {
        event.details.emplace_back(line);
      }
      return;
    case EventType::kClusterRemove:
      if (event.details.empty() && line.starts_with("Materialized ")) {
        event.details.emplace_back(line);
      } else if (event.text.empty()) {
        event.text = line;
      }
      return;
    case EventType::kImageSize:
      return TakeResidentSize(line, event.usage.max_rss_kb);
    case EventType::kPostScriptTerminated:
      if (!TakeNote(line, event.node)) TakeStatus(line, event.status);
      return;
    case EventType::kPreSkip:
      TakeNote(line, event.node);
      return;
    case EventType::kHeld:
    case EventType::kFactoryPaused:
      if (!TakeCodes(line, event) && event.text.empty()) event.text = line;
      return;
    case EventType::kShadowException:
      TakeBytes(line, event);
      if (event.text.empty()) event.text = line;
      return;
    case EventType::kAborted:
    case EventType::kReleased:
    case EventType::kFactoryResumed:
    case EventType::kDataflowSkipped:
      // HTCondor 23 writes below it that the job did end by itself, where it had done so meanwhile.
      if (event.text.empty() && !line.starts_with("Job terminated by itself at ")) event.text = line;
      return;
    case EventType::kExecutableError:
    case EventType::kEvicted:
    case EventType::kTerminated:
    case EventType::kGeneric:
    case EventType::kSuspended:
    case EventType::kUnsuspended:
    case EventType::kAttributeUpdate:
      return;
  }
}

/// What the first line says behind the frame.
void ParseFirstLine(std::string_view line, JobEvent& event) {
  Scanner scanner(line);
  switch (event.type) {
    case EventType::kSubmit:
      if (scanner.Literal("Job submitted from host: ")) event.text = scanner.rest();
      return;
    case EventType::kClusterSubmit:
      if (scanner.Literal("Cluster submitted from host: ")) event.text = scanner.rest();
      return;
    case EventType::kExecute:
      if (scanner.Literal("Job executing on host: ")) event.text = scanner.rest();
      return;
    case EventType::kReconnected:
      if (scanner.Literal("Job reconnected to ")) event.text = scanner.rest();
      return;
    case EventType::kEvicted:
      if (scanner.Literal("Job was evicted. ")) TakeCodes(scanner.rest(), event);
      return;
    case EventType::kGeneric:
    case EventType::kAttributeUpdate:
    case EventType::kFileTransfer:
      event.text = line;
      return;
    default:
      return;  // nothing but the type's own words
  }
}

std::optional<JobEvent> ParseEvent(const Header& header, const std::vector<std::string_view>& body) {
  const auto type = KnownEventType(header.type);
  if (!type) return std::nullopt;
  JobEvent event;
  event.type = *type;
  event.id = header.id;
  event.time = header.time;
  ParseFirstLine(header.body, event);
  if (*type == EventType::kEvicted || *type == EventType::kTerminated) {
    ParseEndOfRun(body, event);
    return event;
  }
  for (const std::string_view raw : body) {
    if (const std::string_view line = Trim(raw); !line.empty()) ParseLine(line, event);
  }
  return event;
}

}  // namespace

std::size_t ParseEvents(std::string_view text, const std::function<void(const JobEvent&)>& sink, int year) {
  text = text.substr(0, text.find('\0'));
  std::size_t consumed = 0;
  std::size_t at = 0;
  Header header;
  bool open = false;  // inside an event whose header we could read
  std::vector<std::string_view> body;
  while (true) {
    const auto newline = text.find('\n', at);
    if (newline == std::string_view::npos) return consumed;
    std::string_view line = text.substr(at, newline - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    at = newline + 1;

    if (line == "...") {
      if (open) {
        if (const auto event = ParseEvent(header, body)) sink(*event);
      }
      open = false;
      body.clear();
      consumed = at;
      continue;
    }
    // A header within an event: the event before it was cut off, and counts for nothing.
    if (Header next; ParseHeader(line, year, next)) {
      header = next;
      open = true;
      body.clear();
    } else if (open) {
      body.push_back(line);
    }
  }
}

}  // namespace roost::dag

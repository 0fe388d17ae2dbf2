#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <ctime>

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

std::optional<EventType> KnownType(int number) {
  constexpr std::array kKnown = {EventType::kSubmit,          EventType::kExecute,
                                 EventType::kExecutableError, EventType::kEvicted,
                                 EventType::kTerminated,      EventType::kImageSize,
                                 EventType::kShadowException, EventType::kGeneric,
                                 EventType::kAborted,         EventType::kSuspended,
                                 EventType::kUnsuspended,     EventType::kHeld,
                                 EventType::kReleased,        EventType::kPostScriptTerminated,
                                 EventType::kPreSkip};
  const auto* found = std::find(kKnown.begin(), kKnown.end(), static_cast<EventType>(number));
  return found == kKnown.end() ? std::nullopt : std::optional(*found);
}

/// "DAG Node: A", or the structured form `[ DAGNodeName = "A" ]`. False where the line is neither.
bool TakeNote(std::string_view line, std::string& node) {
  Scanner scanner(line);
  if (scanner.Literal("DAG Node: ")) {
    node = scanner.rest();
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
  node = scanner.rest().substr(0, end);
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

/// One row of the resource table, by the columns where its heading has the words' ends.
struct TableColumns {
  std::size_t usage_end = 0;
  std::size_t request_end = 0;
};

std::optional<double> Cell(std::string_view line, std::size_t begin, std::size_t end) {
  if (begin >= line.size()) return std::nullopt;
  return ParseDouble(Trim(line.substr(begin, end - begin)));
}

void TakeTableRow(std::string_view line, const TableColumns& columns, JobEvent& event) {
  const auto colon = line.find(" : ");
  if (colon == std::string_view::npos) return;
  const std::string_view label = Trim(line.substr(0, colon));
  const auto usage = Cell(line, colon + 3, columns.usage_end);
  const auto request = Cell(line, columns.usage_end, columns.request_end);
  constexpr double kMost = 1e15;  // keeps the conversion to integers defined
  if (std::max(usage.value_or(0), request.value_or(0)) > kMost ||
      std::min(usage.value_or(0), request.value_or(0)) < 0) {
    return;
  }
  const auto whole = [](double value) { return static_cast<std::int64_t>(value); };
  const auto count = [](double value) { return static_cast<int>(std::min(value, 1e9)); };
  if (label == "Cpus" && request) event.request->cpus = count(*request);
  if (label == "GPUs" && request) event.request->gpus = count(*request);
  if (label == "Disk (KB)" && request) event.request->disk_kb = whole(*request);
  if (label == "Memory (MB)") {
    if (request) event.request->memory_mb = whole(*request);
    if (usage) event.usage.max_rss_kb = static_cast<long>(whole(*usage) * 1024);
  }
}

/// "N  -  ResidentSetSize of job (KB)"
void TakeResidentSize(std::string_view line, long& kb) {
  Scanner scanner(line);
  long value = 0;
  if (scanner.Number(value) && scanner.rest() == "  -  ResidentSetSize of job (KB)") kb = value;
}

/// The lines of an event after the first, without their indentation but with it for the table's columns.
void ParseBody(const std::vector<std::string_view>& lines, JobEvent& event) {
  bool status_read = false;
  std::optional<TableColumns> table;
  for (const std::string_view raw : lines) {
    const std::string_view line = Trim(raw);
    switch (event.type) {
      case EventType::kSubmit:
        if (!line.empty() && !TakeNote(line, event.node)) event.details.emplace_back(line);
        break;
      case EventType::kExecute:
        if (!line.empty()) event.details.emplace_back(line);
        break;
      case EventType::kTerminated:
        if (!status_read) status_read = TakeStatus(line, event.status);
        TakeUsage(line, event.usage);
        if (line.starts_with("Partitionable Resources")) {
          event.request.emplace();
          const auto usage = raw.find("Usage");
          const auto request = raw.find("Request");
          if (usage != std::string_view::npos && request != std::string_view::npos) {
            table = TableColumns{usage + 5, request + 7};
          }
        } else if (table) {
          TakeTableRow(raw, *table, event);
        }
        break;
      case EventType::kEvicted:
        TakeUsage(line, event.usage);
        break;
      case EventType::kImageSize:
        TakeResidentSize(line, event.usage.max_rss_kb);
        break;
      case EventType::kPostScriptTerminated:
        if (!status_read) status_read = TakeStatus(line, event.status);
        TakeNote(line, event.node);
        break;
      case EventType::kPreSkip:
        TakeNote(line, event.node);
        break;
      case EventType::kHeld: {
        Scanner scanner(line);
        int code = 0;
        int subcode = 0;
        if (scanner.Literal("Code ") && scanner.Number(code) && scanner.Literal(" Subcode ") &&
            scanner.Number(subcode)) {
          event.hold_code = code;
          event.hold_subcode = subcode;
        } else if (event.text.empty()) {
          event.text = line;
        }
        break;
      }
      case EventType::kAborted:
      case EventType::kReleased:
      case EventType::kShadowException:
        if (event.text.empty()) event.text = line;
        break;
      case EventType::kExecutableError:
      case EventType::kGeneric:
      case EventType::kSuspended:
      case EventType::kUnsuspended:
        break;
    }
  }
}

std::optional<JobEvent> ParseEvent(const Header& header, const std::vector<std::string_view>& body) {
  const auto type = KnownType(header.type);
  if (!type) return std::nullopt;
  JobEvent event;
  event.type = *type;
  event.id = header.id;
  event.time = header.time;
  Scanner first(header.body);
  if ((*type == EventType::kSubmit && first.Literal("Job submitted from host: ")) ||
      (*type == EventType::kExecute && first.Literal("Job executing on host: ")) ||
      *type == EventType::kGeneric) {
    event.text = first.rest();
  }
  ParseBody(body, event);
  return event;
}

}  // namespace

std::size_t ParseEvents(std::string_view text, const std::function<void(const JobEvent&)>& sink, int year) {
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

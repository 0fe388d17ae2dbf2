#include "dag/text/job_builder.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "dag/text/arithmetic.h"
#include "dag/text/quoting.h"

namespace roost::dag {
namespace {

constexpr double kKilobyte = 1024;
constexpr double kMegabyte = 1024 * kKilobyte;

/// true, yes, t, 1 and their opposites; nothing for other texts.
std::optional<bool> ParseBool(std::string_view text) {
  for (const std::string_view yes : {"true", "yes", "t", "y", "1"}) {
    if (EqualsIgnoreCase(text, yes)) return true;
  }
  for (const std::string_view no : {"false", "no", "f", "n", "0"}) {
    if (EqualsIgnoreCase(text, no)) return false;
  }
  return std::nullopt;
}

/// Names and URLs between commas, each trimmed.
std::vector<std::string> FileList(std::string_view text) {
  std::vector<std::string> files;
  for (const std::string& part : Split(text, ',')) {
    std::string file(Trim(part));
    if (file.size() >= 2 && file.front() == '"' && file.back() == '"') file = file.substr(1, file.size() - 2);
    if (!file.empty()) files.push_back(std::move(file));
  }
  return files;
}

bool IsUrl(std::string_view file) {
  const auto scheme = file.find("://");
  return scheme != std::string_view::npos && scheme > 0 &&
         std::all_of(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(scheme), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.';
         });
}

/// Whether `name` fits `pattern`, where '*' stands for any characters.
bool FitsPattern(std::string_view name, std::string_view pattern) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return name == pattern;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t i = star; i <= name.size(); ++i) {
    if (FitsPattern(name.substr(i), rest)) return true;
  }
  return false;
}

/// What is wrong with the form of a ClassAd expression, as far as quotes and parentheses show; or nothing.
std::string ExpressionFault(std::string_view text) {
  std::string open;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      for (++i; i < text.size() && text[i] != c; ++i) {
        if (text[i] == '\\') ++i;
      }
      if (i >= text.size()) return "a quote is not closed";
    } else if (c == '(' || c == '[' || c == '{') {
      open.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    } else if (c == ')' || c == ']' || c == '}') {
      if (open.empty() || open.back() != c) return std::string("'") + c + "' closes nothing";
      open.pop_back();
    }
  }
  return open.empty() ? "" : std::string("'") + open.back() + "' is missing";
}

}  // namespace

Job JobBuilder::Build(int proc, const SourceLine& queue) {
  queue_ = queue;
  Job job;
  job.cluster = context_.cluster;
  job.proc = proc;
  job.node = context_.node;
  for (const auto step : {&JobBuilder::SetUniverse, &JobBuilder::SetDirectory, &JobBuilder::SetTransfer,
                          &JobBuilder::SetProgram, &JobBuilder::SetStreams, &JobBuilder::SetEnvironment,
                          &JobBuilder::SetRequest, &JobBuilder::SetAttributes}) {
    (this->*step)(job);
  }
  CheckNotification();
  return job;
}

std::optional<JobBuilder::Value> JobBuilder::Get(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const std::string* raw = macros_.Find(name);
    if (raw == nullptr) continue;
    const MacroSet::Entry* entry = macros_.FindEntry(name);
    SourceLine where = entry != nullptr && entry->where.line > 0 ? entry->where : queue_;
    try {
      std::string text(Trim(macros_.Expand(*raw)));
      if (!text.empty()) return Value{std::move(text), std::move(where)};
    } catch (const Error& error) {
      Fail(where, std::string(name) + ": " + error.message());
      return std::nullopt;
    }
  }
  return std::nullopt;
}

std::optional<bool> JobBuilder::GetBool(std::string_view name) {
  const auto value = Get({name});
  if (!value) return std::nullopt;
  const auto truth = ParseBool(value->text);
  if (!truth) Fail(value->where, std::string(name) + " is true or false, not '" + value->text + "'");
  return truth;
}

void JobBuilder::Fail(const SourceLine& where, std::string message) {
  AddError(faults_, where, std::move(message));
}

void JobBuilder::Warn(const SourceLine& where, const std::string& message) {
  if (warned_.emplace(where.line, message).second) AddWarning(faults_, where, message);
}

void JobBuilder::SetUniverse(Job& job) {
  const auto universe = Get({"universe"});
  if (!universe) return;
  const std::string name = ToLower(universe->text);
  // HTCondor's numbers of the universes are accepted in place of their names.
  if (name == "vanilla" || name == "5") return;
  if (name == "local" || name == "scheduler" || name == "12" || name == "7") {
    job.local = true;
    return;
  }
  for (const std::string_view known : {"docker", "container"}) {
    if (name == known) return Fail(universe->where, "universe " + name + " is not supported yet");
  }
  for (const std::string_view known :
       {"grid", "vm", "java", "parallel", "standard", "mpi", "pvm", "globus"}) {
    if (name == known)
      return Fail(universe->where, "universe " + name + " cannot be run here: use vanilla or local");
  }
  Fail(universe->where, "unknown universe '" + universe->text + "'");
}

void JobBuilder::SetDirectory(Job& job) {
  const auto initial = Get({"initialdir", "initial_dir", "job_iwd"});
  job.initial_dir = initial ? context_.directory / initial->text : context_.directory;
  job.initial_dir = job.initial_dir.lexically_normal();
  if (!job.initial_dir.has_filename() && job.initial_dir.has_relative_path()) {
    job.initial_dir = job.initial_dir.parent_path();  // "run/" is "run"
  }
  if (job.initial_dir == known_directory_ || !context_.limits.reach_outside) return;
  std::error_code error;
  if (std::filesystem::is_directory(job.initial_dir, error)) {
    known_directory_ = job.initial_dir;
  } else {
    Fail(initial ? initial->where : queue_, "initialdir '" + job.initial_dir.string() + "' is not a folder");
  }
}

void JobBuilder::SetTransfer(Job& job) {
  const auto should = Get({"should_transfer_files"});
  if (should) {
    const std::string value = ToLower(should->text);
    if (value == "if_needed" || value == "auto") {
      job.transfer = TransferFiles::kIfNeeded;
    } else if (const auto truth = ParseBool(value)) {
      job.transfer = *truth ? TransferFiles::kYes : TransferFiles::kNo;
    } else {
      Fail(should->where, "should_transfer_files is YES, NO or IF_NEEDED, not '" + should->text + "'");
    }
  }
  const bool forbidden = job.transfer == TransferFiles::kNo;

  if (const auto when = Get({"when_to_transfer_output"})) {
    const std::string value = ToLower(when->text);
    if (value == "on_exit") {
      job.transfer_output_when = TransferOutput::kOnExit;
    } else if (value == "on_success") {
      job.transfer_output_when = TransferOutput::kOnSuccess;
    } else if (value == "never") {
      job.transfer_output_when = TransferOutput::kNever;
    } else if (value == "on_exit_or_evict") {
      if (should && job.transfer == TransferFiles::kIfNeeded) {
        Fail(when->where, "when_to_transfer_output = ON_EXIT_OR_EVICT needs should_transfer_files = YES");
      }
      if (!should) job.transfer = TransferFiles::kYes;
    } else {
      Fail(when->where, "when_to_transfer_output is ON_EXIT, ON_EXIT_OR_EVICT, ON_SUCCESS or NEVER, not '" +
                            when->text + "'");
    }
    if (forbidden && value != "never") {
      Fail(when->where,
           "when_to_transfer_output = " + when->text + " contradicts should_transfer_files = NO");
    }
  }
  if (forbidden) job.transfer_output_when = TransferOutput::kNever;

  if (const auto input = Get({"transfer_input_files"})) {
    if (forbidden) Fail(input->where, "transfer_input_files contradicts should_transfer_files = NO");
    for (std::string& file : FileList(input->text)) {
      if (file.starts_with("file:///")) file.erase(0, 7);
      if (IsUrl(file))
        Fail(input->where, "transfer_input_files: '" + file + "' is a URL, which is not supported");
      job.transfer_input.push_back(std::move(file));
    }
  }
  if (const auto output = Get({"transfer_output_files"})) {
    if (forbidden) Fail(output->where, "transfer_output_files contradicts should_transfer_files = NO");
    job.transfer_output = FileList(output->text);  // "" names no file: nothing comes back
    std::erase(*job.transfer_output, "\"\"");
  }
  job.transfer_executable = GetBool("transfer_executable").value_or(true);
}

void JobBuilder::SetProgram(Job& job) {
  const auto executable = Get({"executable"});
  const auto shell = Get({"shell"});
  const auto old_or_new = Get({"arguments", "args"});
  const auto words_only = Get({"arguments2"});
  if (shell) {
    if (executable || old_or_new || words_only) {
      Fail(shell->where, "shell cannot be combined with executable or arguments");
    }
    job.executable = "/bin/sh";
    job.arguments = {"-c", shell->text};
    job.transfer_executable = false;
    return;
  }
  if (executable) {
    // A program that is not transferred is looked for where the job runs.
    const Path& base = job.transfer_executable ? context_.directory : job.initial_dir;
    job.executable = (base / executable->text).lexically_normal();
  } else {
    Fail(queue_, "no executable is given");
  }

  const auto& given = words_only ? words_only : old_or_new;
  if (!given) return;
  auto arguments = words_only ? SplitQuotedWords(given->text) : ParseArguments(given->text);
  if (arguments) {
    job.arguments = *std::move(arguments);
  } else {
    Fail(given->where, "arguments: " + arguments.error().message());
  }
}

void JobBuilder::SetStreams(Job& job) {
  const auto path = [&](std::initializer_list<std::string_view> names) {
    const auto value = Get(names);
    return value ? Path(value->text) : Path();
  };
  job.input = path({"input", "stdin"});
  job.output = path({"output", "stdout"});
  job.error = path({"error", "stderr"});
  job.log = path({"log"});
}

std::vector<std::string> JobBuilder::Inherited(const Value& getenv) {
  if (const auto all = ParseBool(getenv.text)) {
    return *all ? context_.environment : std::vector<std::string>();
  }
  std::vector<std::string> wanted;
  std::vector<std::string> unwanted;
  for (std::string& pattern : SplitAny(getenv.text, ", \t")) {
    if (EqualsIgnoreCase(pattern, "true")) pattern = "*";
    if (pattern.starts_with('!')) {
      unwanted.push_back(pattern.substr(1));
    } else {
      wanted.push_back(std::move(pattern));
    }
  }
  std::vector<std::string> inherited;
  for (const std::string& entry : context_.environment) {
    const std::string_view name = std::string_view(entry).substr(0, entry.find('='));
    const auto fits = [&](const std::string& pattern) { return FitsPattern(name, pattern); };
    if (std::any_of(wanted.begin(), wanted.end(), fits) &&
        std::none_of(unwanted.begin(), unwanted.end(), fits)) {
      inherited.push_back(entry);
    }
  }
  return inherited;
}

void JobBuilder::SetEnvironment(Job& job) {
  std::vector<std::string> entries;
  if (const auto getenv = Get({"getenv", "get_env"})) entries = Inherited(*getenv);

  const auto old_or_new = Get({"environment", "env"});
  const auto words_only = Get({"environment2", "env2"});
  if (const auto& given = words_only ? words_only : old_or_new) {
    Result<std::vector<std::string>> parsed = std::vector<std::string>();
    if (words_only) {
      const auto words = SplitQuotedWords(given->text);
      parsed = words ? CheckEnvironment(*words) : words;
    } else {
      parsed = ParseEnvironment(given->text);
    }
    if (!parsed) return Fail(given->where, "environment: " + parsed.error().message());
    const auto overridden = [&](const std::string& entry) {
      const std::string_view name = std::string_view(entry).substr(0, entry.find('=') + 1);
      return std::any_of(parsed->begin(), parsed->end(),
                         [&](const auto& own) { return own.starts_with(name); });
    };
    std::erase_if(entries, overridden);
    entries.insert(entries.end(), parsed->begin(), parsed->end());
  }
  job.environment = std::move(entries);
}

/// A whole number, at least `least`. Nothing where it is not given or can only be known on a machine.
std::optional<std::int64_t> JobBuilder::Count(std::string_view name, std::int64_t least) {
  const auto value = Get({name});
  if (!value || EqualsIgnoreCase(value->text, "undefined")) return std::nullopt;
  const auto number = EvaluateInteger(value->text);
  const bool has_letters = std::any_of(value->text.begin(), value->text.end(),
                                       [](unsigned char c) { return std::isalpha(c) != 0; });
  if (!number && has_letters && value->text.find_first_of("(.") != std::string::npos) {
    Warn(value->where,
         std::string(name) + " = " + value->text + " has no effect yet: only numbers can be computed");
    return std::nullopt;
  }
  if (!number) {
    Fail(value->where, std::string(name) + ": " + number.error().message());
    return std::nullopt;
  }
  constexpr std::int64_t kMost = 1'000'000;
  if (*number < least || *number > kMost) {
    Fail(value->where,
         std::string(name) + " must be from " + std::to_string(least) + " to " + std::to_string(kMost));
    return std::nullopt;
  }
  return *number;
}

/// A size with an optional K, M, G or T, in units of `unit_bytes`, rounded up.
std::optional<std::int64_t> JobBuilder::Size(std::string_view name, double unit_bytes) {
  const auto value = Get({name});
  if (!value || EqualsIgnoreCase(value->text, "undefined")) return std::nullopt;

  // "512M, 1G, 2G" grows from retry to retry.
  std::string_view text = value->text;
  if (const auto comma = text.find(',');
      comma != std::string_view::npos && text.find('(') == std::string_view::npos) {
    text = Trim(text.substr(0, comma));
    Warn(value->where, std::string(name) + ": only the first of several values is used yet");
  }
  double factor = unit_bytes;
  std::string_view number_text = text;
  if (!text.empty() && (text.back() == 'b' || text.back() == 'B') && text.size() > 1)
    number_text.remove_suffix(1);
  if (const auto unit = std::string_view("KMGT").find(
          number_text.empty()
              ? '?'
              : static_cast<char>(std::toupper(static_cast<unsigned char>(number_text.back()))));
      unit != std::string_view::npos) {
    factor = std::pow(1024.0, static_cast<double>(unit + 1));
    number_text.remove_suffix(1);
  } else {
    number_text = text;  // a lone 'B' is no unit of HTCondor's
  }
  const auto number = EvaluateArithmetic(number_text);
  if (!number) {
    const bool expression = text.find('(') != std::string_view::npos;
    if (expression) {
      Warn(value->where,
           std::string(name) + " = " + value->text + " has no effect yet: only numbers can be computed");
    } else {
      Fail(value->where,
           std::string(name) + ": '" + std::string(text) + "' is not a size (such as 2048, 2G or 1.5G)");
    }
    return std::nullopt;
  }
  const double size = std::ceil(number->value * factor / unit_bytes);
  constexpr double kMost = 1e15;
  if (size < 0 || size > kMost) {
    Fail(value->where, std::string(name) + ": '" + std::string(text) + "' is out of range");
    return std::nullopt;
  }
  return static_cast<std::int64_t>(size);
}

void JobBuilder::SetRequest(Job& job) {
  job.request.cpus = static_cast<int>(Count("request_cpus", 1).value_or(1));
  job.request.gpus = static_cast<int>(Count("request_gpus", 0).value_or(0));
  job.request.memory_mb = Size("request_memory", kMegabyte);
  job.request.disk_kb = Size("request_disk", kKilobyte);
}

void JobBuilder::SetAttributes(Job& job) {
  constexpr std::string_view kPrefix = "MY.";
  const auto& entries = macros_.entries();
  for (auto it = entries.lower_bound(kPrefix); it != entries.end(); ++it) {
    const auto& [name, entry] = *it;
    if (!EqualsIgnoreCase(std::string_view(name).substr(0, kPrefix.size()), kPrefix)) break;
    const SourceLine& where = entry.where.line > 0 ? entry.where : queue_;
    const std::string attribute = name.substr(kPrefix.size());
    const std::string prefix = "attribute +" + attribute + ": ";
    try {
      const std::string expanded = macros_.Expand(entry.value);
      const std::string text(Trim(expanded));
      const std::string fault = text.empty() ? "it has no value" : ExpressionFault(text);
      if (!fault.empty()) Fail(where, prefix + fault);
      job.attributes[attribute] = text;
    } catch (const Error& error) {
      Fail(where, prefix + error.message());
    }
  }
}

void JobBuilder::CheckNotification() {
  const auto notification = Get({"notification"});
  if (!notification || EqualsIgnoreCase(notification->text, "never")) return;
  for (const std::string_view known : {"complete", "error", "always"}) {
    if (EqualsIgnoreCase(notification->text, known))
      return Warn(notification->where, "no mail is sent: notification is ignored");
  }
  Fail(notification->where,
       "notification is NEVER, COMPLETE, ERROR or ALWAYS, not '" + notification->text + "'");
}

}  // namespace roost::dag

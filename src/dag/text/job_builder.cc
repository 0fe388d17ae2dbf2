#include "dag/text/job_builder.h"

#include <algorithm>

#include "dag/text/arithmetic.h"
#include "dag/text/quoting.h"

namespace roost::dag {
namespace {

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

/// Words that a match-time macro with blanks in it was split into, put together again.
std::vector<std::string> JoinMatchTimeMacros(const std::vector<std::string>& words) {
  std::vector<std::string> joined;
  bool open = false;
  for (const std::string& word : words) {
    if (open) {
      joined.back() += " " + word;
    } else {
      joined.push_back(word);
    }
    const auto begin = joined.back().rfind(kMatchTimeMacro);
    open = begin != std::string::npos && EndOfMatchTimeMacro(joined.back(), begin) == std::string::npos;
  }
  return joined;
}

}  // namespace

Job JobBuilder::Build(int proc, const SourceLine& queue) {
  queue_ = queue;
  macros_.TakeMatchTime();
  Job job;
  job.cluster = context_.cluster;
  job.proc = proc;
  job.node = context_.node;
  for (const auto step :
       {&JobBuilder::SetUniverse, &JobBuilder::SetDirectory, &JobBuilder::SetTransfer,
        &JobBuilder::SetProgram, &JobBuilder::SetStreams, &JobBuilder::SetEnvironment,
        &JobBuilder::SetAttributes, &JobBuilder::SetLabels, &JobBuilder::SetSchedule, &JobBuilder::SetPolicy,
        &JobBuilder::SetSignals, &JobBuilder::SetRequest, &JobBuilder::SetNoop, &JobBuilder::SetDeferral}) {
    (this->*step)(job);
  }
  CheckNotification();
  job.match_time_macros = macros_.TakeMatchTime();
  return job;
}

std::optional<JobBuilder::Given> JobBuilder::Get(Names names) {
  for (const std::string_view name : names) {
    const std::string* raw = macros_.Find(name);
    if (raw == nullptr) continue;
    const MacroSet::Entry* entry = macros_.FindEntry(name);
    SourceLine where = entry != nullptr && entry->where.line > 0 ? entry->where : queue_;
    try {
      std::string text(Trim(macros_.Expand(*raw)));
      if (!text.empty()) return Given{name, std::move(text), std::move(where)};
    } catch (const Error& error) {
      Fail(where, std::string(name) + ": " + error.message());
      return std::nullopt;
    }
  }
  return std::nullopt;
}

std::optional<bool> JobBuilder::GetBool(std::string_view name) {
  const auto given = Get({name});
  if (!given) return std::nullopt;
  const auto truth = ParseBool(given->text);
  if (!truth) Fail(given->where, std::string(name) + " is true or false, not '" + given->text + "'");
  return truth;
}

std::optional<std::int64_t> JobBuilder::GetInteger(Names names, std::int64_t least, std::int64_t most) {
  const auto given = Get(names);
  if (!given) return std::nullopt;
  const auto number = EvaluateInteger(given->text);
  if (!number) {
    Fail(given->where, std::string(given->name) + ": " + number.error().message());
  } else if (*number < least || *number > most) {
    Fail(given->where, std::string(given->name) + " must be from " + std::to_string(least) + " to " +
                           std::to_string(most) + ", not " + std::to_string(*number));
  } else {
    return *number;
  }
  return std::nullopt;
}

std::optional<std::chrono::seconds> JobBuilder::GetSeconds(Names names) {
  constexpr std::int64_t kMost = 1'000'000'000;  // 30 years; a clock in nanoseconds ends at ten times that
  const auto number = GetInteger(names, 0, kMost);
  return number ? std::optional(std::chrono::seconds(*number)) : std::nullopt;
}

std::optional<Expr> JobBuilder::GetExpr(Names names) {
  const auto given = Get(names);
  if (!given) return std::nullopt;
  auto expr = ParseExpr(given->text);
  if (expr) return *std::move(expr);
  Fail(given->where, std::string(given->name) + ": " + expr.error().message());
  return std::nullopt;
}

Result<Expr> JobBuilder::ParseExpr(const std::string& text) {
  if (const auto known = parsed_.find(text); known != parsed_.end()) return known->second;
  auto expr = Expr::Parse(text);
  if (expr) parsed_.emplace(text, *expr);
  return expr;
}

void JobBuilder::Fail(const SourceLine& where, std::string message) {
  AddError(faults_, where, std::move(message));
}

void JobBuilder::Warn(const SourceLine& where, const std::string& message) {
  if (warned_.emplace(where.line, message).second) AddWarning(faults_, where, message);
}

void JobBuilder::SetUniverse(Job& job) {
  const auto docker = Get({"docker_image"});
  const auto container = Get({"container_image"});
  if (docker && container) {
    Fail(container->where, "container_image and docker_image cannot be given both");
  } else if (docker) {
    job.container = Container{Container::Kind::kDocker, docker->text};
  } else if (container) {
    job.container = Container{Container::Kind::kContainer, container->text};
  }
  const auto universe = Get({"universe"});
  if (!universe) return;
  const std::string name = ToLower(universe->text);
  // HTCondor's numbers of the universes are accepted in place of their names.
  if (name == "vanilla" || name == "5") return;
  if (name == "local" || name == "scheduler" || name == "12" || name == "7") {
    job.local = true;
    if (job.container) Fail(universe->where, "universe " + name + " cannot run a container");
    return;
  }
  if (name == "docker" || name == "container") {
    if (!job.container || (name == "docker" && !docker)) {
      Fail(universe->where, "universe " + name + " needs " + name + "_image");
    }
    return;
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
    const SourceLine& where = initial ? initial->where : queue_;
    const std::string what = "initialdir '" + job.initial_dir.string() + "' is not a folder";
    if (!context_.folders_may_come) return Fail(where, what);
    Warn(where, what + ": is it made by what runs before?");
  }
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
  } else if (!job.container) {  // an image has a program of its own
    Fail(queue_, "no executable is given");
  }

  const auto& given = words_only ? words_only : old_or_new;
  if (!given) return;
  auto arguments = words_only ? SplitQuotedWords(given->text) : ParseArguments(given->text);
  if (arguments) {
    job.arguments = JoinMatchTimeMacros(*arguments);
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

std::vector<std::string> JobBuilder::Inherited(const Given& getenv) {
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
    *parsed = JoinMatchTimeMacros(*parsed);
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

void JobBuilder::SetAttributes(Job& job) {
  constexpr std::string_view kPrefix = "MY.";
  for (const auto& [name, entry] : macros_.entries()) {
    if (!EqualsIgnoreCase(std::string_view(name).substr(0, kPrefix.size()), kPrefix)) continue;
    const std::string* value = entry.Current();
    if (value == nullptr) continue;
    const SourceLine& where = entry.where.line > 0 ? entry.where : queue_;
    const std::string attribute = name.substr(kPrefix.size());
    const std::string prefix = "attribute +" + attribute + ": ";
    try {
      const std::string expanded = macros_.Expand(*value);
      std::string text(Trim(expanded));
      if (text.empty()) {
        Fail(where, prefix + "it has no value");
        continue;
      }
      const auto expr = ParseExpr(text);
      if (!expr) Fail(where, prefix + expr.error().message());
      job.attributes[attribute] = std::move(text);
    } catch (const Error& error) {
      Fail(where, prefix + error.message());
    }
  }
}

/// Texts for people, which HTCondor keeps as attributes.
void JobBuilder::SetLabels(Job& job) {
  for (const auto& [command, attribute] :
       {std::pair("description", "JobDescription"), std::pair("batch_name", "JobBatchName"),
        std::pair("job_batch_name", "JobBatchName"), std::pair("batch_id", "JobBatchId")}) {
    const auto given = Get({command});
    if (!given) continue;
    const bool quoted = given->text.size() >= 2 && given->text.front() == '"' && given->text.back() == '"';
    job.attributes[attribute] = quoted ? given->text : QuoteClassAd(given->text);
  }
  if (const auto notes = Get({"submit_event_user_notes", "submit_event_notes"})) job.user_notes = notes->text;
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

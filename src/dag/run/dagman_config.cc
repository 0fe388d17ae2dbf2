#include "dag/run/dagman_config.h"

#include <algorithm>
#include <array>
#include <climits>
#include <filesystem>
#include <utility>

#include "dag/text/suggest.h"

namespace roost::dag {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "DAGMAN_";
constexpr std::string_view kInEnvironment = "_CONDOR_";
constexpr std::string_view kConfigFile = "DAGMAN_CONFIG_FILE";

/// A setting that takes a whole number from `least` to `most`.
struct IntegerKnob {
  std::string_view name;
  int& (*target)(DagmanKnobs&);
  int least = 0;
  int most = INT_MAX;
};

struct BooleanKnob {
  std::string_view name;
  bool& (*target)(DagmanKnobs&);
};

// clang-format off
constexpr std::array kIntegers = {
    IntegerKnob{"DAGMAN_MAX_JOBS_SUBMITTED", [](DagmanKnobs& k) -> int& { return k.max_jobs; }},
    IntegerKnob{"DAGMAN_MAX_JOBS_IDLE", [](DagmanKnobs& k) -> int& { return k.max_idle; }},
    IntegerKnob{"DAGMAN_MAX_PRE_SCRIPTS", [](DagmanKnobs& k) -> int& { return k.max_pre; }},
    IntegerKnob{"DAGMAN_MAX_POST_SCRIPTS", [](DagmanKnobs& k) -> int& { return k.max_post; }},
    IntegerKnob{"DAGMAN_MAX_HOLD_SCRIPTS", [](DagmanKnobs& k) -> int& { return k.max_hold; }},
    IntegerKnob{"DAGMAN_MAX_JOB_HOLDS", [](DagmanKnobs& k) -> int& { return k.max_job_holds; }},
    IntegerKnob{"DAGMAN_MAX_RESCUE_NUM", [](DagmanKnobs& k) -> int& { return k.max_rescue; }, 0, kMaxRescueNumber},
    IntegerKnob{"DAGMAN_MAX_SUBMIT_ATTEMPTS", [](DagmanKnobs& k) -> int& { return k.max_submit_attempts; }, 1, 16},
    IntegerKnob{"DAGMAN_SUBMIT_DELAY", [](DagmanKnobs& k) -> int& { return k.submit_delay_seconds; }, 0, 60},
    IntegerKnob{"DAGMAN_USER_LOG_SCAN_INTERVAL", [](DagmanKnobs& k) -> int& { return k.status_interval_seconds; }, 1},
    IntegerKnob{"DAGMAN_METRICS_FILE_VERSION", [](DagmanKnobs& k) -> int& { return k.metrics_version; }, 1, 2},
    IntegerKnob{"DAGMAN_NODE_JOB_FAILURE_TOLERANCE", [](DagmanKnobs& k) -> int& { return k.failure_tolerance; }},
    IntegerKnob{"DAGMAN_DEFAULT_PRIORITY", [](DagmanKnobs& k) -> int& { return k.default_priority; }, INT_MIN},
    IntegerKnob{"DAGMAN_USE_STRICT", [](DagmanKnobs& k) -> int& { return k.parse.strict; }, 0, 3},
};

constexpr std::array kBooleans = {
    BooleanKnob{"DAGMAN_ALWAYS_RUN_POST", [](DagmanKnobs& k) -> bool& { return k.always_run_post; }},
    BooleanKnob{"DAGMAN_AUTO_RESCUE", [](DagmanKnobs& k) -> bool& { return k.auto_rescue; }},
    BooleanKnob{"DAGMAN_SUBMIT_DEPTH_FIRST", [](DagmanKnobs& k) -> bool& { return k.submit_depth_first; }},
    BooleanKnob{"DAGMAN_RETRY_NODE_FIRST", [](DagmanKnobs& k) -> bool& { return k.retry_node_first; }},
    BooleanKnob{"DAGMAN_STARTUP_CYCLE_DETECT", [](DagmanKnobs& k) -> bool& { return k.startup_cycle_detect; }},
    BooleanKnob{"DAGMAN_PROHIBIT_MULTI_JOBS", [](DagmanKnobs& k) -> bool& { return k.prohibit_multi_jobs; }},
    BooleanKnob{"DAGMAN_REMOVE_JOB_LIST_ON_FAILURE", [](DagmanKnobs& k) -> bool& { return k.remove_jobs_on_failure; }},
    BooleanKnob{"DAGMAN_RESET_RETRIES_UPON_RESCUE", [](DagmanKnobs& k) -> bool& { return k.reset_retries_upon_rescue; }},
    BooleanKnob{"DAGMAN_REPORT_GRAPH_METRICS", [](DagmanKnobs& k) -> bool& { return k.report_graph_metrics; }},
    BooleanKnob{"DAGMAN_SUPPRESS_JOB_LOGS", [](DagmanKnobs& k) -> bool& { return k.suppress_job_logs; }},
    BooleanKnob{"DAGMAN_WRITE_PARTIAL_RESCUE", [](DagmanKnobs& k) -> bool& { return k.write_partial_rescue; }},
    BooleanKnob{"DAGMAN_USE_JOIN_NODES", [](DagmanKnobs& k) -> bool& { return k.parse.use_join_nodes; }},
    BooleanKnob{"DAGMAN_ALLOW_ANY_NODE_NAME_CHARACTERS", [](DagmanKnobs& k) -> bool& { return k.parse.allow_any_name; }},
    BooleanKnob{"DAGMAN_MUNGE_NODE_NAMES", [](DagmanKnobs& k) -> bool& { return k.parse.munge_names; }},
    BooleanKnob{"DAGMAN_DEFAULT_APPEND_VARS", [](DagmanKnobs& k) -> bool& { return k.parse.append_vars; }},
};
// clang-format on

/// DAGMan's other settings: about daemons, e-mail, its own log. They change nothing here.
constexpr std::array<std::string_view, 32> kWithoutEffect = {"DAGMAN_ABORT_DUPLICATES",
                                                             "DAGMAN_ABORT_ON_SCARY_SUBMIT",
                                                             "DAGMAN_ALLOW_EVENTS",
                                                             "DAGMAN_ALLOW_LOG_ERROR",
                                                             "DAGMAN_CONDOR_RM_EXE",
                                                             "DAGMAN_CONDOR_SUBMIT_EXE",
                                                             "DAGMAN_COPY_TO_SPOOL",
                                                             "DAGMAN_DEBUG",
                                                             "DAGMAN_DEBUG_CACHE_ENABLE",
                                                             "DAGMAN_DEBUG_CACHE_SIZE",
                                                             "DAGMAN_GENERATE_SUBDAG_SUBMITS",
                                                             "DAGMAN_HOLD_CLAIM_TIME",
                                                             "DAGMAN_IGNORE_DUPLICATE_JOB_EXECUTION",
                                                             "DAGMAN_INHERIT_ATTRS",
                                                             "DAGMAN_INHERIT_ATTRS_PREFIX",
                                                             "DAGMAN_INSERT_SUB_FILE",
                                                             "DAGMAN_LOG",
                                                             "DAGMAN_LOG_ON_NFS_IS_ERROR",
                                                             "DAGMAN_MANAGER_JOB_APPEND_GETENV",
                                                             "DAGMAN_MAX_SUBMITS_PER_INTERVAL",
                                                             "DAGMAN_NODE_RECORD_INFO",
                                                             "DAGMAN_ON_EXIT_REMOVE",
                                                             "DAGMAN_PENDING_REPORT_INTERVAL",
                                                             "DAGMAN_QUEUE_UPDATE_INTERVAL",
                                                             "DAGMAN_RECORD_MACHINE_ATTRS",
                                                             "DAGMAN_REMOVE_NODE_JOBS",
                                                             "DAGMAN_REMOVE_TEMP_SUBMIT_FILES",
                                                             "DAGMAN_RETRY_SUBMIT_FIRST",
                                                             "DAGMAN_STORK_RM_EXE",
                                                             "DAGMAN_SUPPRESS_NOTIFICATION",
                                                             "DAGMAN_USE_OLD_FILE_PARSER",
                                                             "DAGMAN_VERBOSITY"};

std::optional<bool> ParseBoolean(std::string_view text) {
  for (const std::string_view yes : {"true", "t", "yes", "y", "1"}) {
    if (EqualsIgnoreCase(text, yes)) return true;
  }
  for (const std::string_view no : {"false", "f", "no", "n", "0"}) {
    if (EqualsIgnoreCase(text, no)) return false;
  }
  return std::nullopt;
}

/// Applies settings to the knobs, with a fault for what cannot be.
class KnobReader {
 public:
  KnobReader(DagmanKnobs& knobs, Faults& faults) : knobs_(knobs), faults_(faults) {}

  void Apply(const std::string& name, const ConfigValue& setting) {
    // In HTCondor, nothing after the "=" is the same as no such line.
    if (setting.value.empty() || SetInteger(name, setting) || SetBoolean(name, setting)) return;
    if (EqualsIgnoreCase(name, "DAGMAN_USE_DIRECT_SUBMIT")) return SetSubmitMethod(name, setting);
    if (EqualsIgnoreCase(name, "DAGMAN_DEFAULT_NODE_LOG")) {
      return SetNodeLog(name, setting);
    }
    if (EqualsIgnoreCase(name, "DAGMAN_PUT_FAILED_JOBS_ON_HOLD")) return WarnOfHolding(name, setting);
    if (EqualsIgnoreCase(name, kConfigFile)) return;
    CheckUnknown(name, setting);
  }

 private:
  bool SetInteger(const std::string& name, const ConfigValue& setting) {
    const auto* knob = std::find_if(kIntegers.begin(), kIntegers.end(), [&](const IntegerKnob& candidate) {
      return EqualsIgnoreCase(candidate.name, name);
    });
    if (knob == kIntegers.end()) return false;
    const auto value = ParseInt(setting.value);
    if (!value || *value < knob->least || *value > knob->most) {
      std::string range = knob->least == INT_MIN ? "" : " from " + std::to_string(knob->least);
      if (knob->most != INT_MAX) range += " to " + std::to_string(knob->most);
      Refuse(name, setting, "a whole number" + range);
    } else {
      knob->target(knobs_) = static_cast<int>(*value);
    }
    return true;
  }

  bool SetBoolean(const std::string& name, const ConfigValue& setting) {
    const auto* knob = std::find_if(kBooleans.begin(), kBooleans.end(), [&](const BooleanKnob& candidate) {
      return EqualsIgnoreCase(candidate.name, name);
    });
    if (knob == kBooleans.end()) return false;
    if (const auto value = ReadBoolean(name, setting)) knob->target(knobs_) = *value;
    return true;
  }

  void SetSubmitMethod(const std::string& name, const ConfigValue& setting) {
    const auto direct = ReadBoolean(name, setting);
    if (direct) knobs_.submit_method = *direct ? SubmitMethod::kDirect : SubmitMethod::kCondorSubmit;
  }

  void SetNodeLog(const std::string& name, const ConfigValue& setting) {
    knobs_.default_node_log = setting.value;
    if (!setting.value.starts_with("/tmp/")) return;
    AddWarning(faults_, setting.where,
               name + " = " + setting.value + ": what is in /tmp may be gone when the run is to go on");
  }

  void WarnOfHolding(const std::string& name, const ConfigValue& setting) {
    if (!ReadBoolean(name, setting).value_or(false)) return;
    AddWarning(faults_, setting.where, name + " has no effect: a node that failed stays failed");
  }

  std::optional<bool> ReadBoolean(const std::string& name, const ConfigValue& setting) {
    const auto value = ParseBoolean(setting.value);
    if (!value) Refuse(name, setting, "True or False");
    return value;
  }

  void Refuse(const std::string& name, const ConfigValue& setting, const std::string& wanted) {
    AddError(faults_, setting.where, name + " takes " + wanted + ", not '" + setting.value + "'");
  }

  void CheckUnknown(const std::string& name, const ConfigValue& setting) {
    Suggestion suggestion(name);
    const auto offer = [&](std::string_view known) {
      if (EqualsIgnoreCase(known, name)) return true;
      suggestion.Offer(known);
      return false;
    };
    if (std::any_of(kWithoutEffect.begin(), kWithoutEffect.end(), offer)) return;
    for (const IntegerKnob& knob : kIntegers) offer(knob.name);
    for (const BooleanKnob& knob : kBooleans) offer(knob.name);
    offer("DAGMAN_USE_DIRECT_SUBMIT");
    offer("DAGMAN_DEFAULT_NODE_LOG");
    if (suggestion.Text().empty()) return;
    AddWarning(faults_, setting.where, "there is no setting " + name + suggestion.Text());
  }

  DagmanKnobs& knobs_;
  Faults& faults_;
};

bool IsName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
  });
}

/// `value` with $(NAME) and $(NAME:default) replaced by what is set so far; an unknown name is empty.
std::string Expand(std::string_view value, const Configuration& configuration) {
  std::string expanded;
  while (!value.empty()) {
    const auto open = value.find("$(");
    const auto close = open == std::string_view::npos ? open : value.find(')', open);
    if (close == std::string_view::npos) break;
    expanded += value.substr(0, open);
    const std::string_view inside = value.substr(open + 2, close - open - 2);
    const auto colon = inside.find(':');
    const auto known = configuration.find(inside.substr(0, colon));
    if (known != configuration.end()) {
      expanded += known->second.value;
    } else if (colon != std::string_view::npos) {
      expanded += inside.substr(colon + 1);
    }
    value = value.substr(close + 1);
  }
  return expanded += value;
}

/// A statement of HTCondor's configuration language that is not NAME = value; empty for other lines.
std::string_view StatementOf(std::string_view line) {
  const std::string_view word = line.substr(0, line.find_first_of(" \t:@"));
  const auto rest = line.find_first_not_of(" \t", word.size());
  if (rest != std::string_view::npos && line[rest] == '=') return {};
  for (const std::string_view statement :
       {"use", "include", "if", "elif", "else", "endif", "warning", "error"}) {
    if (EqualsIgnoreCase(word, statement)) return statement;
  }
  return {};
}

void ReadSetting(std::string_view line, const SourceLine& where, Configuration& configuration,
                 Faults& faults) {
  if (const std::string_view statement = StatementOf(line); !statement.empty()) {
    return AddError(faults, where,
                    "'" + std::string(statement) +
                        "' is not supported in a configuration for DAGMan: write the settings themselves");
  }
  const auto equals = line.find('=');
  const std::string_view name = Trim(line.substr(0, equals));
  if (equals == std::string_view::npos || !IsName(name)) {
    return AddError(faults, where, "expected NAME = value");
  }
  // Earlier values are meant, so that NAME = $(NAME) more works.
  std::string value = Expand(Trim(line.substr(equals + 1)), configuration);
  configuration.insert_or_assign(std::string(name), ConfigValue{std::move(value), where});
}

Configuration FromEnvironment(const std::vector<std::string>& environment) {
  Configuration configuration;
  for (const std::string& entry : environment) {
    const auto equals = entry.find('=');
    if (equals == std::string::npos || equals <= kInEnvironment.size()) continue;
    if (!EqualsIgnoreCase(std::string_view(entry).substr(0, kInEnvironment.size()), kInEnvironment)) continue;
    configuration.insert_or_assign(entry.substr(kInEnvironment.size(), equals - kInEnvironment.size()),
                                   ConfigValue{std::string(Trim(std::string_view(entry).substr(equals + 1))),
                                               {"environment variable " + entry.substr(0, equals), 0}});
  }
  return configuration;
}

Path Canonical(const Path& file) {
  std::error_code error;
  const Path absolute = fs::absolute(file, error);
  return error ? file : absolute.lexically_normal();
}

/// The one file that all who name one agree on.
std::optional<std::pair<Path, SourceLine>> ChooseFile(const DagPreamble& preamble,
                                                      const std::optional<Path>& config_option,
                                                      const Configuration& environment, Faults& faults) {
  std::vector<std::pair<Path, SourceLine>> named;
  if (config_option) named.push_back({*config_option, {"-config", 0}});
  named.insert(named.end(), preamble.configs.begin(), preamble.configs.end());
  for (const auto& [file, where] : named) {
    if (Canonical(file) == Canonical(named.front().first)) continue;
    AddError(faults, where,
             "a run has one configuration file, but both '" + named.front().first.string() + "' and '" +
                 file.string() + "' are named");
    return std::nullopt;
  }
  if (!named.empty()) return named.front();
  const auto from_environment = environment.find(kConfigFile);
  if (from_environment == environment.end() || from_environment->second.value.empty()) return std::nullopt;
  return std::pair{Path(from_environment->second.value), from_environment->second.where};
}

}  // namespace

void ReadConfiguration(std::string_view text, const std::string& file, Configuration& configuration,
                       Faults& faults) {
  std::string pending;
  int first_line = 0;
  int number = 0;
  for (const std::string& physical : Split(text, '\n')) {
    ++number;
    std::string_view line = Trim(physical);
    if (line.starts_with('#')) continue;
    if (pending.empty()) first_line = number;
    const bool continued = line.ends_with('\\');
    if (continued) line.remove_suffix(1);
    pending += line;
    if (continued) continue;
    if (!Trim(pending).empty()) ReadSetting(Trim(pending), {file, first_line}, configuration, faults);
    pending.clear();
  }
  if (!Trim(pending).empty()) ReadSetting(Trim(pending), {file, first_line}, configuration, faults);
}

DagmanKnobs ReadKnobs(const DagPreamble& preamble, const std::optional<Path>& config_option,
                      const std::vector<std::string>& environment, Faults& faults) {
  const Configuration from_environment = FromEnvironment(environment);
  Configuration configuration = from_environment;
  if (const auto chosen = ChooseFile(preamble, config_option, from_environment, faults)) {
    const auto& [file, where] = *chosen;
    if (const Result<std::string> text = ReadRegularFile(file)) {
      ReadConfiguration(*text, file.string(), configuration, faults);
    } else {
      AddError(faults, where, text.error().message());
    }
  }
  DagmanKnobs knobs;
  KnobReader reader(knobs, faults);
  for (const auto& [name, setting] : configuration) {
    if (EqualsIgnoreCase(std::string_view(name).substr(0, kPrefix.size()), kPrefix)) {
      reader.Apply(name, setting);
    }
  }
  return knobs;
}

}  // namespace roost::dag

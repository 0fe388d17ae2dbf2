// What is set on the run as a whole: files that it writes, and what is known before anything else is read.

#include <algorithm>

#include "dag/text/dag_parser.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

/// CONFIG file
void TakeConfig(Words& words, const SourceLine& where, const Path& directory, DagPreamble& preamble) {
  const Path file = directory / Unquoted(Need(words, "file"));
  NeedEnd(words);
  for (const auto& [known, line] : preamble.configs) {
    if (known.lexically_normal() == file.lexically_normal()) return;
    throw Error("a run has one configuration file, and '" + known.string() + "' is given at " + line.file +
                ":" + std::to_string(line.line));
  }
  preamble.configs.emplace_back(file, where);
}

/// SET_JOB_ATTR name = value
void TakeJobAttribute(std::string_view text, DagPreamble& preamble) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) throw Error("expected name = value");
  const std::string_view name = Trim(text.substr(0, equals));
  const std::string_view value = Trim(text.substr(equals + 1));
  if (name.empty() || name.find_first_of(" \t") != std::string_view::npos)
    throw Error("missing name before '='");
  if (value.empty()) throw Error("missing value behind '='");
  preamble.job_attributes.emplace_back(name, value);
}

/// ENV GET name..., ENV SET name=value;name=value...
void TakeEnvironment(Words& words, DagPreamble& preamble) {
  if (words.Take("GET")) {
    const std::vector<std::string> names = SplitAny(words.Rest(), " \t\r,");
    if (names.empty()) throw Error("missing name behind GET");
    preamble.environment_get.insert(preamble.environment_get.end(), names.begin(), names.end());
    return;
  }
  if (!words.Take("SET")) throw Error("expected GET or SET");
  const std::string_view all = Trim(Unquoted(Trim(words.Rest())));
  if (all.empty()) throw Error("missing name=value behind SET");
  for (const std::string& one : SplitAny(all, ";")) {
    const auto equals = one.find('=');
    const std::string_view name = Trim(std::string_view(one).substr(0, equals));
    if (equals == std::string::npos || name.empty()) throw Error("'" + one + "' is not name=value");
    preamble.environment_set.emplace_back(name, Trim(std::string_view(one).substr(equals + 1)));
  }
}

}  // namespace

bool TakePreamble(std::string_view keyword, Words& words, const SourceLine& where, const Path& directory,
                  DagPreamble& preamble) {
  if (IsKeyword(keyword, "CONFIG")) {
    TakeConfig(words, where, directory, preamble);
  } else if (IsKeyword(keyword, "SET_JOB_ATTR")) {
    TakeJobAttribute(words.Rest(), preamble);
  } else if (IsKeyword(keyword, "ENV")) {
    TakeEnvironment(words, preamble);
  } else {
    return false;
  }
  return true;
}

DagPreamble ReadPreamble(const std::vector<Path>& files, const DagOptions& options) {
  DagPreamble preamble;
  for (const Path& file : files) {
    const auto text = options.read(file);
    if (!text) continue;
    const Path directory = options.use_dag_dir ? file.parent_path() : Path();
    DagLines lines(*text);
    for (DagLine line; lines.Next(line);) {
      Words words(line.text);
      std::string_view keyword;
      try {
        keyword = words.Next().value_or("");
      } catch (const Error&) {
        continue;  // ReadDags() reports it
      }
      const SourceLine where{file.string(), line.number};
      try {
        TakePreamble(keyword, words, where, directory, preamble);
      } catch (const Error& error) {
        AddError(preamble.faults, where, std::string(keyword) + ": " + error.message());
      }
    }
  }
  return preamble;
}

/// CONFIG, SET_JOB_ATTR, ENV: ReadPreamble() has collected them; here they are only looked at for faults.
void DagFileParser::RunSetting(Words& words) {
  if (origin_ == Origin::kCommandLine) {
    TakePreamble(command_->keyword, words, Here(), scope_.directory, builder_.preamble());
  } else {
    Warn(std::string(command_->keyword) + " is ignored: it counts in the files of the command line only");
  }
}

bool DagFileParser::IgnoredHere() {
  if (!scope_.in_splice) return false;
  Warn(std::string(command_->keyword) + " is ignored in a splice");
  return true;
}

/// DOT file [UPDATE|DONT-UPDATE] [OVERWRITE|DONT-OVERWRITE] [INCLUDE file]
void DagFileParser::Dot(Words& words) {
  DotFile dot{.file = Unquoted(Need(words, "file"))};
  while (const auto option = words.Next()) {
    if (IsKeyword(*option, "UPDATE") || IsKeyword(*option, "DONT-UPDATE")) {
      dot.update = IsKeyword(*option, "UPDATE");
    } else if (IsKeyword(*option, "OVERWRITE") || IsKeyword(*option, "DONT-OVERWRITE")) {
      dot.overwrite = IsKeyword(*option, "OVERWRITE");
    } else if (IsKeyword(*option, "INCLUDE")) {
      dot.include = Unquoted(Need(words, "file after INCLUDE"));
    } else {
      throw Error("unexpected '" + std::string(*option) + "' at the end of the line");
    }
  }
  if (IgnoredHere()) return;
  if (dag_.dot) Warn("this replaces the DOT file '" + dag_.dot->file.string() + "'");
  dag_.dot = std::move(dot);
}

/// NODE_STATUS_FILE file [seconds] [ALWAYS-UPDATE]
void DagFileParser::NodeStatus(Words& words) {
  NodeStatusFile status{.file = Unquoted(Need(words, "file"))};
  if (words.Take("ALWAYS-UPDATE")) {
    status.always_update = true;
  } else if (!Trim(words.Rest()).empty()) {
    status.min_seconds = NeedInt(words, "number of seconds");
    if (status.min_seconds < 0) throw Error("the number of seconds cannot be negative");
    status.always_update = words.Take("ALWAYS-UPDATE");
  }
  NeedEnd(words);
  if (IgnoredHere()) return;
  if (dag_.node_status_file) {
    Warn("NODE_STATUS_FILE is ignored: '" + dag_.node_status_file->file.string() + "' was given first");
  } else {
    dag_.node_status_file = std::move(status);
  }
}

/// JOBSTATE_LOG file
void DagFileParser::JobstateLog(Words& words) {
  const Path file = Unquoted(Need(words, "file"));
  NeedEnd(words);
  if (IgnoredHere()) return;
  if (!dag_.jobstate_log.empty()) {
    Warn("JOBSTATE_LOG is ignored: '" + dag_.jobstate_log.string() + "' was given first");
  } else {
    dag_.jobstate_log = file;
  }
}

}  // namespace roost::dag

#include "dag/text/dag_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "dag/text/dag_names.h"
#include "dag/text/suggest.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

/// Lines that begin with JOB: how many nodes to make room for.
std::size_t CountJobLines(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t word = at;
    while (word < text.size() && (text[word] == ' ' || text[word] == '\t')) ++word;
    if (IsKeyword(text.substr(word, 3), "JOB")) ++count;
    at = std::min(text.find('\n', word), text.size()) + 1;
  }
  return count;
}

std::string Normal(const Path& file) { return file.lexically_normal().string(); }

}  // namespace

std::string_view Need(Words& words, std::string_view what) {
  const auto word = words.Next();
  if (!word) throw Error("missing " + std::string(what));
  return *word;
}

void NeedEnd(Words& words) {
  if (const auto word = words.Next()) {
    throw Error("unexpected '" + std::string(*word) + "' at the end of the line");
  }
}

const DagFileParser::Command* DagFileParser::FindCommand(std::string_view word) {
  static constexpr std::array kCommands = {
      Command{"JOB", 1, &DagFileParser::Job},
      Command{"PARENT", 2, &DagFileParser::Parent},
      Command{"VARS", 2, &DagFileParser::Vars},
      Command{"SCRIPT", 2, &DagFileParser::ScriptCommand},
      Command{"RETRY", 2, &DagFileParser::Retry},
      Command{"DONE", 2, &DagFileParser::Done},
      Command{"PRIORITY", 2, &DagFileParser::Priority},
      Command{"CATEGORY", 2, &DagFileParser::CategoryCommand},
      Command{"MAXJOBS", 2, &DagFileParser::MaxJobs},
      Command{"PRE_SKIP", 2, &DagFileParser::PreSkip},
      Command{"ABORT-DAG-ON", 2, &DagFileParser::AbortDagOn},
      Command{"TOLERANCE", 2, &DagFileParser::ToleranceCommand},
      Command{"SAVE_POINT_FILE", 2, &DagFileParser::SavePoint},
      Command{"SPLICE", 1, &DagFileParser::SpliceCommand},
      Command{"SUBDAG", 1, &DagFileParser::Subdag},
      Command{"FINAL", 1, &DagFileParser::FinalNode},
      Command{"SERVICE", 1, &DagFileParser::Service},
      Command{"PROVISIONER", 1, &DagFileParser::Provisioner},
      Command{"SUBMIT-DESCRIPTION", 1, &DagFileParser::SubmitDescription},
      Command{"NODE", 1, &DagFileParser::NodeCommand},
      Command{"INCLUDE", 2, &DagFileParser::IncludeCommand},
      Command{"WEAK", 2, &DagFileParser::Weak},
      Command{"CONNECT", 2, &DagFileParser::ConnectCommand},
      Command{"PIN_IN", 2, &DagFileParser::PinIn},
      Command{"PIN_OUT", 2, &DagFileParser::PinOut},
      Command{"REJECT", 1, &DagFileParser::Reject},
      Command{"DOT", 1, &DagFileParser::Dot},
      Command{"NODE_STATUS_FILE", 1, &DagFileParser::NodeStatus},
      Command{"JOBSTATE_LOG", 1, &DagFileParser::JobstateLog},
      Command{"CONFIG", 2, &DagFileParser::RunSetting},
      Command{"SET_JOB_ATTR", 2, &DagFileParser::RunSetting},
      Command{"ENV", 2, &DagFileParser::RunSetting},
  };
  const auto* found = std::find_if(kCommands.begin(), kCommands.end(),
                                   [&](const Command& command) { return IsKeyword(word, command.keyword); });
  return found == kCommands.end() ? nullptr : found;
}

std::string DagFileParser::UnknownCommand(std::string_view word) const {
  if (IsKeyword(word, "DATA")) return "unknown command 'DATA': a node is defined with JOB";
  Suggestion suggestion(word);
  for (const std::string_view keyword : {"JOB",
                                         "PARENT",
                                         "VARS",
                                         "SCRIPT",
                                         "RETRY",
                                         "DONE",
                                         "PRIORITY",
                                         "CATEGORY",
                                         "MAXJOBS",
                                         "PRE_SKIP",
                                         "CONFIG",
                                         "FINAL",
                                         "SUBDAG",
                                         "SPLICE",
                                         "INCLUDE",
                                         "ABORT-DAG-ON",
                                         "SUBMIT-DESCRIPTION",
                                         "CONNECT",
                                         "NODE_STATUS_FILE",
                                         "SAVE_POINT_FILE",
                                         "TOLERANCE",
                                         "PIN_OUT",
                                         "PIN_IN",
                                         "SERVICE",
                                         "PROVISIONER"}) {
    suggestion.Offer(keyword);
  }
  return "unknown command '" + std::string(word) + "'" + suggestion.Text();
}

DagFileParser::DagFileParser(DagBuilder& builder, Scope& scope, const Path& file, Origin origin,
                             std::vector<std::string> open_files)
    : builder_(builder),
      dag_(builder.dag()),
      scope_(scope),
      file_(file.string()),
      origin_(origin),
      open_files_(std::move(open_files)),
      source_(builder.Source(file_)) {
  open_files_.push_back(Normal(file));
}

void DagFileParser::Parse(std::string_view text) {
  builder_.CountText(text.size());
  builder_.ExpectNodes(CountJobLines(text));
  DefiningPass(text);
  ReadSplices();
  OtherPass(text);
}

void DagFileParser::DefiningPass(std::string_view text) {
  DagLines lines(text);
  while (lines.Next(line_)) {
    Words words(line_.text);
    CheckLine(line_);
    try {
      const auto keyword = words.Next();
      const Command* command = keyword ? FindCommand(*keyword) : nullptr;
      if (command == nullptr) throw Error(UnknownCommand(keyword.value_or("")));
      if (command->pass == 1) Run(*command, words);
    } catch (const TooLarge&) {
      throw;
    } catch (const Error& error) {
      Fail(error.message());
    }
  }
}

void DagFileParser::OtherPass(std::string_view text) {
  DagLines lines(text);
  while (lines.Next(line_)) {
    Words words(line_.text);
    try {
      const auto keyword = words.Next();
      const Command* command = keyword ? FindCommand(*keyword) : nullptr;
      if (command != nullptr && command->pass == 2) Run(*command, words);
    } catch (const TooLarge&) {
      throw;
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): the first pass has reported it
    }
  }
}

void DagFileParser::CheckLine(const DagLine& line) {
  if (line.unfinished) Warn("the file ends inside a continued line ('\\' at its end)");
  if (line.body && !line.body->closed)
    Fail("the submit description has no closing '" + line.body->closing + "'");
}

void DagFileParser::Run(const Command& command, Words& words) {
  command_ = &command;
  try {
    (this->*command.parse)(words);
  } catch (const TooLarge&) {
    throw;
  } catch (const Error& error) {
    Fail(std::string(command.keyword) + ": " + error.message());
  }
}

/// The text of a file that a command names; Error where there is none.
std::string DagFileParser::ReadNamed(const Path& file, bool splice) {
  if (std::ranges::find(open_files_, Normal(file)) != open_files_.end()) {
    throw Error("'" + file.string() + (splice ? "' would splice itself" : "' would include itself"));
  }
  if (open_files_.size() >= builder_.options().limits.depth) {
    throw TooLarge("more than " + std::to_string(builder_.options().limits.depth) +
                   " files are within each other");
  }
  auto text = builder_.options().read(file);
  if (!text) throw Error(text.error().message());
  return std::move(text).value();
}

/// INCLUDE file
void DagFileParser::IncludeCommand(Words& words) {
  const Path file = scope_.directory / Unquoted(Need(words, "file"));
  NeedEnd(words);
  std::string text;
  try {
    text = ReadNamed(file, false);
  } catch (const TooLarge&) {
    throw;
  } catch (const Error&) {
    scope_.names_unknown = true;
    throw;
  }
  const Path directory = scope_.directory;
  if (builder_.options().use_dag_dir) scope_.directory = file.parent_path();
  DagFileParser(builder_, scope_, file, Origin::kIncluded, open_files_).Parse(text);
  scope_.directory = directory;
}

/// SPLICE name file [DIR directory]
void DagFileParser::SpliceCommand(Words& words) {
  const std::string name(Need(words, "splice name"));
  CheckNewName(name, "splice");
  Splice& splice = scope_.splices[scope_.dag_number + name];
  splice.line = line_.number;
  splice.readable = false;
  const std::string_view file = Unquoted(Need(words, "DAG file"));
  Path directory = scope_.directory;
  if (words.Take("DIR")) directory /= Unquoted(Need(words, "directory after DIR"));
  NeedEnd(words);
  splices_.push_back({.name = name, .file = directory / file, .directory = directory, .line = line_.number});
}

/// The nodes of a splice come behind those of its file, as in DAGMan.
void DagFileParser::ReadSplices() {
  if (splices_.empty()) return;
  builder_.WatchEdges();
  for (const PendingSplice& splice : splices_) {
    line_.number = splice.line;
    try {
      ReadSplice(splice.name, splice.file, splice.directory, splice.line);
    } catch (const TooLarge&) {
      throw;
    } catch (const Error& error) {
      Fail("SPLICE: " + error.message());
    }
  }
}

void DagFileParser::ReadSplice(const std::string& name, const Path& file, const Path& directory, int line) {
  const std::string text = ReadNamed(file, true);
  Scope inner;
  inner.dag_number = scope_.dag_number;
  inner.splice_prefix = scope_.splice_prefix + scope_.dag_number + name + kSpliceSeparator;
  inner.name_prefix = inner.splice_prefix + inner.dag_number;
  inner.directory = builder_.options().use_dag_dir ? file.parent_path() : directory;
  inner.in_splice = true;
  DagFileParser(builder_, inner, file, Origin::kSpliced, open_files_).Parse(text);

  Splice& splice = scope_.splices[scope_.dag_number + name];
  splice.line = line;
  splice.readable = !inner.names_unknown;
  CloseSplice(inner, splice);
}

/// What the outer file may do with the nodes of the splice.
void DagFileParser::CloseSplice(const Scope& inner, Splice& splice) {
  const auto take = [&](NodeIndex node) {
    if (!IsOrdinary(dag_.At(node))) return;
    if (!builder_.HasParent(node)) splice.initial.push_back(node);
    if (!builder_.HasChild(node)) splice.terminal.push_back(node);
  };
  for (const auto& [from, to] : inner.nodes) {
    for (NodeIndex node = from; node < to; ++node) take(node);
  }
  for (const auto& [name, nested] : inner.splices) {
    splice.readable = splice.readable && nested.readable;
    for (const NodeIndex node : nested.initial) {
      if (!builder_.HasParent(node)) splice.initial.push_back(node);
    }
    for (const NodeIndex node : nested.terminal) {
      if (!builder_.HasChild(node)) splice.terminal.push_back(node);
    }
  }
  std::ranges::sort(splice.initial);
  std::ranges::sort(splice.terminal);
  splice.pins_in = inner.pins_in;
  splice.pins_out = inner.pins_out;
}

/// DAGMan reads the leading digits and ignores what follows; we do too, but say so.
int DagFileParser::NeedInt(Words& words, std::string_view what) {
  const std::string_view word = Need(words, what);
  int value = 0;
  const char* begin = word.data() + (word.starts_with('+') ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, word.data() + word.size(), value);
  if (error != std::errc()) {
    throw Error("invalid " + std::string(what) + " '" + std::string(word) + "': not an integer");
  }
  if (end != word.data() + word.size()) {
    Warn("'" + std::string(word) + "' is read as " + std::to_string(value) + " (" + std::string(what) + ")");
  }
  return value;
}

NodeIndex DagFileParser::FindNode(std::string_view name) {
  const bool foreign = name.find(kSpliceSeparator) != std::string_view::npos && !scope_.names_in_full &&
                       !builder_.options().allow_any_name;
  if (foreign) return -1;
  if (!scope_.name_prefix.empty()) name = full_name_.assign(scope_.name_prefix).append(name);
  // Files name their nodes mostly in the order of their definitions: look at the neighbours first.
  for (NodeIndex guess = last_found_; guess <= last_found_ + 1; ++guess) {
    if (guess < dag_.end() && dag_.At(guess).name == name) return last_found_ = guess;
  }
  const NodeIndex found = dag_.Find(name);
  if (found >= 0) last_found_ = found;
  return found;
}

void DagFileParser::UnknownNode(std::string_view name) {
  if (scope_.names_unknown) return;
  std::string message = "unknown node '" + std::string(name) + "'";
  if (scope_.splices.contains(scope_.dag_number + std::string(name))) {
    message = "'" + std::string(name) + "' is a splice: only PARENT, CHILD and CONNECT take one";
  } else if (dag_.Find(FullName(name)) >= 0) {
    message += ": nodes of a splice are named in the file of the splice only";
  } else if (builder_.MaySuggest()) {
    Suggestion suggestion(name);
    for (const auto& [from, to] : scope_.nodes) {
      for (NodeIndex node = from; node < to; ++node) {
        const std::string_view full = dag_.At(node).name;
        if (full.starts_with(scope_.name_prefix)) suggestion.Offer(full.substr(scope_.name_prefix.size()));
      }
    }
    for (const auto& [splice, _] : scope_.splices) {
      suggestion.Offer(std::string_view(splice).substr(scope_.dag_number.size()));
    }
    message += suggestion.Text();
  }
  Fail(std::move(message));
}

bool DagFileParser::Takes(NodeIndex node, NodeKinds kinds) {
  const NodeKind kind = dag_.At(node).kind;
  if ((Only(kind) & kinds) != 0) return true;
  const char* name = kind == NodeKind::kFinal         ? "the FINAL node"
                     : kind == NodeKind::kProvisioner ? "the PROVISIONER node"
                                                      : "a SERVICE node";
  Fail(std::string(command_->keyword) + ": not for " + name + " '" + dag_.At(node).name + "'");
  return false;
}

}  // namespace roost::dag

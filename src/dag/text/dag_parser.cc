#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "dag/text/dag_lexer.h"
#include "dag/text/suggest.h"
#include "roost/base/text.h"
#include "roost/dag/dag.h"

namespace roost::dag {
namespace {

constexpr std::string_view kJoinNodePrefix = "_condor_join_node";

/// Suggestions compare a name with every node: enough of them help, thousands would only take time.
constexpr int kMaxSuggestions = 20;

bool IsReserved(std::string_view name) {
  return IsKeyword(name, "PARENT") || IsKeyword(name, "CHILD") || IsKeyword(name, "ALL_NODES");
}

/// What may stand for itself among the arguments of a script: the whole word, in any case.
struct ScriptMacro {
  std::string_view name;
  bool in_pre;
};
constexpr std::array kScriptMacros = {ScriptMacro{"$NODE", true},
                                      ScriptMacro{"$JOB", true},
                                      ScriptMacro{"$RETRY", true},
                                      ScriptMacro{"$MAX_RETRIES", true},
                                      ScriptMacro{"$DAG_STATUS", true},
                                      ScriptMacro{"$FAILED_COUNT", true},
                                      ScriptMacro{"$FUTILE_COUNT", true},
                                      ScriptMacro{"$DONE_COUNT", true},
                                      ScriptMacro{"$QUEUED_COUNT", true},
                                      ScriptMacro{"$NODE_COUNT", true},
                                      ScriptMacro{"$DAGID", true},
                                      ScriptMacro{"$JOBID", false},
                                      ScriptMacro{"$CLUSTERID", false},
                                      ScriptMacro{"$JOB_COUNT", false},
                                      ScriptMacro{"$SUCCESS", false},
                                      ScriptMacro{"$JOB_ABORT_COUNT", false},
                                      ScriptMacro{"$RETURN", false},
                                      ScriptMacro{"$EXIT_CODES", false},
                                      ScriptMacro{"$EXIT_CODE_LIST", false},
                                      ScriptMacro{"$EXIT_CODE_COUNTS", false},
                                      ScriptMacro{"$PRE_SCRIPT_RETURN", false}};

/// Reads the commands of one file into a Dag, in DAGMan's order: first those that define nodes, then all
/// others. A command that is wrong becomes a fault and changes as little as possible.
class Parser {
 public:
  Parser(Dag& dag, std::string file) : dag_(dag), file_(std::move(file)) {
    for (const Node& node : dag.nodes) CountJoinNode(node.name);
    dag_.sources.push_back(file_);
  }

  Faults Parse(std::string_view text);

 private:
  struct Command {
    std::string_view keyword;
    int pass;
    void (Parser::*parse)(Words&);  ///< null: known, not supported yet
  };
  static const Command* FindCommand(std::string_view word);
  static std::string UnknownCommand(const std::string& word);

  void Job(Words& words);
  void Parent(Words& words);
  void Vars(Words& words);
  void Retry(Words& words);
  void ScriptCommand(Words& words);
  void PreSkip(Words& words);
  void Done(Words& words);
  void Priority(Words& words);
  void Category(Words& words);
  void MaxJobs(Words& words);
  void Config(Words& words);
  void NotSupported(const Command& command, Words words);

  void Fail(std::string message) { AddError(faults_, {file_, line_}, std::move(message)); }
  void Warn(std::string message) { AddWarning(faults_, {file_, line_}, std::move(message)); }

  std::string Need(Words& words, std::string_view what);
  int NeedInt(Words& words, std::string_view what);
  void End(Words& words);

  NodeIndex FindNode(const std::string& name);
  std::vector<NodeIndex> NodesNamed(const std::string& name);
  void UnknownNode(const std::string& name);
  NodeIndex AddNode(Node node);
  void AddEdge(NodeIndex parent, NodeIndex child) { edges_.push_back({parent, child}); }
  std::int32_t SubmitNumber(const std::string& file);
  std::int32_t CategoryNumber(const std::string& name);
  void CountJoinNode(std::string_view name);
  void CheckScriptWords(const Script& script, bool pre);

  Dag& dag_;
  std::string file_;
  int line_ = 0;
  Faults faults_;
  int join_nodes_ = 0;
  int suggestions_ = 0;
  std::vector<NewEdge> edges_;
  std::unordered_map<std::string, std::int32_t> submits_;
  std::unordered_set<std::string> unsupported_names_;  ///< defined by commands that are not supported yet
  bool names_incomplete_ = false;                      ///< an INCLUDE may define any name
};

const Parser::Command* Parser::FindCommand(std::string_view word) {
  static constexpr std::array kCommands = {
      Command{"JOB", 1, &Parser::Job},
      Command{"PARENT", 2, &Parser::Parent},
      Command{"VARS", 2, &Parser::Vars},
      Command{"SCRIPT", 2, &Parser::ScriptCommand},
      Command{"RETRY", 2, &Parser::Retry},
      Command{"DONE", 2, &Parser::Done},
      Command{"PRIORITY", 2, &Parser::Priority},
      Command{"CATEGORY", 2, &Parser::Category},
      Command{"MAXJOBS", 2, &Parser::MaxJobs},
      Command{"PRE_SKIP", 2, &Parser::PreSkip},
      Command{"CONFIG", 2, &Parser::Config},
      Command{"FINAL", 1, nullptr},
      Command{"PROVISIONER", 1, nullptr},
      Command{"SERVICE", 1, nullptr},
      Command{"SUBDAG", 1, nullptr},
      Command{"SPLICE", 1, nullptr},
      Command{"SUBMIT-DESCRIPTION", 1, nullptr},
      Command{"REJECT", 1, nullptr},
      Command{"DOT", 1, nullptr},
      Command{"NODE_STATUS_FILE", 1, nullptr},
      Command{"JOBSTATE_LOG", 1, nullptr},
      Command{"INCLUDE", 1, nullptr},
      Command{"ABORT-DAG-ON", 2, nullptr},
      Command{"CONNECT", 2, nullptr},
      Command{"PIN_IN", 2, nullptr},
      Command{"PIN_OUT", 2, nullptr},
      Command{"SAVE_POINT_FILE", 2, nullptr},
      Command{"SET_JOB_ATTR", 2, nullptr},
      Command{"ENV", 2, nullptr},
      Command{"WEAK", 2, nullptr},
      Command{"TOLERANCE", 2, nullptr},
  };
  const auto* found = std::find_if(kCommands.begin(), kCommands.end(),
                                   [&](const Command& command) { return IsKeyword(word, command.keyword); });
  return found == kCommands.end() ? nullptr : found;
}

std::string Parser::UnknownCommand(const std::string& word) {
  if (IsKeyword(word, "NODE") || IsKeyword(word, "DATA")) {
    return "unknown command '" + word + "': a node is defined with JOB";
  }
  Suggestion suggestion(word);
  for (const std::string_view keyword :
       {"JOB", "PARENT", "VARS", "SCRIPT", "RETRY", "DONE", "PRIORITY", "CATEGORY", "MAXJOBS", "PRE_SKIP",
        "CONFIG", "FINAL", "SUBDAG", "SPLICE", "INCLUDE"}) {
    suggestion.Offer(keyword);
  }
  return "unknown command '" + word + "'" + suggestion.Text();
}

Faults Parser::Parse(std::string_view text) {
  const std::vector<DagLine> lines = SplitDagLines(text, file_, faults_);
  std::vector<std::pair<const Command*, Words>> commands;
  commands.reserve(lines.size());
  for (const DagLine& line : lines) {
    line_ = line.line;
    Words words(line.text);
    try {
      const std::string keyword = words.Next().value_or("");
      const Command* command = FindCommand(keyword);
      if (command == nullptr) Fail(UnknownCommand(keyword));
      commands.emplace_back(command, words);
    } catch (const Error& error) {
      Fail(error.message());
      commands.emplace_back(nullptr, words);
    }
  }

  for (const int pass : {1, 2}) {
    for (std::size_t i = 0; i < lines.size(); ++i) {
      auto [command, words] = commands[i];
      if (command == nullptr || command->pass != pass) continue;
      line_ = lines[i].line;
      try {
        if (command->parse == nullptr) {
          NotSupported(*command, words);
        } else {
          (this->*command->parse)(words);
        }
      } catch (const Error& error) {
        Fail(std::string(command->keyword) + ": " + error.message());
      }
    }
  }

  dag_.Connect(edges_);
  std::stable_sort(faults_.begin(), faults_.end(),
                   [](const Fault& a, const Fault& b) { return a.where.line < b.where.line; });
  return std::move(faults_);
}

std::string Parser::Need(Words& words, std::string_view what) {
  auto word = words.Next();
  if (!word) throw Error("missing " + std::string(what));
  return *word;
}

/// DAGMan reads the leading digits and ignores what follows; we do too, but say so.
int Parser::NeedInt(Words& words, std::string_view what) {
  const std::string word = Need(words, what);
  int value = 0;
  const char* begin = word.data() + (word.starts_with('+') ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, word.data() + word.size(), value);
  if (error != std::errc()) throw Error("invalid " + std::string(what) + " '" + word + "': not an integer");
  if (end != word.data() + word.size()) {
    Warn("'" + word + "' is read as " + std::to_string(value) + " (" + std::string(what) + ")");
  }
  return value;
}

void Parser::End(Words& words) {
  if (const auto word = words.Next()) throw Error("unexpected '" + *word + "' at the end of the line");
}

NodeIndex Parser::FindNode(const std::string& name) { return dag_.Find(name); }

void Parser::UnknownNode(const std::string& name) {
  // A name that a command we just refused may define is not a second fault.
  if (names_incomplete_ || unsupported_names_.contains(name)) return;
  std::string message = "unknown node '" + name + "'";
  if (suggestions_ < kMaxSuggestions) {
    ++suggestions_;
    Suggestion suggestion(name);
    for (const Node& node : dag_.nodes) suggestion.Offer(node.name);
    message += suggestion.Text();
  }
  Fail(std::move(message));
}

/// The node, or every node for ALL_NODES. Nothing after a fault.
std::vector<NodeIndex> Parser::NodesNamed(const std::string& name) {
  std::vector<NodeIndex> found;
  if (IsKeyword(name, "ALL_NODES")) {
    for (std::size_t i = 0; i < dag_.nodes.size(); ++i) found.push_back(static_cast<NodeIndex>(i));
    if (found.empty() && !names_incomplete_) Fail("ALL_NODES: there are no nodes");
  } else if (const NodeIndex node = FindNode(name); node >= 0) {
    found.push_back(node);
  } else {
    UnknownNode(name);
  }
  return found;
}

NodeIndex Parser::AddNode(Node node) {
  node.file = static_cast<std::int32_t>(dag_.sources.size()) - 1;
  node.line = line_;
  return dag_.Add(std::move(node));
}

std::int32_t Parser::SubmitNumber(const std::string& file) {
  const auto [it, added] = submits_.try_emplace(file, static_cast<std::int32_t>(dag_.submits.size()));
  if (added) dag_.submits.push_back({.file = file});
  return it->second;
}

std::int32_t Parser::CategoryNumber(const std::string& name) {
  const auto it = std::ranges::find(dag_.categories, name, &dag::Category::name);
  const auto number = static_cast<std::int32_t>(it - dag_.categories.begin());
  if (it == dag_.categories.end()) dag_.categories.push_back({.name = name});
  return number;
}

void Parser::CountJoinNode(std::string_view name) {
  if (!name.starts_with(kJoinNodePrefix)) return;
  if (const auto number = ParseInt(name.substr(kJoinNodePrefix.size()))) {
    join_nodes_ = std::max(join_nodes_, static_cast<int>(*number));
  }
}

/// JOB name submit [DIR dir] [NOOP] [DONE]
void Parser::Job(Words& words) {
  Node node;
  node.name = Need(words, "node name");
  if (IsReserved(node.name)) throw Error("'" + node.name + "' is a reserved word and cannot name a node");
  if (node.name.find('+') != std::string::npos) {
    throw Error("node name '" + node.name + "' contains '+', which is kept for nodes of splices");
  }
  if (node.name.find('.') != std::string::npos) {
    Warn("node name '" + node.name + "' contains '.', which the HTCondor manual forbids");
  }
  const NodeIndex same = FindNode(node.name);
  if (same >= 0) {
    const SourceLine first = dag_.Where(dag_.At(same));
    throw Error("node '" + node.name + "' is already defined at " + first.file + ":" +
                std::to_string(first.line));
  }

  const std::string submit = Need(words, "submit file");
  const bool inline_description = submit.starts_with('{') || submit.starts_with("@=");
  const std::string file = Unquoted(submit);
  node.submit = SubmitNumber(file);
  if (inline_description) {
    // Defined all the same, so that other commands that name it are not reported as well.
    Fail("JOB " + node.name + ": inline submit descriptions are not supported yet: put it into a file");
    AddNode(std::move(node));
    return;
  }
  if (file.ends_with(".condor.sub")) {
    throw Error("'" + file + "' is the submit file of a DAG: nest it with SUBDAG EXTERNAL");
  }
  while (const auto option = words.Next()) {
    if (IsKeyword(*option, "DIR")) {
      const Path directory = Unquoted(Need(words, "directory after DIR"));
      const auto it = std::ranges::find(dag_.directories, directory);
      node.directory = static_cast<std::int32_t>(it - dag_.directories.begin());
      if (it == dag_.directories.end()) dag_.directories.push_back(directory);
    } else if (IsKeyword(*option, "NOOP")) {
      node.noop = true;
    } else if (IsKeyword(*option, "DONE")) {
      node.done = true;
    } else {
      throw Error("unexpected '" + *option + "' (options are DIR, NOOP and DONE)");
    }
  }
  AddNode(std::move(node));
}

/// PARENT name... CHILD name...
void Parser::Parent(Words& words) {
  std::vector<NodeIndex> parents;
  std::vector<NodeIndex> children;
  std::unordered_set<std::string> seen;
  bool after_child = false;
  bool known = true;
  bool any[2] = {false, false};
  while (const auto word = words.Next()) {
    if (!after_child && IsKeyword(*word, "CHILD")) {
      after_child = true;
      seen.clear();
      continue;
    }
    any[after_child ? 1 : 0] = true;
    if (!seen.insert(*word).second) continue;
    if (const NodeIndex node = FindNode(*word); node >= 0) {
      (after_child ? children : parents).push_back(node);
    } else {
      known = false;
      UnknownNode(*word);
    }
  }
  if (!after_child) throw Error("missing CHILD");
  if (!any[0]) throw Error("no parent is named before CHILD");
  if (!any[1]) throw Error("no child is named after CHILD");
  if (!known) return;

  // Many to many goes through a node that does nothing: P + C edges in place of P x C.
  if (parents.size() > 1 && children.size() > 1) {
    Node join;
    join.name = std::string(kJoinNodePrefix) + std::to_string(++join_nodes_);
    join.submit = SubmitNumber("noop.sub");  // DAGMan's own name for it; never opened
    join.noop = true;
    const NodeIndex between = AddNode(std::move(join));
    for (const NodeIndex parent : parents) AddEdge(parent, between);
    for (const NodeIndex child : children) AddEdge(between, child);
    return;
  }
  for (const NodeIndex parent : parents) {
    for (const NodeIndex child : children) AddEdge(parent, child);
  }
}

bool IsVarName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.';
  });
}

/// Takes name="value" pairs from the text of a VARS command. The value is in double quotes, where \" and
/// \\ stand for themselves; single quotes and a bare word are taken as well (newer DAGMan).
Var TakeVar(std::string_view& text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) throw Error("'" + std::string(Trim(text)) + "' has no =\"value\"");
  Var var;
  var.name = Trim(text.substr(0, equals));
  std::string_view plain = var.name;
  if (plain.starts_with('+')) plain.remove_prefix(1);
  if (!IsVarName(plain)) throw Error("'" + var.name + "' is not a macro name (letters, digits, '_' and '.')");
  if (ToLower(plain).starts_with("queue")) throw Error("a macro name may not begin with 'queue'");

  text.remove_prefix(equals + 1);
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  const char quote = !text.empty() && (text[0] == '"' || text[0] == '\'') ? text[0] : '\0';
  std::size_t i = quote == '\0' ? 0 : 1;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == '\0' && (c == ' ' || c == '\t')) break;
    if (quote != '\0' && c == quote) break;
    if (quote != '\0' && c == '\\' && i + 1 < text.size()) {
      var.value.push_back(text[++i]);
    } else {
      var.value.push_back(c);
    }
  }
  if (quote != '\0' && i >= text.size()) throw Error("the value of '" + var.name + "' has no closing quote");
  if (quote == '\0' && var.value.empty()) throw Error("'" + var.name + "' has no value");
  text.remove_prefix(std::min(i + (quote == '\0' ? 0 : 1), text.size()));
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r"), text.size()));
  return var;
}

/// VARS name|ALL_NODES [PREPEND|APPEND] name="value"...
void Parser::Vars(Words& words) {
  const std::string name = Need(words, "node name");
  const std::string_view tail = Trim(words.Rest());
  const std::string_view first = tail.substr(0, tail.find_first_of(" \t=\"'"));
  const std::string_view after_first = Trim(tail.substr(first.size()));
  const bool placed =
      !after_first.starts_with('=') && (IsKeyword(first, "APPEND") || IsKeyword(first, "PREPEND"));
  const bool append = placed && IsKeyword(first, "APPEND");

  std::string_view rest = placed ? after_first : tail;
  if (rest.empty()) throw Error("no name=\"value\" is given");
  std::vector<Var> vars;
  while (!rest.empty()) {
    vars.push_back(TakeVar(rest));
    vars.back().append = append;
  }
  for (const NodeIndex index : NodesNamed(name)) {
    auto& old = dag_.nodes[static_cast<std::size_t>(index)].vars;
    for (const Var& var : vars) {
      const auto same = std::find_if(old.begin(), old.end(), [&](const Var& o) {
        return o.append == var.append && EqualsIgnoreCase(o.name, var.name);
      });
      if (same != old.end()) {
        same->value = var.value;
      } else {
        old.push_back(var);
      }
    }
  }
}

/// RETRY name|ALL_NODES n [UNLESS-EXIT v]
void Parser::Retry(Words& words) {
  const std::string name = Need(words, "node name");
  const int retries = NeedInt(words, "retry count");
  if (retries < 0) throw Error("the retry count cannot be negative");
  std::optional<int> unless_exit;
  if (words.Take("UNLESS-EXIT")) unless_exit = NeedInt(words, "exit value after UNLESS-EXIT");
  End(words);
  for (const NodeIndex index : NodesNamed(name)) {
    Node& node = dag_.nodes[static_cast<std::size_t>(index)];
    node.retries = retries;
    if (unless_exit || node.rules != 0) dag_.RulesToChange(index).unless_exit = unless_exit;
  }
}

/// Where DAGMan would abort the whole DAG at the moment the script starts, we say so before anything runs.
void Parser::CheckScriptWords(const Script& script, bool pre) {
  for (std::size_t i = 1; i < script.words.size(); ++i) {
    const std::string& word = script.words[i];
    if (!word.starts_with('$')) continue;
    const auto* macro =
        std::find_if(kScriptMacros.begin(), kScriptMacros.end(),
                     [&](const ScriptMacro& known) { return EqualsIgnoreCase(known.name, word); });
    if (macro == kScriptMacros.end()) {
      Suggestion suggestion(word);
      for (const ScriptMacro& known : kScriptMacros) suggestion.Offer(known.name);
      throw Error("unknown script macro '" + word + "'" + suggestion.Text());
    }
    if (pre && !macro->in_pre) throw Error("'" + word + "' has no value yet in a PRE script");
  }
}

/// SCRIPT [DEFER status seconds] [DEBUG file STDOUT|STDERR|ALL] PRE|POST name|ALL_NODES program [argument...]
void Parser::ScriptCommand(Words& words) {
  Script script;
  script.where = {file_, line_};
  bool pre = false;
  while (true) {
    if (words.Take("DEFER")) {
      script.defer_status = NeedInt(words, "exit status after DEFER");
      script.defer_seconds = NeedInt(words, "number of seconds after DEFER");
      if (script.defer_seconds < 0) throw Error("the number of seconds after DEFER cannot be negative");
    } else if (words.Take("DEBUG")) {
      script.debug_file = Unquoted(Need(words, "file after DEBUG"));
      if (words.Take("STDOUT")) {
        script.debug_output = Script::DebugOutput::kStdout;
      } else if (words.Take("STDERR")) {
        script.debug_output = Script::DebugOutput::kStderr;
      } else if (words.Take("ALL")) {
        script.debug_output = Script::DebugOutput::kAll;
      } else {
        throw Error("DEBUG takes a file and STDOUT, STDERR or ALL");
      }
    } else if (words.Take("PRE")) {
      pre = true;
      break;
    } else if (words.Take("POST")) {
      break;
    } else if (words.Take("HOLD")) {
      throw Error("HOLD scripts are not supported yet");
    } else {
      throw Error("expected PRE or POST, not '" + words.Next().value_or("the end of the line") + "'");
    }
  }
  const std::string name = Need(words, "node name");
  // Quotes and backslashes reach the script as they are: only blanks separate.
  script.words = SplitAny(words.Rest(), " \t\r");
  if (script.words.empty()) throw Error("missing program to run");
  CheckScriptWords(script, pre);
  bool warned = false;
  script.kind = pre ? Script::Kind::kPre : Script::Kind::kPost;
  const auto number = static_cast<std::int32_t>(dag_.scripts.size());
  for (const NodeIndex index : NodesNamed(name)) {
    Node& node = dag_.At(index);
    std::int32_t& place = pre ? node.pre : node.post;
    if (place >= 0 && !std::exchange(warned, true)) {
      Warn("this replaces the " + std::string(pre ? "PRE" : "POST") + " script of node '" + node.name +
           "' given at line " + std::to_string(dag_.scripts[static_cast<std::size_t>(place)].where.line));
    }
    place = number;
  }
  dag_.scripts.push_back(std::move(script));
}

/// PRE_SKIP name|ALL_NODES status
void Parser::PreSkip(Words& words) {
  const std::string name = Need(words, "node name");
  const int status = NeedInt(words, "exit status");
  End(words);
  if (status < 0 || status > 255) throw Error("the exit status must be from 0 to 255");
  if (status == 0) Warn("PRE_SKIP 0 would skip the job of every successful PRE script; DAGMan ignores it");
  for (const NodeIndex index : NodesNamed(name)) dag_.RulesToChange(index).pre_skip = status;
}

/// DONE name
void Parser::Done(Words& words) {
  const std::string name = Need(words, "node name");
  End(words);
  if (const NodeIndex node = FindNode(name); node >= 0) {
    dag_.nodes[static_cast<std::size_t>(node)].done = true;
  } else if (!name.starts_with(kJoinNodePrefix)) {
    // Join nodes are numbered by whoever inserts them: a rescue file of another DAGMan may know one more.
    UnknownNode(name);
  }
}

/// PRIORITY name|ALL_NODES n
void Parser::Priority(Words& words) {
  const std::string name = Need(words, "node name");
  const int priority = NeedInt(words, "priority");
  End(words);
  for (const NodeIndex index : NodesNamed(name))
    dag_.nodes[static_cast<std::size_t>(index)].priority = priority;
}

/// CATEGORY name|ALL_NODES category
void Parser::Category(Words& words) {
  const std::string name = Need(words, "node name");
  const std::string category = Need(words, "category name");
  End(words);
  const std::int32_t number = CategoryNumber(category);
  for (const NodeIndex index : NodesNamed(name)) dag_.At(index).category = number;
}

/// MAXJOBS category n
void Parser::MaxJobs(Words& words) {
  const std::string category = Need(words, "category name");
  const int limit = NeedInt(words, "number of jobs");
  End(words);
  if (limit < 0) throw Error("the number of jobs cannot be negative");
  if (limit == 0) Warn("MAXJOBS " + category + " 0 means that nodes of this category never start");
  dag_.categories[static_cast<std::size_t>(CategoryNumber(category))].max_jobs = limit;
}

/// CONFIG file
void Parser::Config(Words& words) {
  const Path config = Unquoted(Need(words, "file"));
  End(words);
  Warn("CONFIG has no effect yet: '" + config.string() + "' is not read");
}

/// One fault per command, and none for the names that it would have defined.
void Parser::NotSupported(const Command& command, Words words) {
  Fail(std::string(command.keyword) + " is not supported yet");
  if (command.keyword == "INCLUDE") names_incomplete_ = true;
  if (command.pass != 1) return;
  if (command.keyword == "SUBDAG") words.Take("EXTERNAL");
  if (const auto name = words.Next()) unsupported_names_.insert(*name);
}

}  // namespace

DagPreamble ReadPreamble(const std::vector<Path>& /*files*/, const DagOptions& /*options*/) { return {}; }

DagParse ParseDag(std::string_view text, const std::string& file, const DagOptions& /*options*/) {
  DagParse parse;
  parse.dag.files = {Path(file)};
  parse.faults = Parser(parse.dag, file).Parse(text);
  return parse;
}

DagParse ReadDags(const std::vector<Path>& files, const DagOptions& options) {
  return ReadDag(files.at(0), options);
}

DagParse ReadDag(const Path& file, const DagOptions& options) {
  const auto text = options.read(file);
  if (text) return ParseDag(*text, file.string(), options);
  DagParse parse;
  parse.dag.files = {file};
  AddError(parse.faults, {file.string(), 0}, text.error().message());
  return parse;
}

Faults ApplyRescue(Dag& dag, std::string_view text, const std::string& file, const DagOptions& /*options*/) {
  return Parser(dag, file).Parse(text);
}

}  // namespace roost::dag

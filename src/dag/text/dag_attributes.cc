// What is set on nodes that are defined: VARS, SCRIPT, RETRY and the like.

#include <algorithm>
#include <array>
#include <cctype>

#include "dag/text/dag_names.h"
#include "dag/text/dag_parser.h"
#include "dag/text/suggest.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

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

std::string_view NameOf(Script::Kind kind) {
  switch (kind) {
    case Script::Kind::kPre:
      return "PRE";
    case Script::Kind::kPost:
      return "POST";
    case Script::Kind::kHold:
      return "HOLD";
  }
  return "";
}

std::int32_t& PlaceOf(Script::Kind kind, Node& node) {
  if (kind == Script::Kind::kHold) return node.hold;
  return kind == Script::Kind::kPre ? node.pre : node.post;
}

bool IsVarName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.';
  });
}

/// Takes one name="value" from the text of a VARS command. The value is in double quotes, where \" and
/// \\ stand for themselves; single quotes and a bare word are taken as well (newer DAGMan).
Var TakeVar(std::string_view& text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) throw Error("'" + std::string(Trim(text)) + "' has no =\"value\"");
  Var var;
  var.name = Trim(text.substr(0, equals));
  std::string_view plain = var.name;
  if (plain.starts_with('+')) plain.remove_prefix(1);
  if (!IsVarName(plain)) throw Error("'" + var.name + "' is not a macro name (letters, digits, '_' and '.')");
  if (EqualsIgnoreCase(plain.substr(0, 5), "queue")) throw Error("a macro name may not begin with 'queue'");

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

/// Puts `var` in the place of one with its name, where there is one. Long lists are not searched: they only
/// grow, and a later one counts as well. True where a value is replaced.
bool SetVar(std::vector<Var>& vars, Var var) {
  constexpr std::size_t kSearched = 32;
  if (vars.size() <= kSearched) {
    const auto same = std::ranges::find_if(vars, [&](const Var& old) {
      return old.append == var.append && EqualsIgnoreCase(old.name, var.name);
    });
    if (same != vars.end()) {
      same->value = std::move(var.value);
      return true;
    }
  }
  vars.push_back(std::move(var));
  return false;
}

}  // namespace

/// VARS name|ALL_NODES [PREPEND|APPEND] name="value"...
void DagFileParser::Vars(Words& words) {
  const std::string_view name = Need(words, "node name");
  const std::string_view tail = Trim(words.Rest());
  const std::string_view first = tail.substr(0, tail.find_first_of(" \t=\"'"));
  const std::string_view after_first = Trim(tail.substr(first.size()));
  const bool placed =
      !after_first.starts_with('=') && (IsKeyword(first, "APPEND") || IsKeyword(first, "PREPEND"));
  const bool append = placed ? IsKeyword(first, "APPEND") : builder_.options().append_vars;

  std::string_view rest = placed ? after_first : tail;
  if (rest.empty()) throw Error("no name=\"value\" is given");
  std::vector<Var> vars;
  while (!rest.empty()) {
    vars.push_back(TakeVar(rest));
    vars.back().append = append;
  }
  const bool all = IsKeyword(name, "ALL_NODES");
  bool replaced = false;
  ForNodes(name, kEveryNode, [&](NodeIndex node) {
    // What many nodes get one after the other is held many times.
    constexpr std::size_t kSettingsPerVar = 40;
    if (all) builder_.CountSettings(kSettingsPerVar * vars.size());
    for (Var& var : vars) replaced |= SetVar(dag_.At(node).vars, all ? Var(var) : std::move(var));
  });
  if (replaced) Strict(3, "VARS: this replaces a value that was given before");
}

/// RETRY name|ALL_NODES n [UNLESS-EXIT v]
void DagFileParser::Retry(Words& words) {
  const std::string_view name = Need(words, "node name");
  const int retries = NeedInt(words, "retry count");
  if (retries < 0) throw Error("the retry count cannot be negative");
  std::optional<int> unless_exit;
  if (words.Take("UNLESS-EXIT")) unless_exit = NeedInt(words, "exit value after UNLESS-EXIT");
  NeedEnd(words);
  ForNodes(name, kOrdinaryNodes, [&](NodeIndex index) {
    Node& node = dag_.At(index);
    node.retries = retries;
    if (unless_exit || node.rules != 0) {
      builder_.ChangeRules(index, [&](NodeRules& rules) { rules.unless_exit = unless_exit; });
    }
  });
}

/// SCRIPT [DEFER status seconds] [DEBUG file STDOUT|STDERR|ALL] PRE|POST|HOLD name|ALL_NODES program
/// [argument...]
void DagFileParser::ScriptCommand(Words& words) {
  Script script;
  script.where = Here();
  TakeScriptOptions(words, script);
  const std::string_view name = Need(words, "node name");
  // Quotes and backslashes reach the script as they are: only blanks separate.
  script.words = SplitAny(words.Rest(), " \t\r");
  if (script.words.empty()) throw Error("missing program to run");
  CheckScriptMacros(script);

  const Script::Kind kind = script.kind;
  const auto number = static_cast<std::int32_t>(dag_.scripts.size());
  dag_.scripts.push_back(std::move(script));
  bool warned = false;
  ForNodes(name, kEveryNode, [&](NodeIndex index) {
    std::int32_t& place = PlaceOf(kind, dag_.At(index));
    if (place >= 0 && !std::exchange(warned, true)) {
      Warn("this replaces the " + std::string(NameOf(kind)) + " script of node '" + dag_.At(index).name +
           "' given at line " + std::to_string(dag_.scripts[static_cast<std::size_t>(place)].where.line));
    }
    place = number;
  });
}

void DagFileParser::TakeScriptOptions(Words& words, Script& script) {
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
    } else {
      break;
    }
  }
  for (const Script::Kind kind : {Script::Kind::kPre, Script::Kind::kPost, Script::Kind::kHold}) {
    if (!words.Take(NameOf(kind))) continue;
    script.kind = kind;
    return;
  }
  throw Error("expected PRE, POST or HOLD, not '" +
              std::string(words.Next().value_or("the end of the line")) + "'");
}

/// DAGMan would find out when the script starts, and abort the DAG then: all that runs before it does run.
void DagFileParser::CheckScriptMacros(const Script& script) {
  constexpr std::string_view kThen = ": DAGMan aborts the DAG when this script starts";
  for (std::size_t i = 1; i < script.words.size(); ++i) {
    const std::string& word = script.words[i];
    if (!word.starts_with('$')) continue;
    const auto* macro = std::ranges::find_if(
        kScriptMacros, [&](const ScriptMacro& known) { return EqualsIgnoreCase(known.name, word); });
    if (macro == kScriptMacros.end()) {
      Suggestion suggestion(word);
      for (const ScriptMacro& known : kScriptMacros) suggestion.Offer(known.name);
      Warn("SCRIPT: unknown script macro '" + word + "'" + suggestion.Text() + std::string(kThen));
    } else if (script.kind == Script::Kind::kPre && !macro->in_pre) {
      Warn("SCRIPT: '" + word + "' has no value yet in a PRE script" + std::string(kThen));
    }
  }
}

/// PRE_SKIP name|ALL_NODES status
void DagFileParser::PreSkip(Words& words) {
  const std::string_view name = Need(words, "node name");
  const int status = NeedInt(words, "exit status");
  NeedEnd(words);
  if (status < 0 || status > 255) throw Error("the exit status must be from 0 to 255");
  if (status == 0) Warn("PRE_SKIP 0 would skip the job of every successful PRE script; DAGMan ignores it");
  bool replaced = false;
  ForNodes(name, kEveryNode, [&](NodeIndex node) {
    builder_.ChangeRules(node, [&](NodeRules& rules) {
      replaced |= rules.pre_skip.has_value();
      rules.pre_skip = status;
    });
  });
  if (replaced) Strict(3, "PRE_SKIP: this replaces a status that was given before");
}

/// ABORT-DAG-ON name|ALL_NODES value [RETURN code]
void DagFileParser::AbortDagOn(Words& words) {
  const std::string_view name = Need(words, "node name");
  AbortOn abort{.value = NeedInt(words, "exit value")};
  if (words.Take("RETURN")) {
    abort.return_code = NeedInt(words, "exit status after RETURN");
    if (*abort.return_code < 0 || *abort.return_code > 255) {
      throw Error("the exit status after RETURN must be from 0 to 255");
    }
  }
  NeedEnd(words);
  ForNodes(name, kEveryNode & ~Only(NodeKind::kFinal), [&](NodeIndex node) {
    builder_.ChangeRules(node, [&](NodeRules& rules) { rules.abort_on = abort; });
  });
}

/// TOLERANCE name|ALL_NODES n[%] [FAIL-FAST|WAIT]
void DagFileParser::ToleranceCommand(Words& words) {
  Warn("TOLERANCE is known to recent HTCondor only");
  const std::string_view name = Need(words, "node name");
  std::string_view amount = Need(words, "number of failures");
  Tolerance tolerance;
  if (amount.ends_with('%')) {
    tolerance.percent = true;
    amount.remove_suffix(1);
  }
  Words number(amount);
  tolerance.count = NeedInt(number, "number of failures");
  if (tolerance.count < 0) throw Error("the number of failures cannot be negative");
  if (tolerance.percent && tolerance.count > 100) throw Error("there are no more than 100% of the jobs");
  if (words.Take("WAIT")) {
    tolerance.fail_fast = false;
  } else {
    words.Take("FAIL-FAST");
  }
  NeedEnd(words);
  ForNodes(name, kEveryNode, [&](NodeIndex node) {
    builder_.ChangeRules(node, [&](NodeRules& rules) { rules.tolerance = tolerance; });
  });
}

/// PRIORITY name|ALL_NODES n
void DagFileParser::Priority(Words& words) {
  const std::string_view name = Need(words, "node name");
  const int priority = NeedInt(words, "priority");
  NeedEnd(words);
  bool replaced = false;
  ForNodes(name, kOrdinaryNodes, [&](NodeIndex index) {
    Node& node = dag_.At(index);
    replaced |= node.priority != 0 && node.priority != priority;
    node.priority = priority;
  });
  if (replaced) Strict(2, "PRIORITY: this replaces a priority that was given before");
}

/// CATEGORY name|ALL_NODES category
void DagFileParser::CategoryCommand(Words& words) {
  const std::string_view name = Need(words, "node name");
  const std::string category = CategoryName(Need(words, "category name"));
  NeedEnd(words);
  const std::int32_t number = builder_.Category(category);
  ForNodes(name, kOrdinaryNodes, [&](NodeIndex node) { dag_.At(node).category = number; });
}

/// MAXJOBS category n
void DagFileParser::MaxJobs(Words& words) {
  const std::string category = CategoryName(Need(words, "category name"));
  const int limit = NeedInt(words, "number of jobs");
  NeedEnd(words);
  if (limit < 0) throw Error("the number of jobs cannot be negative");
  if (limit == 0) Warn("MAXJOBS " + category + " 0 means that nodes of this category never start");
  dag_.categories[static_cast<std::size_t>(builder_.Category(category))].max_jobs = limit;
}

/// Names that begin with '+' are the same in all splices.
std::string DagFileParser::CategoryName(std::string_view name) const {
  return name.starts_with('+') ? std::string(name) : scope_.splice_prefix + std::string(name);
}

/// DONE name
void DagFileParser::Done(Words& words) {
  const std::string_view name = Need(words, "node name");
  NeedEnd(words);
  if (const NodeIndex node = FindNode(name); node < 0) {
    // Join nodes are numbered by whoever inserts them: a rescue file of another DAGMan may know one more.
    if (!LastPart(name).starts_with(kJoinNodePrefix)) UnknownNode(name);
  } else if (IsOrdinary(dag_.At(node))) {
    dag_.At(node).done = true;
  } else if (builder_.options().strict >= 1) {
    Takes(node, kOrdinaryNodes);
  } else {
    Warn("DONE: ignored, since '" + std::string(name) + "' runs every time");
  }
}

/// SAVE_POINT_FILE name [file]
void DagFileParser::SavePoint(Words& words) {
  const std::string_view name = Need(words, "node name");
  if (IsKeyword(name, "ALL_NODES")) throw Error("ALL_NODES is not possible here: name one node");
  const Path file = Unquoted(words.Next().value_or(""));
  NeedEnd(words);
  ForNodes(name, kOrdinaryNodes, [&](NodeIndex node) {
    builder_.ChangeRules(node, [&](NodeRules& rules) { rules.save_point = file; });
  });
}

}  // namespace roost::dag

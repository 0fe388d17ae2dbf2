// The commands that define nodes: JOB, FINAL, PROVISIONER, SERVICE, SUBDAG, and SUBMIT-DESCRIPTION for them.

#include "dag/text/dag_names.h"
#include "dag/text/dag_parser.h"

namespace roost::dag {
namespace {

bool IsReserved(std::string_view name) {
  return IsKeyword(name, "PARENT") || IsKeyword(name, "CHILD") || IsKeyword(name, "ALL_NODES");
}

}  // namespace

/// NODE name submit ...: what some call JOB.
void DagFileParser::NodeCommand(Words& words) {
  Warn("NODE is read as JOB; HTCondor knows JOB only");
  DefineNode(words, NodeKind::kJob);
}

/// SUBDAG EXTERNAL name file [DIR directory] [NOOP] [DONE]
void DagFileParser::Subdag(Words& words) {
  if (!words.Take("EXTERNAL")) throw Error("EXTERNAL has to follow");
  DefineNode(words, NodeKind::kSubdag);
}

/// JOB name submit [DIR directory] [NOOP] [DONE]
void DagFileParser::DefineNode(Words& words, NodeKind kind) {
  Node node;
  node.kind = kind;
  const std::string_view name = Need(words, "node name");
  CheckNewName(name, "node");
  node.name = FullName(name);
  if (kind == NodeKind::kFinal && scope_.in_splice) throw Error("a splice cannot have a FINAL node");
  node.submit = -1;
  try {
    node.submit = TakeSubmit(words, kind);
    TakeNodeOptions(words, node);
  } catch (const Error& error) {
    // Defined all the same: the commands that name it are not wrong.
    Fail(std::string(command_->keyword) + ": " + error.message());
    if (node.submit < 0) node.submit = builder_.SubmitFile("");
  }
  AddNode(std::move(node));
}

void DagFileParser::CheckNewName(std::string_view name, std::string_view what) {
  const std::string quoted = std::string(what) + " name '" + std::string(name) + "'";
  if (IsReserved(name)) {
    throw Error("'" + std::string(name) + "' is a reserved word and cannot name a " + std::string(what));
  }
  if (name.ends_with('\\'))
    throw Error(quoted + " ends with '\\', which continues lines: no rescue file could name it");
  const bool any = builder_.options().allow_any_name || scope_.names_in_full;
  if (!any && name.find(kSpliceSeparator) != std::string_view::npos) {
    throw Error(quoted + " contains '+', which is kept for nodes of splices");
  }
  if (!any && name.find('.') != std::string_view::npos) {
    Warn(quoted + " contains '.', which the HTCondor manual forbids");
  }
  if (const NodeIndex same = FindNode(name); same >= 0) {
    const SourceLine first = dag_.Where(dag_.At(same));
    throw Error("node '" + std::string(name) + "' is already defined at " + first.file + ":" +
                std::to_string(first.line));
  }
  if (scope_.splices.empty()) return;
  if (const auto it = scope_.splices.find(scope_.dag_number + std::string(name));
      it != scope_.splices.end()) {
    throw Error("'" + std::string(name) + "' already names the splice at line " +
                std::to_string(it->second.line));
  }
}

std::int32_t DagFileParser::TakeSubmit(Words& words, NodeKind kind) {
  if (kind == NodeKind::kSubdag) return builder_.NestedDagFile(Unquoted(Need(words, "DAG file")));
  if (line_.body) return builder_.SubmitText(line_.body->text, BodyStart());
  const std::string_view word = Need(words, "submit file");
  if (word == "@=") throw Error("'@=' needs a word that ends the submit description");
  const std::string_view file = Unquoted(word);
  if (file.ends_with(".condor.sub") && kind != NodeKind::kFinal) {
    throw Error("'" + std::string(file) + "' is the submit file of a DAG: nest it with SUBDAG EXTERNAL");
  }
  return builder_.SubmitFile(file);
}

void DagFileParser::TakeNodeOptions(Words& words, Node& node) {
  Path directory = scope_.directory;
  Words after(line_.body ? line_.body->after : std::string_view());
  Words& options = line_.body ? after : words;
  while (const auto option = options.Next()) {
    if (IsKeyword(*option, "DIR")) {
      if (builder_.options().use_dag_dir) throw Error("DIR cannot be used together with -UseDagDir");
      directory = scope_.directory / Unquoted(Need(options, "directory after DIR"));
    } else if (IsKeyword(*option, "NOOP")) {
      node.noop = true;
    } else if (IsKeyword(*option, "DONE")) {
      node.done = true;
    } else {
      throw Error("unexpected '" + std::string(*option) + "' (options are DIR, NOOP and DONE)");
    }
  }
  if (!directory.empty()) node.directory = builder_.Directory(directory);
  if (node.done && !IsOrdinary(node)) {
    node.done = false;
    Warn(std::string(command_->keyword) + ": DONE is ignored: such a node runs every time");
  }
}

void DagFileParser::AddNode(Node node) {
  node.file = source_;
  node.line = line_.number;
  const NodeKind kind = node.kind;
  const NodeIndex index = builder_.AddNode(std::move(node));
  scope_.Own(index);
  const auto only_one = [&](NodeIndex& one) {
    if (one >= 0) {
      const SourceLine first = dag_.Where(dag_.At(one));
      throw Error("there is one already, at " + first.file + ":" + std::to_string(first.line));
    }
    one = index;
  };
  if (kind == NodeKind::kFinal) only_one(dag_.final_node);
  if (kind == NodeKind::kProvisioner) only_one(dag_.provisioner);
  if (kind == NodeKind::kService) dag_.services.push_back(index);
}

/// SUBMIT-DESCRIPTION name { ... }
void DagFileParser::SubmitDescription(Words& words) {
  const std::string_view name = Need(words, "name");
  if (!line_.body) throw Error("expected '{' or '@=' and a word behind the name");
  Words after(line_.body->after);
  NeedEnd(after);
  builder_.Describe(name, line_.body->text, BodyStart(), open_files_.size());
}

/// REJECT
void DagFileParser::Reject(Words& words) {
  NeedEnd(words);
  throw Error("this DAG is marked as one not to be run");
}

}  // namespace roost::dag

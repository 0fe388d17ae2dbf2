#include "dag/run/check_jobs.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "dag/executors/local.h"
#include "dag/run/check_graph.h"
#include "dag/run/program_check.h"
#include "dag/text/submit_commands.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

namespace fs = std::filesystem;
using Severity = Fault::Severity;

/// So many faults of one kind at one line are told; of the others there is only a count.
constexpr std::size_t kToldOfAKind = 3;

bool IsAttribute(std::string_view name) {
  return name.starts_with('+') || EqualsIgnoreCase(name.substr(0, 3), "My.");
}

bool IsNullDevice(const Path& file) { return file.empty() || file == "/dev/null"; }

/// As a person in this folder would write it.
std::string Shown(const Path& file) {
  const Path near = file.lexically_proximate(fs::current_path());
  return Printable(near.string().starts_with("..") ? file.string() : near.string());
}

std::string OfNode(const Node& node) { return " (node " + node.name + ")"; }

}  // namespace

JobChecks::JobChecks(const Dag& dag, const std::vector<std::string>& environment)
    : dag_(dag), environment_(environment), cpus_(AvailableCpus()) {}

void JobChecks::Look(NodeIndex index) {
  const Node& node = dag_.At(index);
  LookAtScripts(index);
  if (node.noop || node.done || node.kind == NodeKind::kSubdag) return;
  const Description& description = DescriptionOf(node);
  if (!description.readable) {
    const bool made = node.pre >= 0;
    Say(made ? Severity::kWarning : Severity::kError, dag_.Where(node), description.file,
        "there is no submit file '" + description.file + "'" + OfNode(node) +
            (made ? ": its PRE script has to make it" : ""));
    return;
  }
  LookAtVars(node, description);
  std::string signature = Signature(node, description);
  if (const auto [it, added] = looked_at_.try_emplace(signature, index); !added) {
    jobs_ += jobs_of_[signature];
    TellSharedOutputs(it->second, index);
    return;
  }
  const int before = jobs_;
  LookAtSubmission(index, description);
  jobs_of_[std::move(signature)] = jobs_ - before;
}

Faults JobChecks::Finish() {
  for (const MissingInput& missing : missing_) JudgeMissing(missing);
  for (const auto& [key, kind] : kinds_) {
    if (kind.count <= kToldOfAKind) continue;
    faults_[kind.last_told].message +=
        "; and " + std::to_string(kind.count - kToldOfAKind) + " more like this";
  }
  return std::move(faults_);
}

const JobChecks::Description& JobChecks::DescriptionOf(const Node& node) {
  const auto key = std::pair(node.submit, node.directory);
  if (const auto it = descriptions_.find(key); it != descriptions_.end()) return it->second;

  const SubmitSource& source = dag_.Submit(node);
  const std::string file =
      source.text ? source.where.file : (dag_.Directory(node) / source.file).lexically_normal().string();
  Result<std::string> text = source.text ? Result<std::string>(*source.text) : ReadRegularFile(file);
  Description description{.file = file,
                          .readable = text.ok(),
                          .outline = SubmitOutline(text.ok() ? *text : std::string_view(), file,
                                                   source.text ? source.where.line - 1 : 0)};
  if (text.ok() && !source.text) {
    for (const Fault& fault : OddCharacters(*text, file)) faults_.push_back(fault);
  }
  const SubmitOutline& outline = description.outline;
  description.names_matter = outline.includes();
  for (const std::string_view name :
       {"JOB", "dag_node_name", "DAG_PARENT_NAMES", "DAGNodeName", "DAGParentNodeNames", "DAGManJobId"}) {
    description.names_matter = description.names_matter || outline.Mentions(name);
  }
  return descriptions_.emplace(key, std::move(description)).first->second;
}

/// Nodes with equal ones come to the same jobs.
std::string JobChecks::Signature(const Node& node, const Description& description) const {
  std::string signature = std::to_string(node.submit) + "/" + std::to_string(node.directory);
  bool names_matter = description.names_matter;
  for (const Var& var : node.vars) {
    signature.append(1, '\0').append(var.name).append(1, '=').append(var.value).append(var.append ? "a"
                                                                                                  : "p");
    names_matter = names_matter || var.value.find("$(") != std::string::npos;
  }
  if (names_matter) signature.append(1, '\0').append(node.name);
  return signature;
}

void JobChecks::Say(Severity severity, const SourceLine& where, const std::string& kind,
                    std::string message) {
  Kind& known = kinds_[where.file + ":" + std::to_string(where.line) + ":" + kind];
  if (++known.count > kToldOfAKind) return;
  known.last_told = faults_.size();
  faults_.push_back({where, std::move(message), severity});
}

bool JobChecks::SomethingRunsBefore(NodeIndex index) const {
  return dag_.At(index).pre >= 0 || !dag_.parents.Of(index).empty();
}

bool JobChecks::Exists(const Path& path) {
  const auto [it, added] = exists_.try_emplace(path.string());
  std::error_code ignored;
  if (added) it->second = fs::exists(path, ignored);
  return it->second;
}

void JobChecks::LookAtScripts(NodeIndex index) {
  const Node& node = dag_.At(index);
  for (const std::int32_t number : {node.pre, node.post, node.hold}) {
    if (number < 0 || !scripts_.insert({number, node.directory}).second) continue;
    const Script& script = dag_.scripts[static_cast<std::size_t>(number)];
    const std::string& word = script.words.front();
    Path program = DirectoryOf(dag_, node) / word;
    std::error_code ignored;
    if (word.find('/') == std::string::npos && !fs::is_regular_file(program, ignored)) {
      if (const Path found = FindInPath(word); !found.empty()) program = found;
    }
    if (const auto why = WhyNotRunnable(program)) {
      const bool missing = !Exists(program);
      const bool may_be_made =
          missing && (script.kind != Script::Kind::kPre || !dag_.parents.Of(index).empty());
      Say(may_be_made ? Severity::kWarning : Severity::kError, script.where, "script",
          "the script '" + Printable(word) + "' " + *why + OfNode(node));
    } else if (const auto odd = OddInScript(program)) {
      Say(Severity::kWarning, script.where, "script", "in the script '" + Printable(word) + "' " + *odd);
    }
  }
}

void JobChecks::LookAtVars(const Node& node, const Description& description) {
  for (const Var& var : node.vars) {
    if (IsAttribute(var.name)) continue;
    if (const auto where = description.outline.Assigns(var.name); where && !var.append) {
      Say(Severity::kWarning, *where, "overridden",
          "this overrides VARS " + node.name + " " + var.name + "=\"" + Printable(var.value) +
              "\": use VARS " + node.name + " APPEND, or another name");
      continue;
    }
    if (description.outline.Mentions(var.name) || description.outline.includes() ||
        LevelOf(var.name) != CommandLevel::kNone) {
      continue;
    }
    if (!unused_.insert(ToLower(var.name) + "\n" + description.file).second) continue;
    const bool in_other = std::ranges::any_of(node.vars, [&](const Var& other) {
      return ToLower(other.value).find("$(" + ToLower(var.name)) != std::string::npos;
    });
    if (in_other) continue;
    SourceLine where = dag_.Where(node);
    if (const int line = LineOfCommand(where.file, "VARS", node.name, var.name)) where.line = line;
    Say(Severity::kWarning, where, "unused",
        "VARS " + node.name + " sets '" + var.name + "', which '" + description.file + "' never uses" +
            SuggestCommand(var.name));
  }
}

void JobChecks::LookAtSubmission(NodeIndex index, const Description& description) {
  const Node& node = dag_.At(index);
  const Submission submission = ExpandNode(dag_, node,
                                           {.cluster = 1,
                                            .time = SystemClock().WallNow(),
                                            .environment = environment_,
                                            .folders_may_come = SomethingRunsBefore(index)});
  const bool inline_text = dag_.Submit(node).text.has_value();
  for (const Fault& fault : submission.faults) {
    Fault told = fault;
    if (!inline_text && told.where.file == dag_.Submit(node).file) told.where.file = description.file;
    Say(told.severity, told.where, told.message, told.message);
  }
  if (HasErrors(submission.faults)) return;
  if (submission.jobs.empty()) {
    Say(Severity::kError, dag_.Where(node), "no jobs", "node '" + node.name + "' queues no jobs");
  }
  jobs_ += static_cast<int>(submission.jobs.size());
  for (const Job& job : submission.jobs) LookAtJob(index, job, description);
}

void JobChecks::LookAtJob(NodeIndex index, const Job& job, const Description& description) {
  LookAtProgram(index, job, description);
  LookAtInputs(index, job, description);
  LookAtOutputs(index, job, description);
  if (job.request.cpus > cpus_) {
    Say(Severity::kWarning, description.outline.LineOf({"request_cpus"}), "cpus",
        "asks for " + std::to_string(job.request.cpus) + " CPUs, and this machine has " +
            std::to_string(cpus_) + OfNode(dag_.At(index)));
  }
}

void JobChecks::LookAtProgram(NodeIndex index, const Job& job, const Description& description) {
  if (job.noop || job.container || job.match_time_macros) return;
  const std::string key = "program " + job.executable.string();
  if (const auto [it, added] = exists_.try_emplace(key); !added) return;  // told once
  const auto why = WhyNotRunnable(job.executable);
  const SourceLine where = description.outline.LineOf({"executable", "shell"});
  const std::string what = "the executable '" + Shown(job.executable) + "' ";
  if (!why) {
    if (const auto odd = OddInScript(job.executable)) {
      Say(Severity::kWarning, where, "odd program",
          "in the executable '" + Shown(job.executable) + "' " + *odd);
    }
    return;
  }
  const bool becomes_executable = job.transfer == TransferFiles::kYes && job.transfer_executable;
  if (becomes_executable && why->starts_with("is not executable")) return;
  if (!Exists(job.executable)) {
    const Path in_path = FindInPath(job.executable.filename().string());
    missing_.push_back(
        {index, job.executable, where,
         what + *why + (in_path.empty() ? "" : ", but " + in_path.string() + " does: give its full path"),
         true});
    return;
  }
  Say(Severity::kError, where, "program", what + *why + OfNode(dag_.At(index)));
}

void JobChecks::LookAtInputs(NodeIndex index, const Job& job, const Description& description) {
  if (job.match_time_macros) return;
  const auto look = [&](const Path& file, const SourceLine& where, const std::string& what, bool needed) {
    const Path whole = (job.initial_dir / file).lexically_normal();
    if (!Exists(whole)) {
      missing_.push_back({index, whole, where, what + Printable(file.string()) + "' does not exist", needed});
    }
  };
  if (!IsNullDevice(job.input)) {
    look(job.input, description.outline.LineOf({"input", "stdin"}), "the input file '", true);
  }
  if (job.transfer == TransferFiles::kNo) return;
  for (const std::string& input : job.transfer_input) {
    if (input.find("://") != std::string::npos) continue;
    look(input, description.outline.LineOf({"transfer_input_files"}), "the file to transfer '",
         job.transfer == TransferFiles::kYes);
  }
}

void JobChecks::LookAtOutputs(NodeIndex index, const Job& job, const Description& description) {
  if (job.match_time_macros) return;
  const SubmitOutline& outline = description.outline;
  const SourceLine output = outline.LineOf({"output", "stdout"});
  const SourceLine error = outline.LineOf({"error", "stderr"});
  const SourceLine log = outline.LineOf({"log"});
  LookAtOutput(index, job, job.output, output, "output");
  LookAtOutput(index, job, job.error, error, "error");
  LookAtOutput(index, job, job.log, log, "log");
  NoteWriter(index, job, job.output, output);
  if (job.error != job.output) NoteWriter(index, job, job.error, error);
  if ((job.initial_dir / job.log).string().starts_with("/tmp/") && job.log.is_absolute()) {
    Say(Severity::kWarning, log, "tmp",
        "the log '" + Printable(job.log.string()) +
            "' is under /tmp: other hosts do not see it, and a restart of the machine may remove it");
  }
  // What it brings back, for nodes that come after it.
  for (const std::string& name : job.transfer_output.value_or(std::vector<std::string>())) {
    writers_.try_emplace((job.initial_dir / Path(name).filename()).lexically_normal().string(),
                         Writer{.node = index, .proc = job.proc, .told = true});
  }
  for (const auto& [name, place] : job.output_remaps) {
    writers_.try_emplace((job.initial_dir / place).lexically_normal().string(),
                         Writer{.node = index, .proc = job.proc, .told = true});
  }
}

void JobChecks::LookAtOutput(NodeIndex index, const Job& job, const Path& file, const SourceLine& where,
                             const std::string& what) {
  if (IsNullDevice(file)) return;
  const Path whole = (job.initial_dir / file).lexically_normal();
  const std::string folder = whole.parent_path().string();
  if (const auto [it, added] = exists_.try_emplace("folder " + what + folder); added) {
    std::error_code ignored;
    // The log is opened when the job is submitted, which comes after its PRE script.
    const bool may_come = what == "log" ? dag_.At(index).pre >= 0 : SomethingRunsBefore(index);
    const Severity severity = may_come ? Severity::kWarning : Severity::kError;
    const std::string says = "the folder '" + Shown(folder) + "' for its " + what + " ";
    if (!fs::exists(folder, ignored)) {
      Say(severity, where, "folder", says + "does not exist: mkdir -p it first" + OfNode(dag_.At(index)));
    } else if (!fs::is_directory(folder, ignored)) {
      Say(Severity::kError, where, "folder", says + "is no folder" + OfNode(dag_.At(index)));
    } else if (::access(folder.c_str(), W_OK | X_OK) != 0) {
      Say(Severity::kError, where, "folder", says + "cannot be written" + OfNode(dag_.At(index)));
    }
  }
  std::error_code ignored;
  if (const fs::file_status status = fs::status(whole, ignored); fs::is_directory(status)) {
    Say(Severity::kError, where, "is folder",
        "its " + what + " '" + Printable(file.string()) + "' is a folder" + OfNode(dag_.At(index)));
  } else if (fs::exists(status) && ::access(whole.c_str(), W_OK) != 0) {
    Say(Severity::kError, where, "not writable",
        "its " + what + " '" + Printable(file.string()) + "' exists and cannot be written" +
            OfNode(dag_.At(index)));
  }
}

void JobChecks::NoteWriter(NodeIndex index, const Job& job, const Path& file, const SourceLine& where) {
  if (IsNullDevice(file) || file.string().starts_with("/dev/")) return;
  const Path whole = (job.initial_dir / file).lexically_normal();
  const auto [it, added] = writers_.try_emplace(whole.string(), Writer{index, job.proc, where});
  Writer& first = it->second;
  if (added) outputs_of_[index].push_back(whole.string());
  if (added || first.told) return;
  first.told = true;
  if (first.node == index) {
    AddWarning(faults_, where,
               "several jobs of node '" + dag_.At(index).name + "' write '" + Printable(file.string()) +
                   "': put $(Process) into its name");
  } else {
    AddWarning(faults_, where,
               "nodes '" + dag_.At(first.node).name + "' and '" + dag_.At(index).name + "' both write '" +
                   Printable(file.string()) + "'");
  }
}

/// `other` comes to the same jobs as `first`, and so to the same output files.
void JobChecks::TellSharedOutputs(NodeIndex first, NodeIndex other) {
  const auto outputs = outputs_of_.extract(first);
  if (outputs.empty()) return;
  for (const std::string& file : outputs.mapped()) {
    Writer& writer = writers_.at(file);
    if (std::exchange(writer.told, true)) continue;
    AddWarning(faults_, writer.where,
               "nodes '" + dag_.At(first).name + "' and '" + dag_.At(other).name + "' both write '" +
                   Printable(file) + "'");
  }
}

/// Another node may make it.
void JobChecks::JudgeMissing(const MissingInput& missing) {
  if (const auto it = writers_.find(missing.file.string()); it != writers_.end()) {
    if (it->second.node != missing.node && SomethingRunsBefore(missing.node)) return;
  }
  const bool may_be_made = SomethingRunsBefore(missing.node) || !missing.needed;
  const bool program = missing.what.starts_with("the executable");
  const bool error = !may_be_made || (program && dag_.At(missing.node).pre < 0);
  Say(error ? Severity::kError : Severity::kWarning, missing.where, program ? "no program" : "no input",
      missing.what + OfNode(dag_.At(missing.node)) +
          (error || !missing.needed ? "" : ": is it made by what runs before?"));
}

}  // namespace roost::dag

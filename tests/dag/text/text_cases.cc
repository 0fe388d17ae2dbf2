#include "dag/text/text_cases.h"

#include <csignal>
#include <cstdlib>
#include <sstream>

#include <gtest/gtest.h>

#include "roost/base/text.h"
#include "support/support.h"

namespace roost::test {
namespace {

std::string DescribeScript(const dag::Script& script) {
  std::string text;
  for (const std::string& word : script.words) text.append(" [").append(word).append("]");
  if (script.defer_status) {
    text += " defer " + std::to_string(*script.defer_status) + " " + std::to_string(script.defer_seconds);
  }
  if (!script.debug_file.empty()) {
    text +=
        " debug " + script.debug_file.string() + " " + std::to_string(static_cast<int>(script.debug_output));
  }
  return text;
}

std::string KindOf(const dag::Node& node) {
  switch (node.kind) {
    case dag::NodeKind::kJob:
      return "node ";
    case dag::NodeKind::kSubdag:
      return "subdag ";
    case dag::NodeKind::kFinal:
      return "final ";
    case dag::NodeKind::kProvisioner:
      return "provisioner ";
    case dag::NodeKind::kService:
      return "service ";
  }
  return "?";
}

/// Inline descriptions are called what DAGMan's own dump of a DAG calls them.
std::string NameOf(const dag::SubmitSource& submit) {
  return submit.text && submit.file == submit.where.file ? "submitDesc" : submit.file;
}

std::string DescribeNode(const dag::Dag& dag, const dag::Node& node) {
  std::ostringstream out;
  out << KindOf(node) << node.name << " " << NameOf(dag.Submit(node));
  if (!dag.Directory(node).empty()) out << " dir=" << dag.Directory(node).string();
  if (node.noop) out << " noop";
  if (node.done) out << " done";
  if (node.retries > 0) out << " retries=" << node.retries;
  const dag::NodeRules& rules = dag.Rules(node);
  if (rules.unless_exit) out << " unless-exit=" << *rules.unless_exit;
  if (rules.pre_skip) out << " pre-skip=" << *rules.pre_skip;
  if (rules.abort_on) {
    out << " abort-on=" << rules.abort_on->value;
    if (rules.abort_on->return_code) out << " return=" << *rules.abort_on->return_code;
  }
  if (rules.tolerance) {
    out << " tolerance=" << rules.tolerance->count << (rules.tolerance->percent ? "%" : "")
        << (rules.tolerance->fail_fast ? "" : " wait");
  }
  if (rules.save_point) out << " save-point=[" << rules.save_point->string() << "]";
  if (node.priority != 0) out << " priority=" << node.priority;
  if (node.category >= 0)
    out << " category=" << dag.categories.at(static_cast<std::size_t>(node.category)).name;
  out << "\n";
  if (const auto* pre = dag.Pre(node)) out << "  pre" << DescribeScript(*pre) << "\n";
  if (const auto* post = dag.Post(node)) out << "  post" << DescribeScript(*post) << "\n";
  if (const auto* hold = dag.Hold(node)) out << "  hold" << DescribeScript(*hold) << "\n";
  for (const dag::Var& var : node.vars) {
    out << "  " << (var.append ? "append " : "") << var.name << "=[" << var.value << "]\n";
  }
  return out.str();
}

/// What is set on the run, not on nodes, and the descriptions: a DAG that DAGMan dumped has less of it.
std::string DescribeRun(const dag::Dag& dag) {
  std::ostringstream out;
  if (dag.dot) {
    out << "output dot " << dag.dot->file.string() << (dag.dot->update ? " update" : "")
        << (dag.dot->overwrite ? "" : " dont-overwrite");
    if (!dag.dot->include.empty()) out << " include=" << dag.dot->include.string();
    out << "\n";
  }
  if (dag.node_status_file) {
    out << "output status " << dag.node_status_file->file.string() << " " << dag.node_status_file->min_seconds
        << (dag.node_status_file->always_update ? " always" : "") << "\n";
  }
  if (!dag.jobstate_log.empty()) out << "output jobstate " << dag.jobstate_log.string() << "\n";
  for (const dag::SubmitSource& submit : dag.submits) {
    if (!submit.text) continue;
    for (const std::string& line : Split(*submit.text, '\n')) {
      out << "description " << NameOf(submit) << " " << submit.where.file << ":" << submit.where.line << " ["
          << Trim(line) << "]\n";
    }
  }
  return out.str();
}

void DescribeFaults(std::ostringstream& out, const dag::Faults& faults) {
  for (const dag::Fault& fault : faults) out << fault.Describe() << "\n";
}

const char* NameOf(dag::TransferFiles transfer) {
  switch (transfer) {
    case dag::TransferFiles::kNo:
      return "no";
    case dag::TransferFiles::kIfNeeded:
      return "if-needed";
    case dag::TransferFiles::kYes:
      return "yes";
  }
  return "?";
}

void DescribePolicy(std::ostringstream& out, const dag::JobPolicy& policy) {
  for (const auto& [name, expr] :
       {std::pair("on_exit_hold", policy.on_exit_hold),
        std::pair("on_exit_hold_reason", policy.on_exit_hold_reason),
        std::pair("on_exit_hold_subcode", policy.on_exit_hold_subcode),
        std::pair("on_exit_remove", policy.on_exit_remove), std::pair("periodic_hold", policy.periodic_hold),
        std::pair("periodic_hold_reason", policy.periodic_hold_reason),
        std::pair("periodic_hold_subcode", policy.periodic_hold_subcode),
        std::pair("periodic_release", policy.periodic_release),
        std::pair("periodic_remove", policy.periodic_remove),
        std::pair("periodic_vacate", policy.periodic_vacate)}) {
    if (expr) out << "  " << name << " = " << expr->text() << "\n";
  }
  if (policy.max_retries) out << "  max_retries " << *policy.max_retries << "\n";
  if (policy.success_exit_code) out << "  success_exit_code " << *policy.success_exit_code << "\n";
  if (policy.allowed_job_duration) {
    out << "  allowed_job_duration " << policy.allowed_job_duration->count() << "\n";
  }
  if (policy.allowed_execute_duration) {
    out << "  allowed_execute_duration " << policy.allowed_execute_duration->count() << "\n";
  }
}

void DescribeSchedule(std::ostringstream& out, const dag::Job& job) {
  const auto number = [&](const char* name, const auto& value) {
    if (value) out << "  " << name << " " << *value << "\n";
  };
  if (job.noop) out << "  noop, " << job.noop->Describe() << "\n";
  if (job.hold) out << "  hold\n";
  if (job.priority != 0) out << "  priority " << job.priority << "\n";
  if (job.deferral) {
    out << "  deferral " << job.deferral->time.text() << " window " << job.deferral->window.count() << "\n";
  }
  if (job.requirements) out << "  requirements = " << job.requirements->text() << "\n";
  number("max_materialize", job.max_materialize);
  number("max_idle", job.max_idle);
  if (job.kill_signal != SIGTERM) out << "  kill_signal " << job.kill_signal << "\n";
  number("remove_kill_signal", job.remove_kill_signal);
  number("hold_kill_signal", job.hold_kill_signal);
  if (job.kill_timeout) out << "  kill_timeout " << job.kill_timeout->count() << "\n";
  number("core_size", job.core_size_bytes);
  number("stack_size", job.stack_size_bytes);
  if (job.skip_if_dataflow) out << "  skip_if_dataflow\n";
  if (job.container) {
    out << (job.container->kind == dag::Container::Kind::kDocker ? "  docker " : "  container ")
        << job.container->image << "\n";
  }
  if (!job.user_notes.empty()) out << "  notes " << job.user_notes << "\n";
  if (job.match_time_macros) out << "  match-time macros\n";
}

}  // namespace

std::string Dump(const dag::DagParse& parse) {
  std::ostringstream out;
  for (const dag::Node& node : parse.dag.nodes) out << DescribeNode(parse.dag, node);
  for (dag::NodeIndex node = 0; node < parse.dag.end(); ++node) {
    for (const dag::Edge& child : parse.dag.children.Of(node)) {
      out << (child.weak != 0 ? "weak " : "edge ") << parse.dag.At(node).name << " "
          << parse.dag.At(child.index()).name << "\n";
    }
  }
  for (const dag::Category& category : parse.dag.categories) {
    if (category.max_jobs) out << "maxjobs " << category.name << " " << *category.max_jobs << "\n";
  }
  out << DescribeRun(parse.dag);
  DescribeFaults(out, parse.faults);
  return out.str();
}

std::string Dump(const dag::Submission& submission, const Path& directory) {
  std::ostringstream out;
  const auto shown = [&](const std::string& text) {
    std::string result = text;
    for (auto at = result.find(directory.string()); at != std::string::npos;
         at = result.find(directory.string())) {
      result.replace(at, directory.string().size(), ".");
    }
    return result;
  };
  const auto list = [&](const char* name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    out << "  " << name;
    for (const std::string& value : values) out << " [" << shown(value) << "]";
    out << "\n";
  };
  const auto path = [&](const char* name, const Path& value) {
    if (!value.empty()) out << "  " << name << " " << shown(value.string()) << "\n";
  };
  for (const dag::Job& job : dag::HasErrors(submission.faults) ? std::vector<dag::Job>() : submission.jobs) {
    out << "job " << job.cluster << "." << job.proc << " " << job.node << "\n";
    path("executable", job.executable);
    list("arguments", job.arguments);
    list("environment", job.environment);
    if (job.initial_dir != directory) path("initialdir", job.initial_dir);
    path("input", job.input);
    path("output", job.output);
    path("error", job.error);
    path("log", job.log);
    if (job.local) out << "  local\n";
    if (job.request.cpus != 1) out << "  cpus " << job.request.cpus << "\n";
    if (job.request.memory_mb) out << "  memory_mb " << *job.request.memory_mb << "\n";
    if (job.request.disk_kb) out << "  disk_kb " << *job.request.disk_kb << "\n";
    if (job.request.gpus != 0) out << "  gpus " << job.request.gpus << "\n";
    if (job.transfer != dag::TransferFiles::kIfNeeded) out << "  transfer " << NameOf(job.transfer) << "\n";
    if (!job.transfer_executable) out << "  transfer no executable\n";
    list("transfer_input", job.transfer_input);
    if (job.transfer_output_when != dag::TransferOutput::kOnExit) {
      out << "  transfer_output "
          << (job.transfer_output_when == dag::TransferOutput::kNever ? "never" : "on success") << "\n";
    }
    if (job.transfer_output && job.transfer_output->empty()) out << "  transfer_output nothing\n";
    if (job.transfer_output) list("transfer_output", *job.transfer_output);
    if (!job.transfer_stdin) out << "  transfer no stdin\n";
    if (!job.transfer_stdout) out << "  transfer no stdout\n";
    if (!job.transfer_stderr) out << "  transfer no stderr\n";
    for (const auto& [name, place] : job.output_remaps) out << "  remap [" << name << "] [" << place << "]\n";
    if (job.preserve_relative_paths) out << "  preserve_relative_paths\n";
    for (const auto& [tag, amount] : job.request.custom) out << "  request " << tag << " " << amount << "\n";
    for (const auto& [name, expr] : job.request_expressions)
      out << "  " << name << " = " << expr.text() << "\n";
    DescribeSchedule(out, job);
    DescribePolicy(out, job.policy);
    for (const auto& [name, value] : job.attributes) out << "  +" << name << " = " << value << "\n";
  }
  std::ostringstream faults;
  DescribeFaults(faults, submission.faults);
  out << shown(faults.str());
  return out.str();
}

void ExpectLikeCase(const Path& input, const std::string& actual) {
  Path expect = input;
  expect.replace_extension(".expect");
  if (std::getenv("ROOST_UPDATE_CASES") != nullptr) {
    WriteFile(expect, actual);
    return;
  }
  EXPECT_EQ(ReadText(expect), actual) << "for " << input;
}

}  // namespace roost::test

#include "dag/run/expand.h"

#include <set>

#include "dag/report/json.h"
#include "dag/run/submit_context.h"
#include "dag/text/suggest.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

const char* NameOf(TransferFiles transfer) {
  switch (transfer) {
    case TransferFiles::kNo:
      return "no";
    case TransferFiles::kIfNeeded:
      return "if_needed";
    case TransferFiles::kYes:
      return "yes";
  }
  return "";
}

Path InPlace(const Job& job, const Path& file) {
  return file.empty() ? Path() : (job.initial_dir / file).lexically_normal();
}

struct Named {
  const char* name;
  const std::optional<Expr>& expression;
};

std::vector<Named> ExpressionsOf(const Job& job) {
  const JobPolicy& policy = job.policy;
  return {{"on_exit_hold", policy.on_exit_hold},       {"on_exit_remove", policy.on_exit_remove},
          {"periodic_hold", policy.periodic_hold},     {"periodic_release", policy.periodic_release},
          {"periodic_remove", policy.periodic_remove}, {"periodic_vacate", policy.periodic_vacate},
          {"requirements", job.requirements}};
}

std::string CommandOf(const Job& job) {
  std::string command = ShellQuoted(job.executable.string());
  for (const std::string& argument : job.arguments) command += " " + ShellQuoted(argument);
  return command;
}

/// A line for each thing that is there.
class Lines {
 public:
  void Add(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    constexpr std::size_t kNameWidth = 13;
    text_.append("    ").append(name);
    text_.append(name.size() < kNameWidth ? kNameWidth - name.size() : 1, ' ');
    text_.append(Printable(value)).append("\n");
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string ResourcesOf(const Resources& request) {
  std::string text = std::to_string(request.cpus) + (request.cpus == 1 ? " CPU" : " CPUs");
  if (request.memory_mb) text += ", " + std::to_string(*request.memory_mb) + " MB of memory";
  if (request.disk_kb) text += ", " + std::to_string(*request.disk_kb) + " kB of disk";
  if (request.gpus > 0) text += ", " + std::to_string(request.gpus) + (request.gpus == 1 ? " GPU" : " GPUs");
  for (const auto& [name, count] : request.custom) text += ", " + std::to_string(count) + " " + name;
  return text;
}

std::string TextOf(const Job& job) {
  Lines lines;
  lines.Add("command", CommandOf(job));
  lines.Add("in", job.initial_dir.string());
  lines.Add("input", InPlace(job, job.input).string());
  lines.Add("output", InPlace(job, job.output).string());
  lines.Add("error", InPlace(job, job.error).string());
  lines.Add("log", InPlace(job, job.log).string());
  for (const std::string& variable : job.environment) lines.Add("environment", variable);
  lines.Add("asks for", ResourcesOf(job.request));
  if (job.transfer == TransferFiles::kYes) {
    lines.Add("runs in", "a scratch folder of its own");
    lines.Add("brings in", Join(job.transfer_input, ", "));
    lines.Add("brings out", job.transfer_output ? Join(*job.transfer_output, ", ") : "every new file");
  }
  for (const auto& [from, to] : job.output_remaps) lines.Add("renames", Join({from, to}, " to "));
  for (const auto& [name, value] : job.attributes) lines.Add("attribute", Join({name, value}, " = "));
  for (const auto& [name, expression] : ExpressionsOf(job)) {
    if (expression) lines.Add(name, expression->text());
  }
  if (job.priority != 0) lines.Add("priority", std::to_string(job.priority));
  if (job.hold) lines.Add("begins", "on hold");
  if (job.local) lines.Add("universe", "local");
  if (job.container) lines.Add("image", job.container->image);
  if (job.match_time_macros) lines.Add("note", "$$(...) is replaced when it is known where it runs");
  return lines.Take();
}

void AddList(JsonText& json, const char* key, const std::vector<std::string>& values) {
  json.Key(key).Begin('[');
  for (const std::string& value : values) json.String(value);
  json.End(']');
}

void AddJob(JsonText& json, const Job& job) {
  json.Begin('{').Key("proc").Number(job.proc).Key("executable").String(job.executable.string());
  AddList(json, "arguments", job.arguments);
  AddList(json, "environment", job.environment);
  json.Key("initial_dir").String(job.initial_dir.string());
  json.Key("input").String(InPlace(job, job.input).string());
  json.Key("output").String(InPlace(job, job.output).string());
  json.Key("error").String(InPlace(job, job.error).string());
  json.Key("log").String(InPlace(job, job.log).string());
  json.Key("request_cpus").Number(job.request.cpus).Key("request_gpus").Number(job.request.gpus);
  if (job.request.memory_mb) json.Key("request_memory_mb").Number(*job.request.memory_mb);
  if (job.request.disk_kb) json.Key("request_disk_kb").Number(*job.request.disk_kb);
  json.Key("should_transfer_files").String(NameOf(job.transfer));
  AddList(json, "transfer_input_files", job.transfer_input);
  if (job.transfer_output) AddList(json, "transfer_output_files", *job.transfer_output);
  json.Key("attributes").Begin('{');
  for (const auto& [name, value] : job.attributes) json.Key(name).String(value);
  json.End('}').Key("policy").Begin('{');
  for (const auto& [name, expression] : ExpressionsOf(job)) {
    if (expression) json.Key(name).String(expression->text());
  }
  json.End('}').Key("priority").Number(job.priority).Key("hold").Bool(job.hold).End('}');
}

/// "NAME=value" for env(1): the names are those of the submit file, and need no quotes of their own.
std::string EnvironmentOf(const Job& job, bool scratch) {
  std::string words = " PATH=\"$PATH\" HOME=\"${HOME-}\" USER=\"${USER-}\" LOGNAME=\"${LOGNAME-}\"";
  words += " OMP_NUM_THREADS=" + std::to_string(job.request.cpus);
  words += " TMPDIR=\"$scratch\" _CONDOR_SCRATCH_DIR=\"$scratch\" _CONDOR_JOB_IWD=" +
           ShellQuoted(job.initial_dir.string());
  words += " DAGRUN_JOB_KEY=" + ShellQuoted(job.node + "/" + std::to_string(job.proc));
  for (const std::string& variable : job.environment) words += " \\\n    " + ShellQuoted(variable);
  return words + (scratch ? " \\\n    ./" + ShellQuoted(job.executable.filename().string())
                          : " \\\n    " + ShellQuoted(job.executable.string()));
}

std::string StreamsOf(const Job& job) {
  const auto place = [&](const Path& file) {
    return file.empty() ? std::string("/dev/null") : ShellQuoted(InPlace(job, file).string());
  };
  std::string words = " <" + place(job.input) + " >" + place(job.output);
  return words + (job.error == job.output && !job.error.empty() ? " 2>&1" : " 2>" + place(job.error));
}

/// Into the scratch folder, which is the working directory; `./` since a name may begin with a dash.
std::string BringIn(const Job& job) {
  std::string text;
  const std::string program = ShellQuoted("./" + job.executable.filename().string());
  if (job.transfer_executable) {
    text +=
        "  cp -- " + ShellQuoted(job.executable.string()) + " " + program + " && chmod +x " + program + "\n";
  }
  for (const std::string& name : job.transfer_input) {
    const std::string from = (job.initial_dir / name).string();
    text += "  cp -R -- " + ShellQuoted(name.ends_with('/') ? from + "." : from) + " ./\n";
  }
  return text;
}

std::string BringOut(const Job& job) {
  const std::string home = ShellQuoted(job.initial_dir.string());
  std::string text;
  if (job.transfer_output) {
    for (const std::string& name : *job.transfer_output) {
      text += "  cp -R -- ./" + ShellQuoted(name) + " " + home + "/ || status=73\n";
    }
    return text;
  }
  text += "  for file in *; do\n    case $file in ";
  std::vector<std::string> brought;
  if (job.transfer_executable) brought.push_back(job.executable.filename().string());
  for (const std::string& name : job.transfer_input) brought.push_back(Path(name).filename().string());
  for (const std::string& name : brought) {
    if (!name.empty()) text += ShellQuoted(name) + ") ;; ";
  }
  return text + "*) if [ -f \"$file\" ]; then cp -- \"$file\" " + home +
         "/ || status=73; fi ;; esac\n  done\n";
}

std::string ShellOf(const Job& job) {
  const bool scratch = job.transfer == TransferFiles::kYes;
  std::string text = "# job " + std::to_string(job.proc) + "\n(\n";
  text += "  scratch=$(mktemp -d) || exit 73\n  trap 'rm -rf \"$scratch\"' EXIT\n  status=0\n";
  if (job.match_time_macros) text += "  # $$(...) below is replaced by a run when it knows the machine\n";
  if (scratch) {
    text += "  cd \"$scratch\" || exit 73\n" + BringIn(job);
  } else {
    text += "  cd " + ShellQuoted(job.initial_dir.string()) + " || exit 66\n";
  }
  text += "  env -i" + EnvironmentOf(job, scratch && job.transfer_executable);
  for (const std::string& argument : job.arguments) text += " " + ShellQuoted(argument);
  text += StreamsOf(job) + " || status=$?\n";
  if (scratch) text += BringOut(job);
  return text + "  exit $status\n) || failed=$?\n";
}

bool HasJobs(const Node& node) { return !node.noop && node.kind != NodeKind::kSubdag; }

/// All nodes in an order in which they could run: parents first, else as in the file; FINAL at the end. Those
/// of a cycle, which never run, are left out.
std::vector<NodeIndex> ParentsFirst(const Dag& dag) {
  std::vector<std::size_t> waiting_for(dag.nodes.size());
  std::set<NodeIndex> ready;  // the first of the file comes first
  for (NodeIndex node = 0; node < dag.end(); ++node) {
    waiting_for[static_cast<std::size_t>(node)] = dag.parents.Of(node).size();
    if (dag.parents.Of(node).empty() && node != dag.final_node) ready.insert(node);
  }
  std::vector<NodeIndex> order;
  while (!ready.empty()) {
    const NodeIndex node = ready.extract(ready.begin()).value();
    order.push_back(node);
    for (const Edge& child : dag.children.Of(node)) {
      if (--waiting_for[static_cast<std::size_t>(child.index())] == 0) ready.insert(child.index());
    }
  }
  if (dag.final_node >= 0) order.push_back(dag.final_node);
  return order;
}

}  // namespace

Submission JobsOf(const Dag& dag, NodeIndex node, int cluster, int retry,
                  const std::vector<std::string>& environment) {
  return ExpandNode(dag, dag.At(node),
                    {.cluster = cluster,
                     .retry = retry,
                     .time = SystemClock().WallNow(),
                     .environment = environment,
                     .folders_may_come = true});
}

std::vector<NodeIndex> ChooseNodes(const Dag& dag, const std::vector<std::string>& names) {
  std::vector<NodeIndex> chosen;
  for (const std::string& name : names) {
    const NodeIndex node = dag.Find(name);
    if (node < 0) {
      Suggestion suggestion(name);
      for (const Node& known : dag.nodes) suggestion.Offer(known.name);
      throw Error("there is no node '" + name + "'" + suggestion.Text(), ExitCode::kUsage);
    }
    if (!HasJobs(dag.At(node))) {
      throw Error("node '" + name + "' has no jobs of its own: it is " +
                      (dag.At(node).noop ? "a NOOP" : "the nested DAG " + dag.Submit(dag.At(node)).file),
                  ExitCode::kUsage);
    }
    chosen.push_back(node);
  }
  if (!names.empty()) return chosen;
  chosen = ParentsFirst(dag);
  std::erase_if(chosen, [&](NodeIndex node) { return !HasJobs(dag.At(node)); });
  return chosen;
}

std::string FormatExpandText(const Dag& dag, const ExpandedNode& expanded) {
  const Node& node = dag.At(expanded.node);
  const std::size_t count = expanded.submission.jobs.size();
  std::string text = "node " + node.name + " (" + (dag.Directory(node) / dag.Submit(node).file).string() +
                     "): " + std::to_string(count) + (count == 1 ? " job\n" : " jobs\n");
  for (const Job& job : expanded.submission.jobs) {
    text += "  job " + std::to_string(job.proc) + "\n" + TextOf(job);
  }
  return text;
}

std::string FormatExpandJson(const Dag& dag, const ExpandedNode& expanded) {
  const Node& node = dag.At(expanded.node);
  JsonText json;
  json.Begin('{').Key("node").String(node.name);
  json.Key("submit").String((dag.Directory(node) / dag.Submit(node).file).string());
  json.Key("retries").Number(node.retries).Key("jobs").Begin('[');
  for (const Job& job : expanded.submission.jobs) AddJob(json, job);
  json.End(']').End('}');
  return json.Take();
}

std::string ShellPrologue() {
  return "#!/bin/sh\n# Runs jobs of a DAG by hand, one after the other.\nfailed=0\n";
}

std::string FormatExpandShell(const Dag& dag, const ExpandedNode& expanded) {
  const std::string name = Printable(dag.At(expanded.node).name);
  std::string text = "\n# node " + name + "\n";
  for (const Job& job : expanded.submission.jobs) text += ShellOf(job);
  return text;
}

std::string ShellEpilogue() { return "\nexit $failed\n"; }

std::string ShellQuoted(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=,:+@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) return std::string(text);
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace roost::dag

#include <algorithm>
#include <string_view>

#include "fuzz/guard.h"
#include "fuzz/targets.h"
#include "roost/base/files.h"
#include "roost/dag/dag.h"
#include "roost/dag/event_log.h"
#include "roost/dag/submit.h"

namespace roost::fuzz {
namespace {

using namespace dag;  // NOLINT: what is driven below
using Bytes = fuzz::Bytes;

std::string_view AsText(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// What a person reads of `faults` is one line each and says something.
void ExpectReadable(const Faults& faults) {
  for (const Fault& fault : faults) {
    Promise(!fault.message.empty(), "a fault without a message");
    Promise(Printable(fault.Describe()) == fault.Describe(), "not one readable line: " + fault.Describe());
  }
}

/// The files that a DAG file may name, and no others.
DagOptions Options() {
  DagOptions options;
  options.read = [](const Path& path) -> Result<std::string> {
    if (path.filename() == "s.dag") {
      return std::string(
          "JOB X x.sub\nJOB Y y.sub\nPARENT X CHILD Y\nPIN_IN X 1\nPIN_OUT Y 1\nCATEGORY X c\nMAXJOBS c 1\n"
          "RETRY Y 2\n");
    }
    if (path.filename() == "i.dag") return std::string("JOB I i.sub\nVARS I a=\"b\"\n");
    return Error("cannot read '" + path.string() + "'", ExitCode::kNoInput);
  };
  return options;
}

void ExpectConsistent(const Dag& dag) {
  for (NodeIndex i = 0; i < dag.end(); ++i) {
    Promise(dag.Find(dag.At(i).name) == i, "a node is not found by its name");
    for (const Edge& child : dag.children.Of(i)) {
      Promise(child.index() < dag.end(), "an edge leads nowhere");
      const auto parents = dag.parents.Of(child.index());
      Promise(
          std::any_of(parents.begin(), parents.end(),
                      [&](const Edge& parent) { return parent.index() == i && parent.weak == child.weak; }),
          "a child does not know its parent");
    }
  }
  Promise(dag.children.size() == dag.parents.size(), "an edge has one end");
}

/// The rescue file of `dag` with every other node done.
RescueContent HalfDone(const Dag& dag) {
  RescueContent content;
  content.dag_file = "x.dag";
  content.total_nodes = dag.nodes.size();
  content.created_utc = "11/21/2026 00:41:16 UTC";
  bool done = false;
  for (const Node& node : dag.nodes) {
    if (node.kind != NodeKind::kJob && node.kind != NodeKind::kSubdag) continue;
    done = !done;
    if (done) content.done.push_back(node.name);
    for (std::string& line : RescueRetryLines(dag, node)) content.retry_lines.push_back(std::move(line));
  }
  return content;
}

bool HasStatus(const JobEvent& event) {
  return event.type == EventType::kTerminated || event.type == EventType::kPostScriptTerminated;
}

bool Same(const ExitStatus& a, const ExitStatus& b) { return a.signaled == b.signaled && a.value == b.value; }

constexpr std::string_view kSmallDag =
    "JOB A a.sub\nJOB B b.sub\nJOB C c.sub\nRETRY B 3 UNLESS-EXIT 2\nPARENT A CHILD B C\n";

}  // namespace

void ParseDag(Bytes bytes) {
  const DagOptions options = Options();
  DagParse parse = dag::ParseDag(AsText(bytes), "x.dag", options);
  ExpectReadable(parse.faults);
  ExpectConsistent(parse.dag);
  if (HasErrors(parse.faults)) return;
  const Faults faults =
      dag::ApplyRescue(parse.dag, FormatRescue(HalfDone(parse.dag)), "x.dag.rescue001", options);
  Promise(!HasErrors(faults), "it refuses its own rescue file: " + FaultsError(faults).message());
}

void ApplyRescue(Bytes bytes) {
  static const Dag kDag = dag::ParseDag(kSmallDag, "x.dag").dag;
  Dag dag = kDag;
  ExpectReadable(dag::ApplyRescue(dag, AsText(bytes), "x.dag.rescue001", Options()));
  ExpectConsistent(dag);
  Promise(dag.nodes.size() >= kDag.nodes.size(), "a rescue file has removed a node");
}

void ExpandSubmit(Bytes bytes) {
  SubmitContext context;
  context.cluster = 7;
  context.node = "A";
  context.directory = "/nowhere";
  context.before = {{"JOB", "A"}, {"RETRY", "0"}};
  context.after = {{"appended", "$(JOB)"}};
  context.environment = {"HOME=/home/user"};
  context.limits = {.jobs = 100, .reach_outside = false};
  for (const SubmitMethod method : {SubmitMethod::kDirect, SubmitMethod::kCondorSubmit}) {
    context.method = method;
    const Submission submission = dag::ExpandSubmit(AsText(bytes), "x.sub", context);
    ExpectReadable(submission.faults);
    if (HasErrors(submission.faults)) continue;
    Promise(submission.jobs.size() <= context.limits.jobs, "more jobs than allowed");
    for (std::size_t i = 0; i < submission.jobs.size(); ++i) {
      const Job& job = submission.jobs[i];
      Promise(job.proc == static_cast<int>(i) && job.cluster == 7, "a job of a wrong number");
      // A container has a program of its own.
      Promise(job.executable.is_absolute() || job.container, "an executable that is nowhere");
    }
  }
}

void ParseEvents(Bytes bytes) {
  const std::string_view text = AsText(bytes);
  std::vector<JobEvent> events;
  std::string written;
  const std::size_t consumed = dag::ParseEvents(text, [&](const JobEvent& event) {
    events.push_back(event);
    written += FormatEvent(event);
  });
  Promise(consumed <= text.size(), "it read more than there is");
  std::size_t i = 0;
  const std::size_t whole = dag::ParseEvents(written, [&](const JobEvent& event) {
    Promise(i < events.size(), "an event became several:\n" + written);
    const JobEvent& before = events[i++];
    Promise(event.type == before.type && event.id == before.id && event.time == before.time &&
                event.node == before.node && (!HasStatus(event) || Same(event.status, before.status)),
            "it does not read back what it writes:\n" + FormatEvent(before));
  });
  Promise(i == events.size() && whole == written.size(), "an event was lost:\n" + written);
}

}  // namespace roost::fuzz

#include <algorithm>
#include <filesystem>
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

/// The folder that DAG files are read in: the splice and the fragment that they may name are there.
void EnterDagFolder() {
  static const TemporaryDirectory folder("roost-fuzz");
  static const bool entered = [] {
    WriteFileAtomically(folder.path() / "s.dag",
                        "JOB X x.sub\nJOB Y y.sub\nPARENT X CHILD Y\nPIN_IN X 1\n"
                        "PIN_OUT Y 1\nCATEGORY X c\nMAXJOBS c 1\nRETRY Y 2\n")
        .value();
    WriteFileAtomically(folder.path() / "i.dag", "JOB I i.sub\nVARS I a=\"b\"\n").value();
    std::filesystem::current_path(folder.path());
    return true;
  }();
  Promise(entered, "the folder is entered once");
}

void ExpectConsistent(const Dag& dag) {
  const auto has = [](const std::vector<NodeIndex>& list, NodeIndex index) {
    return std::find(list.begin(), list.end(), index) != list.end();
  };
  const auto size = static_cast<NodeIndex>(dag.nodes.size());
  for (NodeIndex i = 0; i < size; ++i) {
    const Node& node = dag.nodes[static_cast<std::size_t>(i)];
    Promise(dag.Find(node.name) == &node, "a node is not found by its name");
    for (const NodeIndex child : node.children) {
      Promise(child >= 0 && child < size, "an edge leads nowhere");
      Promise(has(dag.nodes[static_cast<std::size_t>(child)].parents, i), "a child does not know its parent");
    }
    for (const NodeIndex parent : node.parents) Promise(parent >= 0 && parent < size, "no such parent");
  }
}

/// The rescue file of `dag` with every other node done.
RescueContent HalfDone(const Dag& dag) {
  RescueContent content;
  content.dag_file = "x.dag";
  content.total_nodes = dag.nodes.size();
  content.created_utc = "11/21/2026 00:41:16 UTC";
  bool done = false;
  for (const Node& node : dag.nodes) {
    done = !done;
    if (done) content.done.push_back(node.name);
    for (std::string& line : RescueRetryLines(node)) content.retry_lines.push_back(std::move(line));
  }
  return content;
}

constexpr std::string_view kSmallDag =
    "JOB A a.sub\nJOB B b.sub\nJOB C c.sub\nRETRY B 3 UNLESS-EXIT 2\nPARENT A CHILD B C\n";

}  // namespace

void ParseDag(Bytes bytes) {
  EnterDagFolder();
  DagParse parse = dag::ParseDag(AsText(bytes), "x.dag");
  ExpectReadable(parse.faults);
  ExpectConsistent(parse.dag);
  if (HasErrors(parse.faults)) return;
  const Faults faults = dag::ApplyRescue(parse.dag, FormatRescue(HalfDone(parse.dag)), "x.dag.rescue001");
  Promise(!HasErrors(faults), "it refuses its own rescue file: " + FaultsError(faults).message());
}

void ApplyRescue(Bytes bytes) {
  EnterDagFolder();
  static const Dag kDag = dag::ParseDag(kSmallDag, "x.dag").dag;
  Dag dag = kDag;
  ExpectReadable(dag::ApplyRescue(dag, AsText(bytes), "x.dag.rescue001"));
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
      Promise(job.executable.is_absolute(), "an executable that is nowhere");
    }
  }
}

void ParseEvents(Bytes bytes) {
  const std::string_view text = AsText(bytes);
  std::string written;
  std::size_t events = 0;
  const std::size_t consumed = dag::ParseEvents(text, [&](const JobEvent& event) {
    written += FormatEvent(event);
    ++events;
  });
  Promise(consumed <= text.size(), "it read more than there is");
  std::string again;
  const std::size_t whole = dag::ParseEvents(written, [&](const JobEvent& event) {
    again += FormatEvent(event);
    --events;
  });
  Promise(events == 0, "an event was lost, or became several");
  Promise(whole == written.size() && again == written, "it does not read back what it writes:\n" + written);
}

}  // namespace roost::fuzz

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "dag/text/text_cases.h"
#include "roost/base/text.h"
#include "roost/dag/dag.h"
#include "roost/dag/event_log.h"
#include "roost/dag/submit.h"
#include "support/support.h"

// Compares with what HTCondor 23.9.6 was seen to do.

namespace roost::dag {
namespace {

std::vector<Path> GoldenCases() {
  std::vector<Path> cases;
  for (const auto& entry : std::filesystem::directory_iterator(*test::ReferenceDir() / "golden/htcondor")) {
    if (entry.is_directory()) cases.push_back(entry.path());
  }
  std::sort(cases.begin(), cases.end());
  return cases;
}

std::vector<Path> FilesUnder(const Path& folder, const std::function<bool(const std::string&)>& wanted) {
  std::vector<Path> files;
  if (!std::filesystem::is_directory(folder)) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && wanted(entry.path().filename().string())) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// The DAG of a case, read from the folder that its command was given in.
DagParse ReadCase(const Path& folder) {
  DagOptions options;
  options.read = [folder](const Path& file) { return ReadFile(folder / "input" / file); };
  const auto expected = nlohmann::json::parse(test::ReadText(folder / "expected.json"));
  std::vector<Path> files;
  for (const std::string& word : SplitAny(expected["runs"][0]["command"].get<std::string>(), " ")) {
    if (word.ends_with(".dag")) files.emplace_back(word);
  }
  return ReadDags(files, options);
}

std::set<std::pair<std::string, std::string>> Edges(const Dag& dag) {
  std::set<std::pair<std::string, std::string>> edges;
  for (NodeIndex node = 0; node < dag.end(); ++node) {
    for (const Edge& child : dag.children.Of(node))
      edges.emplace(dag.At(node).name, dag.At(child.index()).name);
  }
  return edges;
}

TEST(GoldenDags, HaveDagmansNodesAndEdges) {
  ROOST_NEEDS_REFERENCE();
  for (const Path& folder : GoldenCases()) {
    SCOPED_TRACE(folder.filename().string());
    const DagParse parse = ReadCase(folder);
    const auto expected = nlohmann::json::parse(test::ReadText(folder / "expected.json"));
    EXPECT_EQ(expected["parses"].get<bool>(), !HasErrors(parse.faults))
        << FaultsError(parse.faults).message();
    if (HasErrors(parse.faults)) continue;

    std::vector<std::string> names;
    for (const Node& node : parse.dag.nodes) names.push_back(node.name);
    EXPECT_EQ(expected["nodes"].get<std::vector<std::string>>(), names);
    std::set<std::pair<std::string, std::string>> edges;
    for (const auto& edge : expected["edges"]) edges.emplace(edge[0], edge[1]);
    EXPECT_EQ(edges, Edges(parse.dag));
  }
}

/// Everything that a node of ours has and the real parser's dump of it shows.
std::string WithoutFileNames(const DagParse& parse) {
  std::string text;
  for (const std::string& line : Split(test::Dump(parse), '\n')) {
    const bool not_dumped = line.starts_with("output ") || line.starts_with("description ");
    if (!not_dumped && line.find("warning:") == std::string::npos) text += line + "\n";
  }
  return text;
}

TEST(GoldenDags, SayWhatDagmansOwnDumpOfThemSays) {
  ROOST_NEEDS_REFERENCE();
  for (const Path& folder : GoldenCases()) {
    SCOPED_TRACE(folder.filename().string());
    if (!std::filesystem::exists(folder / "flat.dag")) continue;  // it does not parse
    const DagParse flat = ReadDag(folder / "flat.dag");
    EXPECT_FALSE(HasErrors(flat.faults)) << FaultsError(flat.faults).message();
    EXPECT_EQ(WithoutFileNames(flat), WithoutFileNames(ReadCase(folder)));
  }
}

TEST(GoldenRescues, AreWrittenByteForByte) {
  ROOST_NEEDS_REFERENCE();
  int compared = 0;
  for (const Path& folder : GoldenCases()) {
    const DagParse parse = ReadCase(folder);
    if (HasErrors(parse.faults)) continue;
    for (const Path& file : FilesUnder(
             folder, [](const std::string& name) { return name.find(".rescue") != std::string::npos; })) {
      SCOPED_TRACE(file.string());
      const std::string text = test::ReadText(file);
      Dag dag = parse.dag;
      EXPECT_TRUE(ApplyRescue(dag, text, file.string()).empty());

      RescueContent content;
      content.dag_file = "x.dag";
      content.total_nodes = dag.nodes.size();
      const auto created = text.find("# Created ") + 10;
      content.created_utc = text.substr(created, text.find('\n', created) - created);
      const auto failed = text.find("#   ", text.find("that failed")) + 4;
      for (const std::string& name : SplitAny(text.substr(failed, text.find("<ENDLIST>") - failed), ",")) {
        content.failed.push_back(name);
      }
      for (const Node& node : dag.nodes) {
        if (node.done) content.done.push_back(node.name);
        const bool given_up = text.find("remaining attempts aborted") != std::string::npos;
        for (std::string& line :
             RescueRetryLines(dag, node, 0, given_up ? dag.Rules(node).unless_exit : std::nullopt)) {
          content.retry_lines.push_back(std::move(line));
        }
      }
      EXPECT_EQ(text, FormatRescue(content));
      ++compared;
    }
  }
  EXPECT_GE(compared, 12);
}

/// The attributes that `condor_submit -dry-run` printed for each job: the first in full, then what differs.
std::vector<std::map<std::string, std::string>> DryRunJobs(const std::string& text) {
  std::vector<std::map<std::string, std::string>> jobs;
  std::map<std::string, std::string> attributes;
  bool any = false;
  for (const std::string& line : Split(text, '\n')) {
    if (line == "." && any) {
      jobs.push_back(attributes);
      continue;
    }
    const auto equals = line.find('=');
    if (equals == std::string::npos || line.find_first_of(" :") < equals) continue;
    std::string value = line.substr(equals + 1);
    if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
    attributes[line.substr(0, equals)] = value;
    any = true;
  }
  return jobs;
}

TEST(GoldenSubmitFiles, MakeTheJobsThatCondorSubmitMakes) {
  ROOST_NEEDS_REFERENCE();
  int compared = 0;
  for (const Path& folder : GoldenCases()) {
    for (const Path& file :
         FilesUnder(folder / "dry-run", [](const std::string& name) { return name.ends_with(".sub.txt"); })) {
      SCOPED_TRACE(file.string());
      const Path home = Path("/home/user") / folder.filename();
      const std::vector<std::map<std::string, std::string>> expected = DryRunJobs(test::ReadText(file));
      SubmitContext context;
      context.cluster = 1;
      context.directory = folder / "input";
      context.method = SubmitMethod::kCondorSubmit;  // condor_submit printed these
      const Submission submission = ReadSubmit(file.filename().stem(), context);
      if (expected.empty()) {
        EXPECT_TRUE(HasErrors(submission.faults));
        continue;
      }
      ASSERT_FALSE(HasErrors(submission.faults)) << FaultsError(submission.faults).message();
      ASSERT_EQ(expected.size(), submission.jobs.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const Job& job = submission.jobs[i];
        const auto attribute = [&](const char* name) {
          const auto it = expected[i].find(name);
          return it == expected[i].end() ? std::string() : it->second;
        };
        const auto there = [&](const Path& path) {
          return (home / path.lexically_relative(context.directory)).lexically_normal().string();
        };
        EXPECT_EQ(attribute("Cmd"), there(job.executable));
        EXPECT_EQ(attribute("Args"), Join(job.arguments, " "));
        EXPECT_EQ(attribute("Environment"), Join(job.environment, " "));
        EXPECT_EQ(attribute("In"), job.input.empty() ? "/dev/null" : job.input.string());
        EXPECT_EQ(attribute("Out"), job.output.string());
        EXPECT_EQ(attribute("Err"), job.error.string());
        const std::string directory = there(job.initial_dir);
        EXPECT_EQ(attribute("Iwd"), directory.ends_with("/.")  ? directory.substr(0, directory.size() - 2)
                                    : directory.ends_with('/') ? directory.substr(0, directory.size() - 1)
                                                               : directory);
        EXPECT_EQ(attribute("UserLog"), there(job.initial_dir / job.log));
        EXPECT_EQ(attribute("JobUniverse"), job.local ? "12" : "5");
        EXPECT_EQ(attribute("RequestCpus"), std::to_string(job.request.cpus));
        EXPECT_EQ(attribute("ShouldTransferFiles"),
                  job.transfer == TransferFiles::kYes ? "YES" : "IF_NEEDED");
        EXPECT_EQ(attribute("TransferInput"), Join(job.transfer_input, ","));
        EXPECT_EQ(attribute("TransferOutput"),
                  Join(job.transfer_output.value_or(std::vector<std::string>()), ","));
        const Ad ad = MakeJobAd(job);
        for (const char* name :
             {"OnExitHold", "OnExitHoldReason", "OnExitRemove", "JobPrio", "RequestCpus",
              "WhenToTransferOutput", "ShouldTransferFiles", "JobUniverse", "ProcId", "In", "MaxHosts"}) {
          const Expr* ours = ad.Find(name);
          const std::string text = ours == nullptr ? "" : ours->text();
          const bool quoted = text.size() >= 2 && text.front() == '"';
          EXPECT_EQ(attribute(name), quoted ? text.substr(1, text.size() - 2) : text) << name;
        }
        ++compared;
      }
    }
  }
  EXPECT_GE(compared, 30);
}

/// Arguments of the jobs that a node of a golden case submits when DAGMan does it.
std::vector<std::string> DirectArguments(const Path& folder, const std::string& submit_file) {
  SubmitContext context;
  context.directory = folder / "input";
  std::vector<std::string> arguments;
  const Submission submission = ReadSubmit(submit_file, context);
  EXPECT_FALSE(HasErrors(submission.faults));
  for (const Job& job : submission.jobs) arguments.push_back(Join(job.arguments, " "));
  return arguments;
}

TEST(GoldenSubmitFiles, QueueWhatDagmansDirectSubmissionWasSeenToQueue) {
  ROOST_NEEDS_REFERENCE();
  const Path folder = *test::ReferenceDir() / "golden/htcondor/queue-forms";
  for (const std::string name : {"n", "in", "inl", "from", "nfrom", "match", "item", "slice"}) {
    SCOPED_TRACE(name);
    std::vector<std::string> seen;  // each job wrote its arguments to a file of its own
    for (int i = 0; std::filesystem::exists(folder / "run1" / (name + "_" + std::to_string(i) + ".out"));
         ++i) {
      seen.emplace_back(Trim(test::ReadText(folder / "run1" / (name + "_" + std::to_string(i) + ".out"))));
    }
    EXPECT_EQ(seen, DirectArguments(folder, name + ".sub"));
  }
  // An empty item file: one job, whose item is empty.
  EXPECT_EQ(std::vector<std::string>{""},
            DirectArguments(*test::ReferenceDir() / "golden/htcondor/seed-pipeline-empty-dirs", "yolo.sub"));
}

/// The records of a log, each with its first line and up to "...".
std::vector<std::string> Records(const std::string& text) {
  std::vector<std::string> records;
  std::size_t at = 0;
  while (true) {
    const auto end = text.find("\n...\n", at);
    if (end == std::string::npos) return records;
    records.push_back(text.substr(at, end + 5 - at));
    at = end + 5;
  }
}

/// Without what we do not know of a job: its share of the processors, what it left on the disk, the size of
/// its address space; and without the row of GPUs that nobody asked for.
std::string WithoutUnknowns(const std::string& record) {
  std::vector<std::string> kept;
  for (const std::string& line : Split(record, '\n')) {
    const auto row_of = [&](const char* label) { return line.starts_with(std::string("\t   ") + label); };
    if (row_of("GPUs") || row_of("TimeSlotBusy") ||
        line.find("Image size of job updated") != std::string::npos)
      continue;
    if (line.starts_with("\tJob terminated of its own accord")) {
      kept.push_back(line.substr(line.find(" with ")));
      continue;
    }
    const bool unknown_usage = row_of("Cpus") || row_of("Disk");
    kept.push_back(unknown_usage ? line.substr(0, 27) + line.substr(35) : line);
  }
  return Join(kept, "\n");
}

TEST(GoldenLogs, AreReadWithoutLosingAnEventAndWrittenInTheSameBytes) {
  ROOST_NEEDS_REFERENCE();
  std::size_t events = 0;
  for (const Path& folder : GoldenCases()) {
    for (const Path& file :
         FilesUnder(folder, [](const std::string& name) { return name.ends_with(".log"); })) {
      if (file.filename() == "jobstate.log") continue;  // another format
      SCOPED_TRACE(file.string());
      for (const std::string& record : Records(test::ReadText(file))) {
        std::vector<JobEvent> parsed;
        EXPECT_EQ(record.size(),
                  ParseEvents(record, [&](const JobEvent& event) { parsed.push_back(event); }));
        ASSERT_EQ(1U, parsed.size()) << record;
        ++events;
        const std::string written = FormatEvent(parsed[0]);
        std::vector<std::string> again;
        ParseEvents(written, [&](const JobEvent& event) { again.push_back(FormatEvent(event)); });
        EXPECT_THAT(again, testing::ElementsAre(written));
        // A real number in the table moves its whole column.
        if (record.find("0.01") != std::string::npos) continue;
        if (record.find("Job terminated by itself at") != std::string::npos) continue;
        EXPECT_EQ(WithoutUnknowns(record), WithoutUnknowns(written));
      }
    }
  }
  EXPECT_GE(events, 1500U);
}

/// By node, what became of each proc of each submitted cluster, in the words of expected.json.
std::map<std::string, std::vector<std::map<std::string, std::string>>> Attempts(const Path& nodes_log) {
  std::map<std::string, std::vector<std::map<std::string, std::string>>> attempts;
  std::map<std::pair<int, int>, std::string> node_of;  // NOOP jobs are told apart by subproc
  ParseEvents(test::ReadText(nodes_log), [&](const JobEvent& event) {
    const std::pair key(event.id.cluster, event.id.subproc);
    if (event.type == EventType::kSubmit) {
      if (node_of.emplace(key, event.node).second) attempts[event.node].emplace_back();
      return;
    }
    if (!node_of.contains(key)) return;  // a POST script without a job, a PRE script that said to skip
    const std::string proc = std::to_string(event.id.proc);
    auto& ends = attempts[node_of[key]].back();
    if (event.type == EventType::kAborted) ends[proc] = "removed";
    if (event.type == EventType::kTerminated) {
      ends[proc] = (event.status.signaled ? "signal " : "exit ") + std::to_string(event.status.value);
    }
  });
  return attempts;
}

TEST(GoldenLogs, SayWhatBecameOfEachAttempt) {
  ROOST_NEEDS_REFERENCE();
  int compared = 0;
  for (const Path& folder : GoldenCases()) {
    const auto expected = nlohmann::json::parse(test::ReadText(folder / "expected.json"));
    for (std::size_t run = 0; run < expected["runs"].size(); ++run) {
      const Path log = folder / ("run" + std::to_string(run + 1)) / "x.dag.nodes.log";
      if (!std::filesystem::exists(log)) continue;  // nothing ran
      SCOPED_TRACE(log.string());
      auto seen = Attempts(log);
      for (const auto& [node, facts] : expected["runs"][run]["nodes"].items()) {
        std::vector<std::map<std::string, std::string>> wanted;
        for (const auto& attempt : facts.value("attempts", nlohmann::json::array())) {
          auto& ends = wanted.emplace_back();
          for (const auto& [proc, end] : attempt.items()) {
            if (end.is_string()) ends[proc] = end;  // "held" and "released" are lists
          }
        }
        EXPECT_EQ(wanted, seen[node]) << node;
        ++compared;
      }
    }
  }
  EXPECT_GE(compared, 150);
}

TEST(GoldenLogs, HaveTheResourceTableOfOurLogs) {
  ROOST_NEEDS_REFERENCE();
  const std::string text =
      test::ReadText(*test::ReferenceDir() / "golden/htcondor/diamond/run1/x.dag.nodes.log");
  JobEvent event;
  event.type = EventType::kTerminated;
  event.request = Resources{.cpus = 1, .memory_mb = 1, .disk_kb = 1, .gpus = 0};
  event.usage.max_rss_kb = 5000;
  const std::string written = FormatEvent(event);
  for (const std::string heading : {"\tPartitionable Resources :    Usage  Request Allocated \n",
                                    "\t   Cpus                 :                 1         1 \n"}) {
    EXPECT_THAT(text, testing::HasSubstr(heading));
    EXPECT_THAT(written, testing::HasSubstr(heading));
  }
}

}  // namespace
}  // namespace roost::dag

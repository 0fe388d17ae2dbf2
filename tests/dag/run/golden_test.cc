// Compares dagrun with what HTCondor's DAGMan did on the same files: golden/htcondor of the reference data.

#include <csignal>
#include <map>
#include <optional>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "roost/base/text.h"
#include "roost/dag/event_log.h"
#include "support/support.h"

namespace roost::dag {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Snapshot = std::map<std::string, std::string>;  // path in the case's folder -> content

/// The cases that dagrun answers like DAGMan so far.
const std::vector<std::string> kCases = {"category-maxjobs",
                                         "chain",
                                         "condor-rm-dagman",
                                         "cycle",
                                         "diamond",
                                         "dir",
                                         "done-noop",
                                         "error-bad-retry",
                                         "error-missing-splice",
                                         "error-missing-submit-file",
                                         "error-unknown-keyword",
                                         "error-unknown-node",
                                         "fan-20",
                                         "independent-failure",
                                         "local-universe",
                                         "many-to-many",
                                         "maxpre",
                                         "multiproc-one-fails",
                                         "post-fails",
                                         "post-rescues-failure",
                                         "pre-fails",
                                         "pre-fails-always-post",
                                         "pre-skip",
                                         "priority-maxjobs1",
                                         "queue-forms",
                                         "rescue-choose",
                                         "rescue-rerun",
                                         "retry-exhausted",
                                         "retry-multi-proc",
                                         "retry-succeeds",
                                         "retry-unless-exit",
                                         "script-all-nodes",
                                         "script-missing",
                                         "scripts-ok",
                                         "seed-pipeline",
                                         "seed-pipeline-empty-dirs",
                                         "seed-pipeline-proc-fails",
                                         "transfer-dirs",
                                         "vars"};

/// Files of HTCondor's submission of DAGMan itself.
bool IsCondorsOwn(const std::string& file) {
  const auto has_ending = [&](const char* ending) { return file.ends_with(ending); };
  return has_ending(".dag.condor.sub") || has_ending(".dag.dagman.log") || has_ending(".dag.lib.out") ||
         has_ending(".dag.lib.err");
}

/// The value of the line `  <name> = <value>;` of a status file: without quotes, or nothing.
std::optional<std::string> StatusValue(const std::string& line, const std::string& name) {
  const std::string start = "  " + name + " = ";
  if (!line.starts_with(start)) return std::nullopt;
  std::string value = line.substr(start.size(), line.rfind(';') - start.size());
  std::erase(value, '"');
  return value;
}

Snapshot Take(const Path& folder) {
  Snapshot snapshot;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    snapshot[entry.path().lexically_relative(folder)] = test::ReadText(entry.path());
  }
  return snapshot;
}

/// What a run did, read from the files it left.
struct Observed {
  struct Attempt {
    int cluster = 0;
    int subproc = 0;
    std::map<std::string, std::string> procs;
  };
  std::map<std::string, std::vector<Attempt>> attempts;
  std::map<std::string, std::vector<int>> post;
  std::vector<std::string> submit_sequence;
  std::map<std::string, std::size_t> first_submit, last_end;  ///< by place in the log
  std::map<std::string, std::string> states;
};

Observed Read(const Path& nodes_log, const Path& status_file) {
  Observed seen;
  std::map<std::pair<int, int>, std::string> node_of;
  std::size_t place = 0;
  if (fs::exists(nodes_log)) {
    ParseEvents(test::ReadText(nodes_log), [&](const JobEvent& event) {
      ++place;
      const std::pair<int, int> key{event.id.cluster, event.id.subproc};
      if (event.type == EventType::kSubmit) {
        auto& attempts = seen.attempts[event.node];
        if (attempts.empty() || attempts.back().cluster != key.first ||
            attempts.back().subproc != key.second) {
          attempts.push_back({key.first, key.second, {}});
          seen.submit_sequence.push_back(event.node);
        }
        attempts.back().procs[std::to_string(event.id.proc)] = "no end";
        node_of[key] = event.node;
        seen.first_submit.emplace(event.node, place);
      }
      if (event.type == EventType::kTerminated || event.type == EventType::kAborted) {
        const std::string& node = node_of[key];
        std::string end = "removed";
        if (event.type == EventType::kTerminated) {
          end = (event.status.signaled ? "signal " : "exit ") + std::to_string(event.status.value);
        }
        EXPECT_EQ(seen.attempts[node].back().procs[std::to_string(event.id.proc)], "no end") << "ended twice";
        seen.attempts[node].back().procs[std::to_string(event.id.proc)] = end;
        seen.last_end[node] = place;
      }
      if (event.type == EventType::kPostScriptTerminated) seen.post[event.node].push_back(event.status.value);
    });
  }
  if (fs::exists(status_file)) {
    const std::map<std::string, std::string> names = {
        {"0", "not-run"}, {"1", "not-run"}, {"5", "done"}, {"6", "failed"}, {"7", "futile"}};
    std::string node;
    for (const std::string& line : Split(test::ReadText(status_file), '\n')) {
      if (const auto name = StatusValue(line, "Node")) node = *name;
      if (const auto status = StatusValue(line, "NodeStatus")) seen.states[node] = names.at(*status);
      if (StatusValue(line, "StatusDetails") == "Was STATUS_SUBMITTED") seen.states[node] = "removed";
    }
  }
  return seen;
}

/// The statements of a rescue file, and of its comments those that carry facts.
std::multiset<std::string> RescueFacts(const std::string& text) {
  std::multiset<std::string> facts;
  for (const std::string& line : Split(text, '\n')) {
    if (!line.empty() && !line.starts_with("# Created")) facts.insert(line);
  }
  return facts;
}

class GoldenCase : public ::testing::TestWithParam<std::string> {
 protected:
  /// Copies the files of the case into `here_`, with their modes and folders.
  json Prepare(const std::string& name) {
    golden_ = *test::ReferenceDir() / "golden" / "htcondor" / name;
    here_ = folder_.path() / name;
    fs::copy(golden_ / "input", here_, fs::copy_options::recursive);
    for (const auto& entry : fs::recursive_directory_iterator(here_)) {
      fs::permissions(entry.path(), fs::perms::owner_write,
                      fs::perm_options::add);  // the reference is read-only
    }
    fs::permissions(here_, fs::perms::owner_write, fs::perm_options::add);
    return json::parse(test::ReadText(golden_ / "expected.json"));
  }

  /// Runs dagrun with the options of the command that HTCondor got, and does to it what was done to DAGMan.
  int RunDagrun(const json& run) {
    std::vector<std::string> words = SplitAny(run.at("command").get<std::string>(), " ");
    EXPECT_EQ(words.front(), "condor_submit_dag");
    words.front() = test::Program("dagrun").string();
    // Six slots, as in the pool that made the cases.
    words.insert(words.begin() + 1, {"--cpus", "6", "--node-status-file", StatusFile().string()});
    ProcessOptions options;
    options.argv = words;
    options.working_directory = here_;
    options.output = folder_.path() / "stdout";
    options.error = folder_.path() / "stderr";
    auto process = Subprocess::Start(options);
    if (!process) {
      ADD_FAILURE() << process.error().message();
      return -1;
    }
    for (const json& action : run.value("while_running", json::array())) {
      const std::string when = action.at("when");
      const auto matches = when.find(" matches ");
      const Path file = here_ / when.substr(0, matches);
      const std::string text =
          when.substr(matches + 9);  // a regular expression, but none of ours uses it as one
      EXPECT_EQ(action.at("do"), "condor_rm {cluster}");
      EXPECT_TRUE(test::WaitUntil(
          [&] { return fs::exists(file) && test::ReadText(file).find(text) != std::string::npos; }));
      process->Signal(SIGUSR1);
    }
    const ExitStatus status = process->Wait();
    EXPECT_FALSE(status.signaled);
    return status.value;
  }

  Path StatusFile() const { return folder_.path() / "node.status"; }

  void Compare(const json& run, const Observed& seen, int number) {
    const json nodes = run.value("nodes", json::object());
    for (const auto& [name, node] : nodes.items()) {
      SCOPED_TRACE("node " + name);
      ASSERT_TRUE(seen.states.contains(name)) << "not in the status file";
      EXPECT_EQ(seen.states.at(name), node.at("state"));
      CompareAttempts(node.value("attempts", json::array()), seen, name);
      const auto post = seen.post.find(name);
      if (node.contains("post")) {
        ASSERT_NE(post, seen.post.end()) << "POST did not run";
        EXPECT_EQ(json(post->second), node.at("post"));
      }
    }
    EXPECT_EQ(seen.states.size(), nodes.size());
    for (const json& edge : run.at("order").at("edges_observed")) {
      const std::string parent = edge[0];
      const std::string child = edge[1];
      SCOPED_TRACE("edge " + parent + " " + child);
      ASSERT_TRUE(seen.last_end.contains(parent) && seen.first_submit.contains(child));
      EXPECT_LT(seen.last_end.at(parent), seen.first_submit.at(child));
    }
    for (const json& rescue : run.at("rescue_written")) {
      const std::string file = rescue;
      ASSERT_TRUE(fs::exists(here_ / file)) << file;
      EXPECT_EQ(RescueFacts(test::ReadText(here_ / file)),
                RescueFacts(test::ReadText(golden_ / ("run" + std::to_string(number)) / file)));
    }
  }

  static void CompareAttempts(const json& expected, const Observed& seen, const std::string& name) {
    const auto it = seen.attempts.find(name);
    const std::size_t count = it == seen.attempts.end() ? 0 : it->second.size();
    ASSERT_EQ(count, expected.size()) << "attempts";
    for (std::size_t i = 0; i < count; ++i) {
      const auto& procs = it->second[i].procs;
      EXPECT_EQ(procs.size(), expected[i].size());
      bool one_failed = false;
      for (const auto& [proc, end] : expected[i].items()) {
        one_failed = one_failed || (end != "exit 0" && end != "removed");
      }
      for (const auto& [proc, end] : expected[i].items()) {
        ASSERT_TRUE(procs.contains(proc));
        // Beside a job that failed, the others are removed unless they were quicker.
        if (one_failed && (end == "removed" || end == "exit 0")) {
          EXPECT_THAT(procs.at(proc), ::testing::AnyOf("removed", "exit 0"));
        } else {
          EXPECT_EQ(procs.at(proc), end);
        }
      }
    }
  }

  void CompareFiles(const json& run, const Snapshot& before, const Snapshot& after) {
    std::set<std::string> expected;
    for (const json& file : run.at("files_new_or_changed")) {
      if (!IsCondorsOwn(file)) expected.insert(file);
    }
    // DAGMan leaves its log and lock files behind even where the DAG does not parse; dagrun says it on
    // stderr.
    if (run.at("nodes").empty())
      std::erase_if(expected, [](const auto& f) { return f.starts_with("x.dag."); });
    std::set<std::string> changed;
    for (const auto& [file, content] : after) {
      const auto it = before.find(file);
      if (it == before.end() || it->second != content) changed.insert(file);
    }
    changed.erase(".dagrun-clusters");  // HTCondor keeps its numbers in the queue
    EXPECT_EQ(changed, expected);
    for (const json& gone : run.value("files_gone", json::array())) {
      EXPECT_FALSE(after.contains(gone)) << gone << " should be gone";
    }
  }

  TemporaryDirectory folder_;
  Path golden_, here_;
};

TEST_P(GoldenCase, EndsAsUnderDagman) {
  ROOST_NEEDS_REFERENCE();
  const json expected = Prepare(GetParam());
  int number = 0;
  for (const json& run : expected.at("runs")) {
    SCOPED_TRACE("run " + std::to_string(++number) + ": " + run.at("command").get<std::string>());
    if (run.contains("before")) {
      ASSERT_TRUE(test::RunCommand({"/bin/sh", "-c", run.at("before")}, here_).status.ok());
    }
    const Snapshot before = Take(here_);
    fs::remove(StatusFile());
    const int exit_code = RunDagrun(run);
    SCOPED_TRACE("stderr:\n" + test::ReadText(folder_.path() / "stderr"));
    // DAGMan's job was removed from the queue before its status could be read: it was 2 (x.dag.dagman.out).
    const int removed = 2;
    EXPECT_EQ(exit_code,
              run.at("dagman_exit_code").is_null() ? removed : run.at("dagman_exit_code").get<int>());
    const Observed seen = Read(here_ / "x.dag.nodes.log", StatusFile());
    Compare(run, seen, number);
    if (GetParam() == "priority-maxjobs1") {
      EXPECT_EQ(json(seen.submit_sequence), run.at("order").at("submit_sequence"));
    }
    CompareFiles(run, before, Take(here_));
  }
}

INSTANTIATE_TEST_SUITE_P(HTCondor, GoldenCase, ::testing::ValuesIn(kCases), [](const auto& instance) {
  std::string name = instance.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace roost::dag

// Compares dagrun with what HTCondor's DAGMan did on the same files: golden/htcondor of the reference data.

#include <map>
#include <optional>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "dag/run/golden_pool.h"
#include "dag/run/observed.h"
#include "roost/base/text.h"
#include "support/support.h"

namespace roost::dag {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::GoldenPool;
using test::Observed;
using Snapshot = std::map<std::string, std::string>;  // path in the case's folder -> content

std::vector<std::string> Cases() {
  std::vector<std::string> names;
  if (!test::ReferenceDir()) return {"none"};
  for (const auto& entry : fs::directory_iterator(*test::ReferenceDir() / "golden" / "htcondor")) {
    if (entry.is_directory()) names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Snapshot Take(const Path& folder) {
  Snapshot snapshot;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    snapshot[entry.path().lexically_relative(folder)] = test::ReadText(entry.path());
  }
  return snapshot;
}

/// `text` from `begin` to the end of its line.
std::string RestOfLine(const std::string& text, std::size_t begin) {
  return text.substr(begin, text.find('\n', begin) - begin);
}

/// The statements of a rescue file, and of its comments those that carry facts.
std::multiset<std::string> RescueFacts(const std::string& text) {
  std::multiset<std::string> facts;
  for (const std::string& line : Split(text, '\n')) {
    if (!line.empty() && !line.starts_with("# Created")) facts.insert(line);
  }
  return facts;
}

/// The last table of a P.dagman.out, in the names of the golden cases.
json LastCounts(const std::string& dagman_out) {
  const auto head = dagman_out.rfind(" Done     Pre ");
  if (head == std::string::npos) return nullptr;
  std::size_t line = dagman_out.find('\n', head) + 1;  // the line of "===",
  line = dagman_out.find('\n', line) + 1;              // and that of the numbers
  std::vector<std::string> numbers = SplitAny(RestOfLine(dagman_out, line), " ");
  const std::vector<std::string> names = {"done",  "pre",     "queued", "post",
                                          "ready", "unready", "failed", "futile"};
  if (numbers.size() < names.size()) return nullptr;
  numbers.erase(numbers.begin(), numbers.end() - static_cast<std::ptrdiff_t>(names.size()));  // date and time
  json counts;
  for (std::size_t i = 0; i < names.size(); ++i) counts[names[i]] = std::stoi(numbers[i]);
  return counts;
}

/// P.metrics without what no two runs share.
json MetricsFacts(const std::string& text) {
  json metrics = json::parse(text);
  for (const char* own : {"client", "version", "start_time", "end_time", "duration", "dagman_id"}) {
    EXPECT_TRUE(metrics.contains(own)) << own;
    metrics.erase(own);
  }
  metrics["parent_dagman_id"] = metrics.value("parent_dagman_id", "?").empty() ? "none" : "one";
  return metrics;
}

/// A status file with its times taken out.
std::string StatusFacts(const std::string& text) {
  std::string facts;
  for (const std::string& line : Split(text, '\n')) {
    const bool time = line.starts_with("  Timestamp = ") || line.starts_with("  EndTime = ");
    facts += (time ? line.substr(0, line.find('=')) : line) + "\n";
  }
  return facts;
}

/// A DOT file with the time in its label taken out.
std::string DotFacts(std::string text) {
  const std::string label = "label=\"DAGMan Job status at ";
  const auto begin = text.find(label);
  if (begin == std::string::npos) return text;
  return text.erase(begin + label.size(), text.find('"', begin + label.size()) - begin - label.size());
}

/// The events of a jobstate.log by node, in their order, without times and job numbers.
std::map<std::string, std::vector<std::string>> JobStates(const std::string& text) {
  std::map<std::string, std::vector<std::string>> events;
  for (const std::string& line : SplitAny(text, "\n")) {
    std::vector<std::string> words = SplitAny(line, " ");
    if (words.size() < 4) {
      events["?"].push_back(line);
      continue;
    }
    for (std::string& word : words) {
      if (word.find_first_not_of("0123456789.") == std::string::npos && word.find('.') != std::string::npos) {
        word = "ID";
      }
    }
    const std::string node = words[1];
    words.erase(words.begin(), words.begin() + 2);
    events[node].push_back(Join(words, " "));
  }
  return events;
}

void CompareAttempts(const json& expected, const Observed& seen, const std::string& name) {
  const auto it = seen.attempts.find(name);
  const std::size_t count = it == seen.attempts.end() ? 0 : it->second.size();
  ASSERT_EQ(count, expected.size()) << "attempts";
  for (std::size_t i = 0; i < count; ++i) {
    const Observed::Attempt& attempt = it->second[i];
    json procs = expected[i];
    EXPECT_EQ(json(attempt.held), procs.value("held", json::array()));
    EXPECT_EQ(json(attempt.released), procs.value("released", json::array()));
    procs.erase("held");
    procs.erase("released");
    EXPECT_EQ(attempt.procs.size(), procs.size());
    const bool one_failed = std::any_of(procs.begin(), procs.end(),
                                        [](const json& end) { return end != "exit 0" && end != "removed"; });
    for (const auto& [proc, end] : procs.items()) {
      ASSERT_TRUE(attempt.procs.contains(proc));
      // Beside a job that failed, the others are removed unless they were quicker.
      if (one_failed && (end == "removed" || end == "exit 0")) {
        EXPECT_THAT(attempt.procs.at(proc), ::testing::AnyOf("removed", "exit 0"));
      } else {
        EXPECT_EQ(attempt.procs.at(proc), end);
      }
    }
  }
}

void CompareNodes(const json& nodes, const Observed& seen) {
  for (const auto& [name, node] : nodes.items()) {
    SCOPED_TRACE("node " + name);
    CompareAttempts(node.value("attempts", json::array()), seen, name);
    // Where it ran without a job, the cases do not say how it ended.
    if (!node.contains("post")) continue;
    ASSERT_TRUE(seen.post.contains(name)) << "POST did not run";
    EXPECT_EQ(json(seen.post.at(name)), node.at("post"));
  }
}

void CompareStates(const json& nodes, const std::map<std::string, std::string>& states) {
  std::map<std::string, std::string> expected;
  for (const auto& [name, node] : nodes.items()) expected[name] = node.at("state");
  EXPECT_EQ(states, expected);
}

void CompareOrder(const json& order, const Observed& seen) {
  for (const json& edge : order.at("edges_observed")) {
    const std::string parent = edge[0];
    const std::string child = edge[1];
    SCOPED_TRACE("edge " + parent + " " + child);
    ASSERT_TRUE(seen.last_end.contains(parent) && seen.first_submit.contains(child));
    EXPECT_LT(seen.last_end.at(parent), seen.first_submit.at(child));
  }
}

class GoldenCase : public ::testing::TestWithParam<std::string> {
 protected:
  /// The end of one DAG of a run, which `dag_file` names: the nested ones have ends of their own.
  static void CompareEnd(const json& run, const Path& dag_file, const Path& reference) {
    const auto text = [&](const char* suffix) {
      const Path file = dag_file.string() + suffix;
      return fs::exists(file) ? test::ReadText(file) : std::string();
    };
    EXPECT_EQ(run.value("counts", json(nullptr)), LastCounts(text(".dagman.out"))) << "counts in dagman.out";
    const std::string metrics = text(".metrics");
    if (!fs::exists(reference)) {
      EXPECT_TRUE(metrics.empty()) << "metrics that DAGMan did not write";
    } else if (metrics.empty()) {
      ADD_FAILURE() << "no metrics";
    } else {
      EXPECT_EQ(MetricsFacts(metrics), MetricsFacts(test::ReadText(reference)));
      EXPECT_EQ(json::parse(metrics).at("DagStatus"), run.at("dag_status").at("id"));
    }
  }

  /// Files that say what happened: those that have a format of their own, compared by what they say.
  static void CompareContents(const GoldenPool& pool, const json& run, const Path& reference) {
    for (const std::string file : run.at("files_new_or_changed")) {
      if (!fs::exists(pool.here() / file)) continue;  // missed below
      SCOPED_TRACE(file);
      const auto ours = [&] { return test::ReadText(pool.here() / file); };
      const auto theirs = [&] { return test::ReadText(reference / file); };
      if (file.find(".rescue") != std::string::npos) {
        EXPECT_EQ(RescueFacts(ours()), RescueFacts(theirs()));
      } else if (file == "node.status") {
        EXPECT_EQ(StatusFacts(ours()), StatusFacts(theirs()));
      } else if (file == "jobstate.log") {
        EXPECT_EQ(JobStates(ours()), JobStates(theirs()));
      } else if (file.starts_with("dag.dot")) {
        EXPECT_EQ(DotFacts(ours()), DotFacts(theirs()));
      }
    }
  }

  static void CompareFiles(const json& run, const Snapshot& before, const Snapshot& after) {
    const auto expected = run.at("files_new_or_changed").get<std::set<std::string>>();
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
};

TEST_P(GoldenCase, EndsAsUnderDagman) {
  ROOST_NEEDS_REFERENCE();
  GoldenPool pool(GetParam());
  int number = 0;
  for (const json& run : pool.expected().at("runs")) {
    SCOPED_TRACE("run " + std::to_string(++number) + ": " + run.at("command").get<std::string>());
    const Path reference = pool.golden() / ("run" + std::to_string(number));
    if (run.contains("before")) {
      ASSERT_TRUE(test::RunCommand({"/bin/sh", "-c", run.at("before")}, pool.here()).status.ok());
    }
    const Snapshot before = Take(pool.here());
    const std::optional<int> exit_code = pool.Run(run);
    SCOPED_TRACE("stderr:\n" + pool.Stderr());
    const json wanted =
        run.at("submit_exit_code") != 0 ? run.at("submit_exit_code") : run.at("dagman_exit_code");
    EXPECT_EQ(exit_code ? json(*exit_code) : json(nullptr), wanted) << "exit status";
    CompareFiles(run, before, Take(pool.here()));
    CompareContents(pool, run, reference);
    if (!run.contains("nodes")) continue;  // refused: DAGMan never ran

    const Observed seen = test::ObserveRun(pool.here() / "x.dag.nodes.log");
    CompareNodes(run.at("nodes"), seen);
    CompareStates(run.at("nodes"), test::NodeStates(pool.status_file()));
    CompareOrder(run.at("order"), seen);
    CompareEnd(run, pool.here() / "x.dag", reference / "x.dag.metrics");
    if (GetParam() == "priority-maxjobs1") {
      EXPECT_EQ(json(seen.submit_sequence), run.at("order").at("submit_sequence"));
    }
    const json nested = run.value("subdags", json::object());
    for (const auto& [file, subdag] : nested.items()) {
      SCOPED_TRACE("nested " + file);
      const Observed inside = test::ObserveRun((pool.here() / file).string() + ".nodes.log");
      CompareNodes(subdag.at("nodes"), inside);
      CompareOrder(subdag.at("order"), inside);
      CompareEnd(subdag, pool.here() / file, (reference / file).string() + ".metrics");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(HTCondor, GoldenCase, ::testing::ValuesIn(Cases()), [](const auto& instance) {
  std::string name = instance.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace roost::dag

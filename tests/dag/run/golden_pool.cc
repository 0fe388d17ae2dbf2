#include "dag/run/golden_pool.h"

#include <csignal>

#include <gtest/gtest.h>

#include "roost/base/text.h"

namespace roost::test {

namespace fs = std::filesystem;
using nlohmann::json;

GoldenPool::GoldenPool(const std::string& name) {
  golden_ = *ReferenceDir() / "golden" / "htcondor" / name;
  here_ = folder_.path() / name;
  fs::copy(golden_ / "input", here_, fs::copy_options::recursive);
  // The reference is read-only.
  fs::permissions(here_, fs::perms::owner_write, fs::perm_options::add);
  for (const auto& entry : fs::recursive_directory_iterator(here_)) {
    fs::permissions(entry.path(), fs::perms::owner_write, fs::perm_options::add);
  }
  expected_ = json::parse(ReadText(golden_ / "expected.json"));
  const bool has_own = ReadText(here_ / "x.dag").find("NODE_STATUS_FILE node.status") != std::string::npos;
  status_file_ = has_own ? here_ / "node.status" : folder_.path() / "node.status";
  fs::create_symlink(Program("dagrun"), folder_.path() / "condor_submit_dag");
}

Subprocess GoldenPool::Start(std::vector<std::string> words) {
  // Six slots, as in the pool that made the cases.
  words.insert(words.begin() + 1, {"--cpus", "6"});
  if (status_file_.parent_path() != here_) {
    words.insert(words.begin() + 1, {"--node-status-file", status_file_.string()});
  }
  ProcessOptions options;
  options.argv = std::move(words);
  options.working_directory = here_;
  options.output = folder_.path() / "stdout";
  options.error = folder_.path() / "stderr";
  return Subprocess::Start(options).value();
}

std::optional<int> GoldenPool::Run(const json& run) {
  fs::remove(status_file_);
  std::vector<std::string> words = SplitAny(run.at("command").get<std::string>(), " ");
  EXPECT_EQ(words.front(), "condor_submit_dag");
  words.front() = folder_.path() / "condor_submit_dag";
  Actions actions = run.value("while_running", Actions());
  const bool refused = run.at("submit_exit_code") != 0;
  while (true) {
    Subprocess dagman = Start(words);
    bool removed = false;
    std::optional<ExitStatus> status;
    EXPECT_TRUE(WaitUntil([&] {
      removed = Act(actions, &dagman) || removed;
      status = dagman.TryWait();
      return status.has_value();
    })) << "it does not end";
    if (!status) {
      dagman.Signal(SIGKILL);
      dagman.Wait();
      return -1;
    }
    EXPECT_FALSE(status->signaled) << status->Describe();
    if (removed) {
      // 2 is that of a DAGMan that was removed; a higher one of a DAGMan that had ended and was to be started
      // again.
      EXPECT_GE(status->value, 2);
      return std::nullopt;
    }
    // In the queue DAGMan leaves with a code from 0 to 2; with another one the schedd starts it again.
    if (refused || status->signaled || status->value <= 2) return status->value;
    if (Act(actions, nullptr)) return std::nullopt;
    words = {Program("dagrun").string(), "x.dag"};
  }
}

bool GoldenPool::Act(Actions& actions, const Subprocess* dagman) {
  bool removed = false;
  while (!actions.empty() && HasCome(actions.front().at("when"))) {
    // What a DAGMan says last of all is for the time after it.
    const bool last_words = actions.front().at("when").get<std::string>().ends_with("EXITING WITH STATUS 10");
    if (last_words && dagman != nullptr) break;
    const std::string what = actions.front().at("do");
    actions.erase(actions.begin());
    if (what == "condor_rm {cluster}") {
      if (dagman != nullptr) dagman->Signal(SIGUSR1);
      removed = true;
    } else if (what == "condor_release -constraint 'JobStatus==5'") {
      const CommandResult released = RunCommand({Program("dagrun").string(), "release", "x.dag"}, here_);
      EXPECT_TRUE(released.status.ok()) << released.err;
    } else if (what == "sleep 3; rm x.dag.halt") {
      // The time was for DAGMan to see the file: it says when it has.
      EXPECT_TRUE(WaitUntil([&] { return HasCome("x.dag.dagman.out matches DAG is halted"); }));
      EXPECT_EQ(ReadText(here_ / "x.dag.nodes.log").find("DAG Node: Y"), std::string::npos)
          << "a node was started in a halted DAG";
      fs::remove(here_ / "x.dag.halt");
    } else {
      EXPECT_EQ(what, "touch x.dag.halt") << "nobody plays this";
      WriteFile(here_ / "x.dag.halt", "");
    }
  }
  return removed;
}

/// "FILE matches PATTERN": the patterns are words with ".*" between them.
bool GoldenPool::HasCome(const std::string& when) const {
  const auto matches = when.find(" matches ");
  const Path file = here_ / when.substr(0, matches);
  if (!fs::exists(file)) return false;
  std::string pattern = when.substr(matches + 9);
  if (pattern.starts_with("(?s)")) pattern.erase(0, 4);
  const std::string text = ReadText(file);
  std::size_t at = 0;
  while (true) {
    const std::string words = pattern.substr(0, pattern.find(".*"));
    at = text.find(words, at);
    if (at == std::string::npos) return false;
    at += words.size();
    if (words.size() == pattern.size()) return true;
    pattern.erase(0, words.size() + 2);
  }
}

}  // namespace roost::test

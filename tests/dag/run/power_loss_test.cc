// The power fails after any write or sync of the journal: what was not synced is gone, and nothing may be
// lost or done twice because of it.

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dag/run/fake_executor.h"
#include "dag/run/scheduler.h"
#include "support/support.h"

namespace roost::dag {
namespace {

using Names = std::set<std::string>;

/// A run so far: what the disk would hold if the power failed now, and which nodes' jobs had started.
struct Instant {
  std::string on_disk;
  Names started;
};

/// A nodes log in memory that notes every instant of its life.
class Disk final : public JournalFile {
 public:
  Disk(std::string content, std::vector<Instant>& instants)
      : written_(std::move(content)), synced_(written_.size()), instants_(instants) {}

  Result<void> Append(std::string_view bytes) override {
    written_ += bytes;
    return Note();
  }
  Result<void> Sync() override {
    synced_ = written_.size();
    return Note();
  }
  void NodeStarted(const std::string& name) {
    started_.insert(name);
    Note().value();
  }

 private:
  Result<void> Note() {
    instants_.push_back({written_.substr(0, synced_), started_});
    return {};
  }

  std::string written_;
  std::size_t synced_;
  Names started_;
  std::vector<Instant>& instants_;
};

class SilentReporter final : public Reporter {
 public:
  void Started(const std::string&, const NodeCounts&, const std::string&) override {}
  void Warning(const std::string&) override {}
  void NodeDone(const std::string&, const Progress&) override {}
  void NodeRetried(const NodeFailure&, const Progress&) override {}
  void NodeFailed(const NodeFailure&, const Progress&) override {}
  void Status(const Progress&) override {}
  void Stopping(const std::string&) override {}
  void Ended(const RunEnd&) override {}
};

class PowerLossTest : public ::testing::Test {
 protected:
  void SetUp() override {
    test::WriteFile(folder_.path() / "one.sub", "executable = /bin/true\nqueue\n");
    test::WriteFile(folder_.path() / "three.sub", "executable = /bin/true\nqueue 3\n");
    DagParse parse = ParseDag(
        "JOB A one.sub\nJOB B three.sub\nJOB C one.sub\nJOB D one.sub\nJOB E one.sub NOOP\nJOB F one.sub\n"
        "PARENT A CHILD B C\nPARENT B C CHILD D\nPARENT D CHILD E\nPARENT E CHILD F\n"
        "RETRY C 2\nSCRIPT PRE D /bin/true\nSCRIPT POST B /bin/true\n",
        "x.dag");
    ASSERT_FALSE(HasErrors(parse.faults)) << FaultsError(parse.faults).message();
    dag_ = std::move(parse.dag);
    dag_.directories[0] = folder_.path();
  }

  /// Runs what `log` leaves to do. C fails once in each run.
  RunEnd Run(const std::string& log, std::vector<Instant>& instants) {
    Plan plan(dag_, {});
    const Recovered recovered = Recover(log, plan);
    Children children;
    FakeExecutor executor(children);
    executor.WillExit("C", {1});
    auto file = std::make_unique<Disk>(log.substr(0, recovered.bytes), instants);
    executor.when_handed_over = [disk = file.get()](const Job& job) { disk->NodeStarted(job.node); };
    Journal journal(std::move(file));
    JobQueue queue(executor, clock_, {.submit_host = "<dagrun:test>"});
    ScriptRunner scripts(children, {});
    Scheduler scheduler({.plan = plan,
                         .queue = queue,
                         .scripts = scripts,
                         .journal = journal,
                         .reporter = reporter_,
                         .clock = clock_,
                         .log = MakeNullLogger(),
                         .pending_signal = [] { return 0; },
                         .next_cluster = [this] { return ++last_cluster_; }},
                        {.dag_file = folder_.path() / "x.dag"});
    scheduler.Resume(recovered);
    return scheduler.Run();
  }

  Names DoneIn(const std::string& log) const {
    Plan plan(dag_, {});
    Recover(log, plan);
    Names done;
    for (NodeIndex node = 0; node < dag_.end(); ++node) {
      if (plan.state(node) == NodeState::kDone) done.insert(dag_.At(node).name);
    }
    return done;
  }

  /// Nothing had been started because of what was not on disk yet.
  void ExpectCausesOnDisk(const Instant& instant, const Names& done) const {
    for (const std::string& name : instant.started) {
      for (const Edge& parent : dag_.parents.Of(dag_.Find(name))) {
        EXPECT_TRUE(done.contains(dag_.At(parent.index()).name)) << name << " was started too early";
      }
    }
  }

  Dag dag_;
  TemporaryDirectory folder_;
  SilentReporter reporter_;
  test::FakeClock clock_;
  int last_cluster_ = 10;
};

TEST_F(PowerLossTest, AtAnyInstantTheRestIsRunAndNothingThatWasSyncedAgain) {
  std::vector<Instant> instants;
  ASSERT_EQ(Run("", instants).exit_code, 0);
  ASSERT_GT(instants.size(), 20U);
  const Names with_jobs = {"A", "B", "C", "D", "F"};
  for (const Instant& instant : instants) {
    SCOPED_TRACE("on disk:\n" + instant.on_disk);
    const Names done = DoneIn(instant.on_disk);
    ExpectCausesOnDisk(instant, done);

    std::vector<Instant> rest;
    EXPECT_EQ(Run(instant.on_disk, rest).exit_code, 0);
    Names expected;
    for (const std::string& name : with_jobs) {
      if (!done.contains(name)) expected.insert(name);
    }
    // B may have been left with only its POST script to run.
    Names started = rest.empty() ? Names() : rest.back().started;
    if (!started.contains("B")) expected.erase("B");
    EXPECT_EQ(started, expected);
    const std::string& end = rest.empty() ? instant.on_disk : rest.back().on_disk;
    EXPECT_EQ(DoneIn(end).size(), dag_.nodes.size()) << "the journal does not say so at the end";
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace roost::dag

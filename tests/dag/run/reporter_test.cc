#include <cstdlib>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dag/report/terminal_reporter.h"

namespace roost::dag {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// What a reporter with these options writes during `say`.
std::string Written(TerminalReporter::Options options, const std::function<void(Reporter&)>& say) {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* stream = ::open_memstream(&text, &size);
  TerminalReporter reporter(stream, options);
  say(reporter);
  std::fclose(stream);
  std::string written(text, size);
  std::free(text);
  return written;
}

Progress ThreeNodes(int done) {
  Progress progress{.running_jobs = 1, .running_nodes = {"B"}};
  progress.counts[NodeState::kDone] = done;
  progress.counts[NodeState::kQueued] = 3 - done;
  return progress;
}

RunEnd FailedEnd() {
  RunEnd end{.status = RunEnd::Status::kNodeFailed, .exit_code = 1};
  end.counts[NodeState::kDone] = 1;
  end.counts[NodeState::kFailed] = 1;
  end.counts[NodeState::kFutile] = 1;
  end.failures = {{.node = "B",
                   .attempt = 1,
                   .retries = 1,
                   .what = "job 12.0: exit code 3",
                   .procs = {{.id = "12.0",
                              .what = "exit code 3",
                              .output = "/w/b.out",
                              .error = "/w/b.err",
                              .error_tail = "first\nlast"}}}};
  end.rescue_file = "x.dag.rescue001";
  end.diagnostics = "x.dag.dagman.out";
  end.rerun = "dagrun x.dag";
  return end;
}

TEST(TerminalReporter, InAPipeSaysALineWhenSomethingEndsAndNoControlCharacters) {
  const std::string text = Written({}, [](Reporter& reporter) {
    reporter.Status(ThreeNodes(0));
    reporter.NodeDone("A", ThreeNodes(1));
    reporter.Status(ThreeNodes(1));
  });
  EXPECT_EQ(text, "[1/3] A done\n");
}

TEST(TerminalReporter, OnATerminalRedrawsInPlaceAndKeepsWithinTheWidth) {
  const TerminalReporter::Options options{.terminal = {.interactive = true, .color = false, .columns = 30}};
  const std::string text = Written(options, [](Reporter& reporter) {
    reporter.Status(ThreeNodes(0));
    reporter.Status(ThreeNodes(0));
    reporter.NodeDone("A", ThreeNodes(1));
    reporter.Warning("look");
  });
  EXPECT_EQ(text, "0/3 done, 1 running  0.0s\n  B\r\033[1A\033[Jwarning: look\n");
}

TEST(TerminalReporter, CutsNoCharacterInTwoAndCountsWideOnesTwice) {
  const TerminalReporter::Options options{.terminal = {.interactive = true, .color = false, .columns = 22}};
  Progress progress = ThreeNodes(0);
  progress.running_nodes = {
      "\xE7\x8A\xAC\xE7\x8A\xAC\xE7\x8A\xAC\xE7\x8A\xAC-\xC3\xA4\xC3\xB6\xC3\xBC-"
      "\xE7\x8A\xAC\xE7\x8A\xAC\xE7\x8A\xAC\xE7\x8A\xAC"};
  const std::string text = Written(options, [&](Reporter& reporter) { reporter.Status(progress); });
  EXPECT_THAT(text, ::testing::EndsWith("\n  \xE7\x8A\xAC\xE7\x8A\xAC\xE7\x8A\xAC\xE7\x8A\xAC-\xC3\xA4\xC3"
                                        "\xB6\xC3\xBC-\xE7\x8A\xAC\xE7\x8A\xAC\xE7\x8A\xAC"))
      << text;
}

TEST(TerminalReporter, ShowsABarWhereThereIsRoom) {
  const TerminalReporter::Options options{.terminal = {.interactive = true, .color = false, .columns = 100}};
  const std::string text = Written(options, [](Reporter& reporter) { reporter.Status(ThreeNodes(1)); });
  EXPECT_THAT(text, ::testing::StartsWith("[======>             ] 1/3 done, 1 running  0.0s"));
}

TEST(TerminalReporter, TheFailureReportNamesEverythingThatIsNeededToGoOn) {
  const std::string text = Written({}, [](Reporter& reporter) { reporter.Ended(FailedEnd()); });
  EXPECT_THAT(text, AllOf(HasSubstr("node B failed (attempt 2 of 2)"), HasSubstr("job 12.0: exit code 3"),
                          HasSubstr("    | first\n    | last\n"), HasSubstr("/w/b.err"),
                          HasSubstr("/w/b.out"), HasSubstr("1 of 3 nodes done, 1 failed, 1 not run"),
                          HasSubstr("x.dag.rescue001"), HasSubstr("run again: dagrun x.dag\n")));
  EXPECT_THAT(text, Not(HasSubstr("\033")));
}

TEST(TerminalReporter, ManyFailuresAreExplainedInPartAndNamedInFull) {
  RunEnd end = FailedEnd();
  end.failures.resize(12, end.failures.front());
  end.failures.back().node = "Last";
  const std::string text = Written({}, [&](Reporter& reporter) { reporter.Ended(end); });
  EXPECT_THAT(text, HasSubstr("failed too: B Last"));
}

TEST(TerminalReporter, QuietSaysOnlyWhatWentWrong) {
  const std::string text = Written({.quiet = true}, [](Reporter& reporter) {
    reporter.Started("x.dag", {}, "");
    reporter.NodeDone("A", ThreeNodes(1));
    reporter.Ended({.status = RunEnd::Status::kOk});
  });
  EXPECT_THAT(text, IsEmpty());
  EXPECT_THAT(Written({.quiet = true}, [](Reporter& reporter) { reporter.Ended(FailedEnd()); }),
              HasSubstr("node B failed"));
}

}  // namespace
}  // namespace roost::dag

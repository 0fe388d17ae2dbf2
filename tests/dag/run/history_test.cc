#include "dag/report/history.h"

#include <gmock/gmock.h>

#include "dag/report/html.h"
#include "dag/report/html_report.h"
#include "dag/report/json.h"

namespace roost::dag {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using State = NodeHistory::State;

Clock::WallTime At(int second) { return Clock::WallTime(std::chrono::seconds(1'800'000'000 + second)); }

/// A DAG, and what its nodes log says.
class HistoryTest : public ::testing::Test {
 protected:
  void Load(const std::string& text) {
    DagParse parse = ParseDag(text, "x.dag");
    ASSERT_FALSE(HasErrors(parse.faults)) << FaultsError(parse.faults).message();
    record_.files = {"x.dag"};
    record_.dag = std::move(parse.dag);
    record_.history.emplace(record_.dag);
  }
  void Submit(const std::string& node, int cluster, int second) {
    Take({.type = EventType::kSubmit, .id = {cluster}, .time = At(second), .node = node});
  }
  void Execute(int cluster, int second) {
    Take({.type = EventType::kExecute,
          .id = {cluster},
          .time = At(second),
          .text = "<dagrun:vm>",
          .details = {"SlotName: slot1@vm"}});
  }
  void Exit(int cluster, int second, int code) {
    Take({.type = EventType::kTerminated,
          .id = {cluster},
          .time = At(second),
          .status = {.signaled = false, .value = code}});
  }
  void Take(const JobEvent& event) { record_.history->Take(event); }
  const NodeHistory& Node(const std::string& name) { return record_.history->At(record_.dag.Find(name)); }

  RunRecord record_;
};

TEST_F(HistoryTest, EachSubmissionOfANodeIsAnAttempt) {
  Load("JOB A a.sub\nRETRY A 2\nJOB B b.sub\nPARENT A CHILD B\n");
  Submit("A", 2, 0);
  Execute(2, 1);
  Exit(2, 3, 7);
  Submit("A", 3, 3);
  Execute(3, 4);
  Exit(3, 9, 0);
  record_.history->Settle(/*running=*/true);
  ASSERT_EQ(Node("A").attempts.size(), 2U);
  EXPECT_EQ(Node("A").state, State::kDone);
  EXPECT_EQ(Node("A").attempts[0].procs[0].Describe(), "exit code 7");
  EXPECT_EQ(Node("A").attempts[1].procs[0].slot, "slot1@vm");
  EXPECT_EQ(Node("A").ended() - Node("A").begun(), std::chrono::seconds(9));
  EXPECT_EQ(Node("B").state, State::kReady);
}

TEST_F(HistoryTest, AFailureIsFinalWhenNoRetryIsLeftOrTheRunIsOver) {
  Load("JOB A a.sub\nRETRY A 1\nJOB B b.sub\nJOB C b.sub\nPARENT A CHILD B\nPARENT B CHILD C\n");
  Submit("A", 2, 0);
  Execute(2, 1);
  Exit(2, 3, 7);
  record_.history->Settle(/*running=*/true);
  EXPECT_EQ(Node("A").state, State::kReady) << "its retry is still to come";
  EXPECT_EQ(Node("C").state, State::kWaiting);
  record_.history->Settle(/*running=*/false);
  EXPECT_EQ(Node("A").state, State::kFailed);
  EXPECT_EQ(Node("A").Why(), "job 2.0: exit code 7");
  EXPECT_EQ(Node("C").state, State::kFutile);
  EXPECT_EQ(record_.history->Count(State::kFutile), 2);
}

TEST_F(HistoryTest, AHeldJobSaysWhyAndAReleasedOneWaitsAgain) {
  Load("JOB A a.sub\n");
  Submit("A", 2, 0);
  Take({.type = EventType::kHeld, .id = {2}, .time = At(1), .text = "by hand"});
  record_.history->Settle(true);
  EXPECT_EQ(Node("A").state, State::kHeld);
  EXPECT_EQ(Node("A").Why(), "job 2.0: held: by hand");
  Take({.type = EventType::kReleased, .id = {2}, .time = At(2)});
  record_.history->Settle(true);
  EXPECT_EQ(Node("A").state, State::kQueued);
}

TEST_F(HistoryTest, APostScriptDecides) {
  Load("JOB A a.sub\nSCRIPT POST A post.sh\n");
  Submit("A", 2, 0);
  Exit(2, 1, 3);
  record_.history->Settle(true);
  EXPECT_EQ(Node("A").state, State::kPost);
  Take({.type = EventType::kPostScriptTerminated, .id = {2}, .time = At(2), .node = "A"});
  record_.history->Settle(true);
  EXPECT_EQ(Node("A").state, State::kDone);
}

TEST_F(HistoryTest, ANodeIsDoneWithAsManyFailuresAsItTolerates) {
  Load("JOB A a.sub\nTOLERANCE A 1\nJOB B b.sub\nTOLERANCE B 1\n");
  for (const std::string node : {"A", "B"}) {
    const int cluster = node == "A" ? 2 : 3;
    for (const int proc : {0, 1}) {
      Take({.type = EventType::kSubmit, .id = {cluster, proc}, .time = At(0), .node = node});
      Take({.type = EventType::kTerminated,
            .id = {cluster, proc},
            .time = At(1),
            .status = {.signaled = false, .value = node == "B" || proc == 1 ? 1 : 0}});
    }
  }
  record_.history->Settle(false);
  EXPECT_EQ(Node("A").state, State::kDone);
  EXPECT_EQ(Node("B").state, State::kFailed);
}

TEST_F(HistoryTest, ANodeThatItsDagrunTookWithItIsNotDone) {
  Load("JOB A a.sub\nTOLERANCE A 1\n");
  Submit("A", 2, 0);
  Take({.type = EventType::kAborted, .id = {2}, .time = At(1), .text = "DAG Removed: User removed DAG"});
  record_.history->Settle(false);
  EXPECT_EQ(Node("A").state, State::kFailed);
}

TEST_F(HistoryTest, ANodeGoesOnWhileProcsOfItAreStillToCome) {
  Load("JOB A a.sub\n");
  Take({.type = EventType::kClusterSubmit, .id = {2}, .time = At(0), .node = "A"});
  Submit("A", 2, 0);
  Exit(2, 1, 0);
  record_.history->Settle(true);
  EXPECT_EQ(Node("A").state, State::kQueued);
  EXPECT_EQ(Node("A").ended(), Clock::WallTime{});
  Take({.type = EventType::kClusterRemove, .id = {2}, .time = At(2)});
  record_.history->Settle(true);
  EXPECT_EQ(Node("A").state, State::kDone);
}

TEST_F(HistoryTest, TheCriticalPathGoesBackFromTheLastNodeByTheParentsThatEndedLast) {
  Load("JOB A a.sub\nJOB B a.sub\nJOB C a.sub\nJOB D a.sub\nPARENT A B CHILD C\nPARENT A CHILD D\n");
  int cluster = 1;
  const auto run = [&](const std::string& node, int from, int to) {
    Submit(node, ++cluster, from);
    Execute(cluster, from);
    Exit(cluster, to, 0);
  };
  run("A", 0, 4);
  run("B", 0, 9);
  run("D", 4, 6);
  run("C", 9, 12);
  record_.history->Settle(false);
  const std::vector<NodeIndex> path = CriticalPath(record_);
  ASSERT_EQ(path.size(), 2U);
  EXPECT_EQ(record_.dag.At(path[0]).name, "B");
  EXPECT_EQ(record_.dag.At(path[1]).name, "C");
  const RunNumbers numbers = NumbersOf(record_, At(99));
  EXPECT_EQ(numbers.busy.count(), 18);
  EXPECT_EQ(numbers.wall.count(), 12);
  EXPECT_DOUBLE_EQ(numbers.speedup(), 1.5);
}

TEST_F(HistoryTest, WhatNamesAndFilesHoldStaysTextInTheReport) {
  Load("JOB <script>alert(1)</script>&x a.sub\n");
  const std::string name = record_.dag.At(0).name;
  Submit(name, 2, 0);
  Execute(2, 0);
  Exit(2, 1, 1);
  record_.history->Settle(false);
  record_.ran = true;
  const std::string page =
      FormatHtmlReport(record_,
                       {{.node = 0,
                         .jobs = {{.id = "2.0",
                                   .what = "exit code 1",
                                   .error_tail = "</pre><img src=x onerror=alert(2)>\xff\x1b[31m"}}}},
                       At(5));
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, Not(HasSubstr("\x1b")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;&amp;x"));
  EXPECT_TRUE(IsUtf8(page));
  for (const char* outside : {"http:", "https:", "href=", "@import", "url("}) {
    EXPECT_THAT(page, Not(HasSubstr(outside))) << "the page has to stand on its own";
  }
}

TEST_F(HistoryTest, TheGraphShortensALongNameBetweenCharacters) {
  Load("JOB fourteen_bytes\xC3\xA9tage a.sub\nJOB B a.sub\nPARENT B CHILD fourteen_bytes\xC3\xA9tage\n");
  record_.history->Settle(false);
  record_.ran = true;
  EXPECT_THAT(FormatHtmlReport(record_, {}, At(5)), HasSubstr(">fourteen_bytes\xE2\x80\xA6</text>"));
}

TEST(JsonTextTest, WritesWhateverItIsGivenAsJson) {
  JsonText json;
  json.Begin('{').Key("a").Begin('[').Number(1).Number(2).End(']').Key("b").Begin('{').End('}');
  json.Key("c\n").String("\"\\\x01\xff</script>\xC3\xA4").Key("d").Null().End('}');
  EXPECT_EQ(json.Take(),
            "{\"a\":[1,2],\"b\":{},\"c\\n\":\"\\\"\\\\\\u0001\\ufffd\\u003c/script>\xC3\xA4\",\"d\":null}");
}

}  // namespace
}  // namespace roost::dag

#include "roost/dag/event_log.h"

#include <cstdlib>
#include <ctime>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"

namespace roost::dag {
namespace {

using testing::ElementsAre;

std::vector<JobEvent> Parsed(std::string_view text, std::size_t* consumed = nullptr) {
  std::vector<JobEvent> events;
  const std::size_t end = ParseEvents(text, [&](const JobEvent& event) { events.push_back(event); });
  if (consumed != nullptr) *consumed = end;
  return events;
}

/// 2026-08-14 17:03:05, local time.
Clock::WallTime SomeTime() {
  std::tm parts{};
  parts.tm_year = 126;
  parts.tm_mon = 7;
  parts.tm_mday = 14;
  parts.tm_hour = 17;
  parts.tm_min = 3;
  parts.tm_sec = 5;
  parts.tm_isdst = -1;
  return std::chrono::system_clock::from_time_t(std::mktime(&parts));
}

JobEvent Event(EventType type) {
  JobEvent event;
  event.type = type;
  event.id = {12, 3, 0};
  event.time = SomeTime();
  return event;
}

TEST(FormatEvent, WritesTheSubmitEventWithItsNode) {
  JobEvent event = Event(EventType::kSubmit);
  event.text = "<127.0.0.1:9618>";
  event.node = "A";
  EXPECT_EQ(
      "000 (012.003.000) 2026-08-14 17:03:05 Job submitted from host: <127.0.0.1:9618>\n"
      "    DAG Node: A\n"
      "...\n",
      FormatEvent(event));
}

TEST(FormatEvent, WritesTheTerminatedEventWithUsageAndResources) {
  JobEvent event = Event(EventType::kTerminated);
  event.status = {false, 3};
  event.usage.user = std::chrono::seconds(90'061);
  event.usage.system = std::chrono::milliseconds(1900);
  event.usage.max_rss_kb = 4500;
  event.executed = std::chrono::seconds(61);
  event.request = Resources{.cpus = 2, .memory_mb = 2048, .disk_kb = 10'000'000'000, .gpus = 1};
  EXPECT_EQ(
      "005 (012.003.000) 2026-08-14 17:03:05 Job terminated.\n"
      "\t(1) Normal termination (return value 3)\n"
      "\t\tUsr 1 01:01:01, Sys 0 00:00:01  -  Run Remote Usage\n"
      "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Local Usage\n"
      "\t\tUsr 1 01:01:01, Sys 0 00:00:01  -  Total Remote Usage\n"
      "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Total Local Usage\n"
      "\t0  -  Run Bytes Sent By Job\n"
      "\t0  -  Run Bytes Received By Job\n"
      "\t0  -  Total Bytes Sent By Job\n"
      "\t0  -  Total Bytes Received By Job\n"
      "\tPartitionable Resources :    Usage     Request   Allocated \n"
      "\t   Cpus                 :                    2           2 \n"
      "\t   Disk (KB)            :          10000000000 10000000000 \n"
      "\t   GPUs                 :                    1           1 \n"
      "\t   Memory (MB)          :        5        2048        2048 \n"
      "\t   TimeExecute (s)      :       61                         \n"
      "\t   TimeSlotBusy (s)     :       61                         \n"
      "\n"
      "\tJob terminated of its own accord at " +
          FormatTime(SomeTime(), "%Y-%m-%dT%H:%M:%SZ", true) + " with exit-code 3.\n...\n",
      FormatEvent(event));
}

TEST(FormatEvent, WritesASignalInPlaceOfAReturnValue) {
  JobEvent event = Event(EventType::kTerminated);
  event.status = {true, 9};
  EXPECT_THAT(FormatEvent(event),
              testing::HasSubstr("\t(0) Abnormal termination (signal 9)\n\t(0) No core file\n"));
}

TEST(FormatEvent, WritesTheEvictionOfAJobThatIsToRunAgain) {
  JobEvent event = Event(EventType::kEvicted);
  event.requeued = true;
  event.status = {true, 11};
  event.core_file = "/tmp/core.7";
  event.text = "on_exit_remove is false";
  EXPECT_EQ(
      "004 (012.003.000) 2026-08-14 17:03:05 Job was evicted.\n"
      "\t(0) Job terminated and was requeued\n"
      "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Remote Usage\n"
      "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Local Usage\n"
      "\t0  -  Run Bytes Sent By Job\n"
      "\t0  -  Run Bytes Received By Job\n"
      "\t(0) Abnormal termination (signal 11)\n"
      "\t(1) Corefile in: /tmp/core.7\n"
      "\ton_exit_remove is false\n"
      "...\n",
      FormatEvent(event));
}

TEST(FormatEvent, SortsTheAttributesOfAnExecuteEvent) {
  JobEvent event = Event(EventType::kExecute);
  event.text = "<host>";
  event.details = {"Memory = 1", "SlotName: slot1@host", "Cpus = 2"};
  EXPECT_EQ(
      "001 (012.003.000) 2026-08-14 17:03:05 Job executing on host: <host>\n"
      "\tSlotName: slot1@host\n\tCpus = 2\n\tMemory = 1\n...\n",
      FormatEvent(event));
}

TEST(FormatEvent, WritesPrintfsOddNegativeNumbers) {
  JobEvent event = Event(EventType::kPostScriptTerminated);
  event.id = {-1, 0, 0};
  event.node = "A";
  event.status = {false, 1};
  EXPECT_EQ(
      "016 (-01.000.000) 2026-08-14 17:03:05 POST Script terminated.\n"
      "\t(1) Normal termination (return value 1)\n"
      "    DAG Node: A\n"
      "...\n",
      FormatEvent(event));
}

TEST(FormatEvent, StaysOneEventWhateverItsTexts) {
  JobEvent event = Event(EventType::kHeld);
  event.text = "no\n...\nmore";
  event.hold_code = 6;
  event.hold_subcode = 2;
  const std::vector<JobEvent> events = Parsed(FormatEvent(event) + FormatEvent(Event(EventType::kReleased)));
  ASSERT_EQ(2U, events.size());
  EXPECT_EQ("no ... more", events[0].text);
  EXPECT_EQ(6, events[0].hold_code);
  EXPECT_EQ(2, events[0].hold_subcode);
}

/// Every type, with every field that it has.
std::vector<JobEvent> OneOfEach() {
  std::vector<JobEvent> events;
  for (int number = 0; number < 100; ++number) {
    const auto type = static_cast<EventType>(number);
    if (EventName(type) == "ULOG_FUTURE_EVENT") continue;
    JobEvent event = Event(type);
    event.node = "N";
    event.text = "some text";
    event.status = {true, 15};
    event.usage.user = std::chrono::seconds(5);
    event.usage.max_rss_kb = 2048;
    event.request = Resources{.cpus = 4, .memory_mb = 100, .disk_kb = std::nullopt, .gpus = 2};
    event.hold_code = 3;
    event.hold_subcode = 4;
    event.details = {"A = 1", "B = 2"};
    if (type == EventType::kClusterRemove) event.details = {"Materialized 3 jobs from 3 items.\tComplete"};
    event.bytes = {.sent = 7, .received = 8};
    event.total_bytes = {.sent = 9, .received = 10};
    event.executed = std::chrono::seconds(77);
    event.request->custom["License"] = 3;
    event.allocated = Resources{.cpus = 8, .memory_mb = 128, .disk_kb = 1000, .gpus = 2};
    events.push_back(event);
    event.requeued = true;
    event.core_file = "/core";
    events.push_back(event);
  }
  return events;
}

TEST(ParseEvents, ReadsBackWhatWasWritten) {
  for (const JobEvent& event : OneOfEach()) {
    const std::string text = FormatEvent(event);
    const std::vector<JobEvent> events = Parsed(text);
    ASSERT_EQ(1U, events.size()) << text;
    EXPECT_EQ(event.type, events[0].type);
    EXPECT_EQ(event.id, events[0].id);
    EXPECT_EQ(event.time, events[0].time);
    EXPECT_EQ(text, FormatEvent(events[0]));
  }
}

TEST(ParseEvents, KeepsWhatAnEndOfAJobTells) {
  for (const JobEvent& event : OneOfEach()) {
    if (event.type != EventType::kTerminated && event.type != EventType::kEvicted) continue;
    const JobEvent read = Parsed(FormatEvent(event)).at(0);
    EXPECT_EQ(event.bytes, read.bytes);
    EXPECT_EQ(event.executed, read.executed);
    EXPECT_EQ(event.request->custom, read.request->custom);
    EXPECT_EQ(event.request->cpus, read.request->cpus);
    EXPECT_EQ(event.allocated->disk_kb, read.allocated->disk_kb);
    EXPECT_EQ(event.usage.max_rss_kb, read.usage.max_rss_kb);
    if (event.type == EventType::kTerminated) {
      EXPECT_EQ(event.total_bytes, read.total_bytes);
      continue;
    }
    EXPECT_EQ(event.requeued, read.requeued);
    EXPECT_EQ("some text", read.text);
    EXPECT_EQ(event.core_file, read.core_file);
    EXPECT_EQ(event.requeued ? 15 : 0, read.status.value);
  }
}

TEST(ParseEvents, BelievesNothingBehindANulByte) {
  const std::string first = FormatEvent(Event(EventType::kSubmit));
  std::size_t consumed = 0;
  EXPECT_EQ(1U, Parsed(first + std::string(100, '\0') + first, &consumed).size());
  EXPECT_EQ(first.size(), consumed);
}

TEST(ParseEvents, TakesNoEventThatIsNotWholeYet) {
  const std::string first = FormatEvent(Event(EventType::kSubmit));
  const std::string second = FormatEvent(Event(EventType::kTerminated));
  for (std::size_t cut = 0; cut < second.size(); ++cut) {
    std::size_t consumed = 0;
    EXPECT_EQ(1U, Parsed(first + second.substr(0, cut), &consumed).size()) << cut;
    EXPECT_EQ(first.size(), consumed);
  }
  std::size_t consumed = 0;
  EXPECT_EQ(2U, Parsed(first + second, &consumed).size());
  EXPECT_EQ(first.size() + second.size(), consumed);
}

TEST(ParseEvents, LosesOnlyTheEventThatWasCutOff) {
  const std::string whole = FormatEvent(Event(EventType::kTerminated));
  const std::string cut = whole.substr(0, whole.find("Usr"));
  JobEvent next = Event(EventType::kSubmit);
  next.node = "B";
  const std::vector<JobEvent> events = Parsed(cut + "\n" + FormatEvent(next));
  ASSERT_EQ(1U, events.size());
  EXPECT_EQ("B", events[0].node);
}

TEST(ParseEvents, PassesOverUnknownTypesAndNoise) {
  const std::string text =
      "noise\n...\n"
      "014 (001.000.000) 2026-08-14 17:03:05 Node 0 executing on host: <x>\n...\n"
      "300 (001.000.000) 2026-08-14 17:03:05 Of a later version\nA = 1\n...\n"
      "005 (x.000.000) 2026-08-14 17:03:05 Job terminated.\n...\n"
      "005 (001.000.000) 2026-13-14 17:03:05 Job terminated.\n...\n" +
      FormatEvent(Event(EventType::kExecute));
  const std::vector<JobEvent> events = Parsed(text);
  ASSERT_EQ(1U, events.size());
  EXPECT_EQ(EventType::kExecute, events[0].type);
}

TEST(ParseEvents, ReadsEveryFormOfDate) {
  const auto time_of = [](const std::string& date) {
    std::vector<Clock::WallTime> times;
    ParseEvents(
        "011 (001.000.000) " + date + " Job was unsuspended.\n...\n",
        [&](const JobEvent& event) { times.push_back(event.time); }, 2026);
    return times;
  };
  for (const char* date :
       {"2026-08-14 17:03:05", "2026-08-14T17:03:05", "2026-08-14 17:03:05.123", "08/14 17:03:05"}) {
    EXPECT_THAT(time_of(date), ElementsAre(SomeTime())) << date;
  }
  EXPECT_THAT(time_of("2026-08-14 17:03:05Z"),
              ElementsAre(Clock::WallTime(std::chrono::seconds(1'786'726'985))));
  for (const char* date : {"2026-08-14", "08/14/26 17:03:05", "2026-08-14 25:03:05", "yesterday"}) {
    EXPECT_TRUE(time_of(date).empty()) << date;
  }
}

TEST(ParseEvents, UnderstandsTheStructuredNoteOfNewerVersions) {
  const std::vector<JobEvent> events = Parsed(
      "000 (012.000.000) 2026-08-14 17:03:05 Job submitted from host: <x>\n    [ DAGNodeName = \"A\" ]\n    "
      "by me\n...\n");
  ASSERT_EQ(1U, events.size());
  EXPECT_EQ("A", events[0].node);
  EXPECT_THAT(events[0].details, ElementsAre("by me"));
}

class EventReaderTest : public testing::Test {
 protected:
  /// Nodes of the submit events that one poll tells.
  std::vector<std::string> Poll() {
    std::vector<std::string> nodes;
    restarted_ = reader_.Poll([&](const JobEvent& event) { nodes.push_back(event.node); }).value();
    return nodes;
  }
  static std::string Submitted(const std::string& node) {
    JobEvent event = Event(EventType::kSubmit);
    event.node = node;
    return FormatEvent(event);
  }

  TemporaryDirectory folder_;
  Path log_ = folder_.path() / "x.log";
  EventReader reader_{log_};
  bool restarted_ = false;
};

TEST_F(EventReaderTest, TellsEachEventOnceAsTheFileGrows) {
  EXPECT_TRUE(Poll().empty()) << "there is no file yet";
  const std::string next = Submitted("B");
  test::WriteFile(log_, Submitted("A") + next.substr(0, 30));
  EXPECT_THAT(Poll(), ElementsAre("A"));
  EXPECT_TRUE(Poll().empty());
  AppendFile(log_).Append(next.substr(30)).value();
  EXPECT_THAT(Poll(), ElementsAre("B"));
  EXPECT_FALSE(restarted_);
}

TEST_F(EventReaderTest, BeginsAnewWhenTheFileIsAnotherOneOrWasCut) {
  test::WriteFile(log_, Submitted("A") + Submitted("B"));
  EXPECT_THAT(Poll(), ElementsAre("A", "B"));
  std::filesystem::resize_file(log_, Submitted("A").size());
  EXPECT_THAT(Poll(), ElementsAre("A"));
  EXPECT_TRUE(restarted_);
  test::WriteFile(folder_.path() / "other", Submitted("A") + Submitted("C"));
  std::filesystem::rename(folder_.path() / "other", log_);
  EXPECT_THAT(Poll(), ElementsAre("A", "C"));
  EXPECT_TRUE(restarted_);
}

TEST_F(EventReaderTest, ReadsALogOfAnySize) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += Submitted("node" + std::to_string(i));
  ASSERT_GT(text.size(), 1U << 20);
  test::WriteFile(log_, text + "300 (001.000.000) 2026-08-14 17:03:05 Long\n" + std::string(3 << 20, 'x'));
  EXPECT_EQ(20'000U, Poll().size());
  AppendFile(log_).Append("\n...\n" + Submitted("last")).value();
  EXPECT_THAT(Poll(), ElementsAre("last"));
}

}  // namespace
}  // namespace roost::dag

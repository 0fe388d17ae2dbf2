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
      "...\n",
      FormatEvent(event));
}

TEST(FormatEvent, WritesASignalInPlaceOfAReturnValue) {
  JobEvent event = Event(EventType::kTerminated);
  event.status = {true, 9};
  EXPECT_THAT(FormatEvent(event),
              testing::HasSubstr("\t(0) Abnormal termination (signal 9)\n\t(0) No core file\n"));
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
  for (const EventType type :
       {EventType::kSubmit, EventType::kExecute, EventType::kExecutableError, EventType::kEvicted,
        EventType::kTerminated, EventType::kImageSize, EventType::kShadowException, EventType::kGeneric,
        EventType::kAborted, EventType::kSuspended, EventType::kUnsuspended, EventType::kHeld,
        EventType::kReleased, EventType::kPostScriptTerminated, EventType::kPreSkip}) {
    JobEvent event = Event(type);
    event.node = "N";
    event.text = "some text";
    event.status = {true, 15};
    event.usage.user = std::chrono::seconds(5);
    event.usage.max_rss_kb = 2048;
    event.request = Resources{.cpus = 4, .memory_mb = 100, .disk_kb = std::nullopt, .gpus = 2};
    event.hold_code = 3;
    event.hold_subcode = 4;
    event.details = {"SlotName: slot1@host"};
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
      "040 (001.000.000) 2026-08-14 17:03:05 Started transferring input files\n\tTransferring to host: "
      "<x>\n...\n"
      "028 (001.000.000) 2026-08-14 17:03:05 Job ad information event triggered.\nA = 1\n...\n"
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

}  // namespace
}  // namespace roost::dag

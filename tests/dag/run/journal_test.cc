#include "dag/run/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dag/run/fake_disk.h"
#include "support/support.h"

namespace roost::dag {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

JobEvent Event(EventType type, int cluster = 1) {
  return {.type = type, .id = {.cluster = cluster}, .node = "A", .text = "x"};
}

std::vector<EventType> TypesIn(std::string_view log) {
  std::vector<EventType> types;
  ParseEvents(log, [&](const JobEvent& event) { types.push_back(event.type); });
  return types;
}

class JournalTest : public testing::Test {
 protected:
  std::string OwnLog() const { return test::ReadText(own_log_); }

  TemporaryDirectory folder_;
  Path own_log_ = folder_.path() / "jobs.log";
  FakeDisk disk_;
  Journal journal_{std::make_unique<FakeJournalFile>(disk_)};
};

TEST_F(JournalTest, WritesABatchAtOnceAndInOrder) {
  journal_.Write(Event(EventType::kSubmit));
  journal_.Write(Event(EventType::kExecute));
  EXPECT_EQ("", disk_.written);
  journal_.WriteOut();
  EXPECT_THAT(TypesIn(disk_.written), ElementsAre(EventType::kSubmit, EventType::kExecute));
  EXPECT_EQ(1, disk_.appends);
  EXPECT_EQ(0, disk_.syncs);
}

TEST_F(JournalTest, FlushWaitsForTheDiskOnlyWhereSomethingEnded) {
  journal_.Write(Event(EventType::kSubmit));
  journal_.Flush();
  EXPECT_EQ(0, disk_.syncs) << "a submission that is lost is a job that nobody knows and that is killed";
  for (const EventType end :
       {EventType::kTerminated, EventType::kAborted, EventType::kPostScriptTerminated, EventType::kPreSkip}) {
    disk_.syncs = 0;
    journal_.Write(Event(end));
    EXPECT_TRUE(journal_.unsynced());
    journal_.WriteOut();
    EXPECT_EQ(0, disk_.syncs);
    journal_.Flush();
    journal_.Flush();
    EXPECT_EQ(1, disk_.syncs);
    EXPECT_EQ(disk_.written, disk_.AfterPowerCut());
  }
}

TEST_F(JournalTest, AFullDiskEndsTheRun) {
  disk_.room = 20;
  journal_.Write(Event(EventType::kTerminated));
  EXPECT_THROW(journal_.Flush(), Error);
  EXPECT_TRUE(TypesIn(disk_.written).empty()) << "what was torn off does not count";
}

TEST_F(JournalTest, WritesOutWhatIsLeftWhenItGoes) {
  FakeDisk disk;
  Journal(std::make_unique<FakeJournalFile>(disk)).Write(Event(EventType::kTerminated));
  EXPECT_THAT(TypesIn(disk.written), ElementsAre(EventType::kTerminated));
}

TEST_F(JournalTest, KeepsWhatHTCondorKeepsOutOfTheNodesLog) {
  for (const EventType type : {EventType::kImageSize, EventType::kFileTransfer, EventType::kTerminated})
    EXPECT_TRUE(journal_.Write(Event(type), own_log_).ok());
  journal_.WriteOut();
  EXPECT_THAT(TypesIn(disk_.written), ElementsAre(EventType::kTerminated));
  EXPECT_THAT(TypesIn(OwnLog()),
              ElementsAre(EventType::kImageSize, EventType::kFileTransfer, EventType::kTerminated));
}

TEST_F(JournalTest, TellsOnceOfAnOwnLogThatCannotBeWrittenAndGoesOn) {
  const Path nowhere = folder_.path() / "missing/jobs.log";
  const auto first = journal_.Write(Event(EventType::kSubmit), nowhere);
  ASSERT_FALSE(first.ok());
  EXPECT_THAT(first.error().message(), HasSubstr("missing/jobs.log"));
  journal_.WriteOut();
  EXPECT_TRUE(journal_.Write(Event(EventType::kTerminated), nowhere).ok());
  journal_.Flush();
  EXPECT_FALSE(journal_.TakeError());
  EXPECT_EQ(2U, TypesIn(disk_.written).size());
}

TEST_F(JournalTest, TellsOfAnOwnLogForWhichThereIsNoRoomLeft) {
  EXPECT_TRUE(journal_.Write(Event(EventType::kSubmit), "/dev/full").ok());
  journal_.WriteOut();
  const auto error = journal_.TakeError();
  ASSERT_TRUE(error);
  EXPECT_THAT(error->message(), HasSubstr("/dev/full"));
}

TEST_F(JournalTest, WritesToTheFileThatHasTheNameNow) {
  EXPECT_TRUE(journal_.Write(Event(EventType::kSubmit), own_log_).ok());
  journal_.WriteOut();
  std::filesystem::rename(own_log_, folder_.path() / "jobs.log.1");
  EXPECT_TRUE(journal_.Write(Event(EventType::kExecute), own_log_).ok());
  journal_.WriteOut();
  EXPECT_THAT(TypesIn(OwnLog()), ElementsAre(EventType::kExecute));
  std::filesystem::remove(own_log_);
  EXPECT_TRUE(journal_.Write(Event(EventType::kTerminated), own_log_).ok());
  journal_.WriteOut();
  EXPECT_THAT(TypesIn(OwnLog()), ElementsAre(EventType::kTerminated));
}

TEST_F(JournalTest, DoesNotLoseAnEventToOneThatWasCutOffBeforeIt) {
  const std::string whole = FormatEvent(Event(EventType::kTerminated, 7));
  for (const std::size_t cut : {whole.size() - 1, whole.size() - 4, whole.size() - 5, std::size_t{20}}) {
    const Path log = folder_.path() / std::to_string(cut);
    test::WriteFile(log, FormatEvent(Event(EventType::kSubmit)) + whole.substr(0, cut));
    EXPECT_TRUE(journal_.Write(Event(EventType::kExecute), log).ok());
    journal_.WriteOut();
    const std::vector<EventType> types = TypesIn(test::ReadText(log));
    EXPECT_EQ(EventType::kSubmit, types.front()) << cut;
    EXPECT_EQ(EventType::kExecute, types.back()) << cut;
  }
}

TEST_F(JournalTest, ServesMoreLogsThanItKeepsOpen) {
  constexpr int kLogs = 300;
  const auto log = [&](int i) { return folder_.path() / std::to_string(i); };
  for (const EventType type : {EventType::kSubmit, EventType::kTerminated}) {
    for (int i = 0; i < kLogs; ++i) EXPECT_TRUE(journal_.Write(Event(type, i + 1), log(i)).ok());
  }
  journal_.WriteOut();
  for (int i = 0; i < kLogs; ++i) {
    EXPECT_THAT(TypesIn(test::ReadText(log(i))), ElementsAre(EventType::kSubmit, EventType::kTerminated));
  }
  int open = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code ignored;
    open += std::filesystem::read_symlink(entry.path(), ignored).parent_path() == folder_.path() ? 1 : 0;
  }
  EXPECT_LT(open, 100);
}

}  // namespace
}  // namespace roost::dag

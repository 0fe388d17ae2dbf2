#include "yolo/detect/weights.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/digest.h"
#include "support/support.h"

namespace roost::yolo {
namespace {

using test::ReadText;
using test::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

/// A store whose server answers with `served_`, and whose check accepts what starts with "model".
class WeightsStoreTest : public ::testing::Test {
 protected:
  WeightsStoreTest() {
    options_.cache = cache_;
    options_.fetch = [this](const std::string& url, AtomicFile& file) -> Result<void> {
      fetched_.push_back(url);
      if (served_.empty()) return Error("cannot reach github.com", ExitCode::kTryAgain);
      return file.Write(served_);
    };
    options_.check = [](const Path& file) {
      if (!ReadText(file).starts_with("model")) throw Error("not a checkpoint", ExitCode::kBadData);
    };
    options_.say = [this](const std::string& line) { said_ += line + "\n"; };
    options_.known_digest = [this](const std::string&) { return known_; };
  }

  Path Find(const std::string& name = "yolov5l6.pt") { return WeightsStore(options_).Find(name); }
  Error Refusal(const std::string& name = "yolov5l6.pt") {
    try {
      Find(name);
    } catch (const Error& error) {
      return error;
    }
    return Error("no error", ExitCode::kOk);
  }

  TemporaryDirectory folder_;
  Path cache_ = folder_.path() / "cache" / "roost";
  std::string served_ = "model A";
  std::optional<std::string> known_;
  std::vector<std::string> fetched_;
  std::string said_;
  WeightsStore::Options options_;
};

TEST_F(WeightsStoreTest, WhatComesWithRoostIsFoundByName) {
  options_.bundled = folder_.path() / "share";
  MakeDirectories(options_.bundled);
  const Error refusal = Refusal(kBundledWeights);
  EXPECT_EQ(refusal.code(), ExitCode::kNoInput);
  EXPECT_THAT(refusal.hint(), HasSubstr("install Roost completely"));
  WriteFile(options_.bundled / kBundledWeights, "model");
  EXPECT_EQ(Find(kBundledWeights), options_.bundled / kBundledWeights);
  EXPECT_EQ(Refusal(std::string("elsewhere/") + kBundledWeights).code(), ExitCode::kNoInput);
}

TEST_F(WeightsStoreTest, AnExistingFileIsTakenAsItIs) {
  const Path file = folder_.path() / "best.pt";
  WriteFile(file, "anything");
  EXPECT_EQ(file, Find(file));
  EXPECT_THAT(fetched_, IsEmpty());
}

TEST_F(WeightsStoreTest, AnOfficialNameIsDownloadedOnce) {
  EXPECT_EQ(cache_ / "yolov5l6.pt", Find());
  EXPECT_EQ("model A", ReadText(cache_ / "yolov5l6.pt"));
  EXPECT_THAT(said_, HasSubstr("downloading https://"));
  Find();
  EXPECT_THAT(fetched_,
              ElementsAre("https://github.com/ultralytics/yolov5/releases/download/v7.0/yolov5l6.pt"));
}

TEST_F(WeightsStoreTest, OtherNamesAreNotDownloaded) {
  for (const std::string name : {"best.pt", "yolov5z.pt", "weights/yolov5n.pt", "yolov5n"}) {
    EXPECT_EQ(ExitCode::kNoInput, Refusal(name).code()) << name;
    EXPECT_THAT(Refusal(name).message(), HasSubstr("'" + name + "'"));
  }
  EXPECT_THAT(fetched_, IsEmpty());
}

TEST_F(WeightsStoreTest, OfflineTheErrorSaysWhereToGetTheFileAndWhereToPutIt) {
  served_.clear();
  const Error error = Refusal();
  EXPECT_EQ(ExitCode::kTryAgain, error.code());
  EXPECT_THAT(error.message(), HasSubstr("cannot reach github.com"));
  EXPECT_THAT(error.hint(), HasSubstr("https://github.com/ultralytics/yolov5/releases/download/v7.0/"));
  EXPECT_THAT(error.hint(), HasSubstr((cache_ / "yolov5l6.pt").string()));
  EXPECT_TRUE(fs::is_empty(cache_)) << "nothing half done is left";
}

TEST_F(WeightsStoreTest, ADownloadWithAnotherDigestIsRefused) {
  known_ = DigestOf(DigestKind::kSha256, "model B");
  EXPECT_EQ(ExitCode::kBadData, Refusal().code());
  EXPECT_THAT(Refusal().message(), HasSubstr(*known_));
  EXPECT_TRUE(fs::is_empty(cache_));
  served_ = "model B";
  EXPECT_EQ("model B", ReadText(Find()));
}

TEST_F(WeightsStoreTest, ADownloadThatIsNoCheckpointIsRefused) {
  served_ = "<html>please log in</html>";
  EXPECT_EQ(ExitCode::kBadData, Refusal().code());
  EXPECT_THAT(Refusal().message(), HasSubstr("not a checkpoint"));
  EXPECT_TRUE(fs::is_empty(cache_));
}

TEST_F(WeightsStoreTest, AFileOfTheCacheThatChangedIsDownloadedAgain) {
  for (const bool built_in : {false, true}) {
    if (built_in) known_ = DigestOf(DigestKind::kSha256, served_);
    Find();
    WriteFile(cache_ / "yolov5l6.pt", "model damaged");
    fetched_.clear();
    EXPECT_EQ("model A", ReadText(Find()));
    EXPECT_EQ(1U, fetched_.size());
  }
  EXPECT_THAT(said_, HasSubstr("wrong digest"));
}

TEST_F(WeightsStoreTest, ADamagedFileIsNotUsedWhenOffline) {
  Find();
  WriteFile(cache_ / "yolov5l6.pt", "model damaged");
  served_.clear();
  EXPECT_EQ(ExitCode::kTryAgain, Refusal().code());
}

TEST_F(WeightsStoreTest, AFileThatTheUserPutIntoTheCacheIsCheckedAndThenWatched) {
  served_.clear();
  fs::create_directories(cache_);
  WriteFile(cache_ / "yolov5l6.pt", "nonsense");
  EXPECT_EQ(ExitCode::kBadData, Refusal().code());
  WriteFile(cache_ / "yolov5l6.pt", "model by hand");
  EXPECT_EQ(cache_ / "yolov5l6.pt", Find());
  EXPECT_THAT(fetched_, IsEmpty());
  WriteFile(cache_ / "yolov5l6.pt", "model damaged");
  EXPECT_EQ(ExitCode::kTryAgain, Refusal().code());
}

TEST_F(WeightsStoreTest, AFilePutByHandIsUsedAlsoWhereItsDigestCannotBeRecorded) {
  fs::create_directories(cache_ / "yolov5l6.pt.sha256" / "in the way");  // permissions do not stop root
  WriteFile(cache_ / "yolov5l6.pt", "model by hand");
  EXPECT_EQ(cache_ / "yolov5l6.pt", Find());
  EXPECT_THAT(said_, HasSubstr("will not be noticed: cannot write '"));
}

TEST_F(WeightsStoreTest, WithoutAHomeTheErrorSaysWhatToSet) {
  options_.cache = std::nullopt;
  EXPECT_EQ(ExitCode::kUsage, Refusal().code());
  EXPECT_THAT(Refusal().hint(), HasSubstr("ROOST_CACHE_DIR"));
}

TEST(WeightsTest, TheCacheFollowsTheEnvironment) {
  ::setenv("HOME", "/home/me", 1);
  ::setenv("XDG_CACHE_HOME", "/xdg", 1);
  ::setenv("ROOST_CACHE_DIR", "/mine", 1);
  EXPECT_EQ("/mine", CacheFolder());
  ::setenv("ROOST_CACHE_DIR", "", 1);
  EXPECT_EQ("/xdg/roost", CacheFolder());
  ::unsetenv("XDG_CACHE_HOME");
  EXPECT_EQ("/home/me/.cache/roost", CacheFolder());
  ::unsetenv("HOME");
  EXPECT_EQ(std::nullopt, CacheFolder());
}

TEST(WeightsTest, TheBuiltInDigestIsThatOfTheOfficialFile) {
  EXPECT_EQ(std::nullopt, WeightsStore::KnownDigest("best.pt"));
  ROOST_NEEDS_REFERENCE();
  EXPECT_EQ(DigestOfFile(DigestKind::kSha256, *test::ReferenceDir() / "weights/yolov5n.pt").value(),
            WeightsStore::KnownDigest("yolov5n.pt"));
}

}  // namespace
}  // namespace roost::yolo

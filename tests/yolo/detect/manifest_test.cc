#include "yolo/detect/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/support.h"
#include "yolo/detect/json_text.h"

namespace roost::yolo {
namespace {

using test::ReadText;
using test::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

class ManifestTest : public ::testing::Test {
 protected:
  Manifest Open(bool resume) const {
    return Manifest({.folder = folder_.path(), .resume = resume}, settings_);
  }
  /// A record with one output of three bytes, which exists.
  InputRecord Record(const std::string& input) const {
    const std::string output = Path(input).stem().string() + ".out";
    WriteFile(folder_.path() / output, "123");
    return {.input = input, .size = 7, .frames = 1, .objects = 2, .outputs = {{output, 3}}};
  }
  std::vector<std::string> Finished() const {
    std::vector<std::string> inputs;
    const Manifest manifest = Open(/*resume=*/true);
    for (const InputRecord& record : manifest.finished()) inputs.push_back(record.input);
    return inputs;
  }
  Path file() const { return folder_.path() / ".roost-manifest.jsonl"; }

  TemporaryDirectory folder_;
  const nlohmann::json settings_ = {{"conf_thres", 0.25}};
};

TEST_F(ManifestTest, WhatIsNotedIsKnownAgain) {
  {
    Manifest manifest = Open(false);
    InputRecord record = Record("in/a.jpg");
    record.found = {{.class_id = 3, .confidence = 0.1F, .box = {1, 2.5F, 3, 4}, .frame = 7}};
    manifest.Add(record);
    manifest.Add({.input = "in/b.jpg", .unusable = "it is broken"});
  }
  const Manifest again = Open(true);
  ASSERT_EQ(2U, again.finished().size());
  const InputRecord& a = again.finished()[0];
  EXPECT_EQ("in/a.jpg", a.input);
  EXPECT_EQ(7U, a.size);
  EXPECT_EQ(2, a.objects);
  EXPECT_THAT(a.outputs, ElementsAre(std::pair<const std::string, std::uint64_t>("a.out", 3)));
  ASSERT_EQ(1U, a.found.size());
  EXPECT_EQ(0.1F, a.found[0].confidence) << "the same float";
  EXPECT_EQ((Box{1, 2.5F, 3, 4}), a.found[0].box);
  EXPECT_EQ(7, a.found[0].frame);
  EXPECT_EQ("it is broken", again.finished()[1].unusable);
}

TEST_F(ManifestTest, ALineThatWasCutShortIsDroppedAndTheNextOneIsWhole) {
  Open(false).Add(Record("a.jpg"));
  WriteFile(file(), ReadText(file()) + R"({"input":"b.jpg","si)");
  Open(true).Add(Record("c.jpg"));
  EXPECT_THAT(Finished(), ElementsAre("a.jpg", "c.jpg"));
}

TEST_F(ManifestTest, FilesThatAreNotWhatTheyWereAreNotFinished) {
  {
    Manifest manifest = Open(false);
    for (const char* name : {"a.jpg", "b.jpg", "c.jpg"}) manifest.Add(Record(name));
  }
  fs::remove(folder_.path() / "a.out");
  WriteFile(folder_.path() / "b.out", "");
  EXPECT_THAT(Finished(), ElementsAre("c.jpg"));
}

TEST_F(ManifestTest, ANewRunKnowsNothingOfEarlierOnes) {
  Open(false).Add(Record("a.jpg"));
  { const Manifest manifest = Open(false); }
  EXPECT_THAT(Finished(), IsEmpty());
  EXPECT_TRUE(Manifest::LabelsIn(folder_.path()).files.contains("a.out")) << "but whose files are whose";
}

TEST_F(ManifestTest, NamesMayHoldAnyBytes) {
  const std::string name = "a\xFF\n\"b.jpg";
  Open(false).Add({.input = name, .outputs = {}});
  EXPECT_THAT(Finished(), ElementsAre(name));
  EXPECT_EQ("bytes:x", NameOfJson(JsonName("bytes:x")));
}

TEST_F(ManifestTest, ARunThatIsUnderWayIsNotGoneOnWithAndANewOneKeepsApart) {
  Manifest under_way = Open(false);
  try {
    Open(true);
    FAIL() << "two processes would do the same pictures";
  } catch (const Error& error) {
    EXPECT_EQ(ExitCode::kTryAgain, error.code());
    EXPECT_THAT(error.message(), HasSubstr("still under way"));
  }
  const Manifest beside = Open(false);
  EXPECT_NE(under_way.path(), beside.path());
  EXPECT_NE("", beside.suffix());
}

TEST_F(ManifestTest, ShardsOfOneFolderHaveAManifestEach) {
  const Manifest one({.folder = folder_.path(), .name = "1of2"}, settings_);
  const Manifest two({.folder = folder_.path(), .name = "2of2"}, settings_);
  EXPECT_EQ(folder_.path() / ".roost-manifest-1of2.jsonl", one.path());
  EXPECT_EQ("-2of2", two.suffix());
}

TEST_F(ManifestTest, DamagedLinesAreNoRecords) {
  Open(false).Add(Record("a.jpg"));
  WriteFile(file(), ReadText(file()) + "rubbish\n[1]\n{\"input\":7}\n{\"input\":\"x\",\"size\":\"y\"}\n");
  EXPECT_THAT(Finished(), ElementsAre("a.jpg"));
}

TEST(InputKeyTest, IsRelativeBelowTheWorkingDirectoryOnly) {
  EXPECT_EQ("in/a.jpg", InputKey("/scratch/1/in/a.jpg", "/scratch/1"));
  EXPECT_EQ("/data/a.jpg", InputKey("/data/a.jpg", "/scratch/1"));
  EXPECT_EQ("/scratch/12/a.jpg", InputKey("/scratch/12/a.jpg", "/scratch/1"));
}

}  // namespace
}  // namespace roost::yolo

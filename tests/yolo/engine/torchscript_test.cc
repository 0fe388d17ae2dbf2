#include "yolo/engine/torchscript.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"
#include "yolo/engine/torchscript_writer.h"

namespace roost::yolo {
namespace {

using test::WriteTorchScript;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Four rows of a head with two classes, all numbers the mean of the picture.
constexpr const char* kDetector = R"(
def forward(self, x):
    return x.mean([1, 2, 3]).view(-1, 1, 1).expand(x.size(0), 4, 7)
)";
constexpr const char* kConfig =
    R"({"shape": [1, 3, 64, 96], "stride": 32, "names": {"0": "cat", "1": "dog"}})";

class TorchScriptTest : public ::testing::Test {
 protected:
  Path Write(const test::ScriptFile& script) const {
    WriteTorchScript(file_, script);
    return file_;
  }

  Script Open(const test::ScriptFile& script) const {
    return OpenScript(ReadScriptInfo(Write(script)), {.device = "cpu"});
  }

  template <typename Work>
  static Error ErrorOf(Work&& work) {
    try {
      work();
    } catch (const Error& error) {
      EXPECT_THAT(error.message(), Not(HasSubstr("\n")));
      return error;
    }
    ADD_FAILURE() << "accepted";
    return Error("");
  }

  const TemporaryDirectory folder_;
  const Path file_ = folder_.path() / "best.torchscript";
};

/// `n` pictures, each of one colour: 0, 1, 2...
ImageBatch Pictures(std::int64_t n, Size size = {64, 96}) {
  ImageBatch batch{.n = n, .height = size.height, .width = size.width};
  for (std::int64_t i = 0; i < n; ++i) {
    batch.pixels.insert(batch.pixels.end(), static_cast<std::size_t>(3 * size.height * size.width),
                        static_cast<float>(i));
  }
  return batch;
}

TEST_F(TorchScriptTest, SaysNamesStrideAndShapeWithoutRunningIt) {
  const ScriptInfo info = ReadScriptInfo(Write({kDetector, kConfig}));
  EXPECT_EQ(Task::kDetect, info.task);
  EXPECT_THAT(info.names, ElementsAre("cat", "dog"));
  EXPECT_EQ(32, info.stride);
  EXPECT_EQ((TracedInput{1, {64, 96}}), info.traced);
  EXPECT_EQ((Size{64, 96}), info.fixed_input());
}

TEST_F(TorchScriptTest, NamesMayBeAListOrHaveGaps) {
  EXPECT_THAT(ReadScriptInfo(Write({kDetector, R"({"names": ["cat", "dog"]})"})).names,
              ElementsAre("cat", "dog"));
  EXPECT_THAT(ReadScriptInfo(Write({kDetector, R"({"names": {"2": "dog", "0": "cat"}})"})).names,
              ElementsAre("cat", "class1", "dog"));
}

TEST_F(TorchScriptTest, WithoutAConfigNothingIsKnown) {
  const ScriptInfo info = ReadScriptInfo(Write({kDetector, ""}));
  EXPECT_TRUE(info.names.empty());
  EXPECT_EQ(32, info.stride);
  EXPECT_EQ(std::nullopt, info.fixed_input());
}

TEST_F(TorchScriptTest, AProgramThatMakesItsGridTakesAnySize) {
  const ScriptInfo info = ReadScriptInfo(Write({R"(
def forward(self, x):
    grid = torch.arange(x.size(2) // 32 * x.size(3) // 32)
    return grid.view(1, -1, 1).expand(x.size(0), -1, 7).float()
)",
                                                kConfig}));
  EXPECT_EQ(std::nullopt, info.fixed_input());
  EXPECT_EQ(8, OpenScript(info, {.device = "cpu"}).engine->Run(Pictures(1, {64, 128})).rows);
}

TEST_F(TorchScriptTest, TheClassesOfTheProgramTellTheTask) {
  EXPECT_EQ(Task::kClassify, ReadScriptInfo(Write({kDetector, "", "ClassificationModel"})).task);
  EXPECT_EQ(Task::kSegment, ReadScriptInfo(Write({kDetector, "", "Segment"})).task);
}

TEST_F(TorchScriptTest, RecognisesAFileByItsContent) {
  EXPECT_TRUE(IsTorchScript(Write({kDetector, kConfig})));
  const Path renamed = folder_.path() / "best.pt";
  std::filesystem::copy_file(file_, renamed);
  EXPECT_TRUE(IsTorchScript(renamed));
  test::WriteFile(file_, "PK\3\4 and nothing more");
  EXPECT_FALSE(IsTorchScript(file_));
  EXPECT_FALSE(IsTorchScript(folder_.path() / "missing.torchscript"));
  EXPECT_FALSE(IsTorchScript(folder_.path()));
}

TEST_F(TorchScriptTest, RunsADetector) {
  const Script script = Open({kDetector, kConfig});
  EXPECT_EQ(Task::kDetect, script.task);
  EXPECT_EQ(2, script.classes);
  EXPECT_EQ(0, script.masks);
  const Predictions got = script.engine->Run(Pictures(1));
  EXPECT_EQ(1, got.n);
  EXPECT_EQ(4, got.rows);
  EXPECT_EQ(7, got.columns);
  EXPECT_EQ(0, got.prototypes.channels);
  EXPECT_THAT(script.engine->Description(), HasSubstr("TorchScript CPU"));
}

TEST_F(TorchScriptTest, TakesTheFirstOfATupleOrList) {
  const std::string rows = "x.mean([1, 2, 3]).view(-1, 1, 1).expand(x.size(0), 4, 7)";
  for (const std::string& result :
       {"(" + rows + ",)", "[" + rows + "]", "(" + rows + ", [x, x])", "[" + rows + ", x.mean([2])]"}) {
    const Script script = Open({"def forward(self, x):\n    return " + result + "\n", kConfig});
    EXPECT_EQ(Task::kDetect, script.task) << result;
    EXPECT_EQ(4, script.engine->Run(Pictures(1)).rows) << result;
  }
}

TEST_F(TorchScriptTest, GivesThePrototypesOfSegmentation) {
  const Script script = Open({R"(
def forward(self, x):
    return torch.zeros(x.size(0), 4, 5 + 2 + 3), x[:, :, ::4, ::4]
)",
                              kConfig});
  EXPECT_EQ(Task::kSegment, script.task);
  EXPECT_EQ(2, script.classes);
  EXPECT_EQ(3, script.masks);
  const Predictions got = script.engine->Run(Pictures(2));
  EXPECT_EQ(3, got.prototypes.channels);
  EXPECT_EQ(16, got.prototypes.height);
  EXPECT_EQ(24, got.prototypes.width);
  EXPECT_EQ(1, got.prototypes.of(1).front());
}

TEST_F(TorchScriptTest, AClassifierHasOneRowOfLogits) {
  const Script script = Open({"def forward(self, x):\n    return x.mean([2, 3])[:, :2]\n", kConfig});
  EXPECT_EQ(Task::kClassify, script.task);
  EXPECT_EQ(2, script.classes);
  const Predictions got = script.engine->Run(Pictures(2));
  EXPECT_EQ(1, got.rows);
  EXPECT_THAT(got.values, ElementsAre(0, 0, 1, 1));
}

TEST_F(TorchScriptTest, ALargerBatchThanTheExportsRunsInPieces) {
  const Script script = Open({R"(
def forward(self, x):
    assert x.size(0) <= 2, "too many pictures"
    return x.mean([1, 2, 3]).view(-1, 1, 1).expand(x.size(0), 4, 7)
)",
                              R"({"shape": [2, 3, 64, 96]})"});
  const Predictions got = script.engine->Run(Pictures(5));
  EXPECT_EQ(5, got.n);
  for (const std::int64_t i : {0, 1, 2, 3, 4}) EXPECT_EQ(static_cast<float>(i), got.of(i).front());
}

TEST_F(TorchScriptTest, AProgramForAFixedNumberOfPicturesIsGivenThatMany) {
  const Script script = Open({R"(
def forward(self, x):
    assert x.size(0) == 4, "exactly four pictures"
    return x.mean([1, 2, 3]).view(-1, 1, 1).expand(x.size(0), 4, 7)
)",
                              R"({"shape": [4, 3, 64, 96]})"});
  const Predictions got = script.engine->Run(Pictures(5));
  EXPECT_EQ(5, got.n);
  EXPECT_EQ(5U * 4 * 7, got.values.size());
  EXPECT_EQ(4, got.of(4).front());
}

TEST_F(TorchScriptTest, HalfPrecisionResultsAreWidened) {
  const Script script = Open(
      {"def forward(self, x):\n    return x.mean([1, 2, 3]).view(-1, 1, 1).expand(x.size(0), 4, 7).half()\n",
       kConfig});
  EXPECT_EQ(1, script.engine->Run(Pictures(2)).of(1).front());
}

TEST_F(TorchScriptTest, RefusesPicturesOfAnotherSizeThanTheExports) {
  const Script script = Open({kDetector, kConfig});
  const Error error = ErrorOf([&] { script.engine->Run(Pictures(1, {64, 64})); });
  EXPECT_EQ(ExitCode::kBadData, error.code());
  EXPECT_THAT(error.message(), HasSubstr("exported for pictures of 64x96, not of 64x64"));
}

TEST_F(TorchScriptTest, WhatAProgramPrintsIsNoResult) {
  ::testing::internal::CaptureStdout();
  Open({"def forward(self, x):\n    print('hello')\n    return torch.zeros(x.size(0), 4, 7)\n", kConfig});
  EXPECT_EQ("", ::testing::internal::GetCapturedStdout());
}

TEST_F(TorchScriptTest, RefusesProgramsThatAreNoYolov5Model) {
  const auto refusal = [&](const std::string& result) {
    const Error error = ErrorOf([&] {
      Open({"def forward(self, x):\n    return " + result + "\n", kConfig});
    });
    EXPECT_EQ(ExitCode::kBadData, error.code()) << result;
    EXPECT_THAT(error.message(), HasSubstr(file_.string())) << result;
    return error.message();
  };
  EXPECT_THAT(refusal("torch.zeros(1, 6, 8400)"), HasSubstr("[1, 6, 8400], does not fit its 2 classes"));
  EXPECT_THAT(refusal("x"), HasSubstr("[1, 3, 64, 96]"));
  EXPECT_THAT(refusal("torch.zeros(1, 3, 2, 3, 7)"), HasSubstr("raw maps"));
  EXPECT_THAT(refusal("x.size(0)"), HasSubstr("gives no tensor"));
  EXPECT_THAT(refusal("x.view(7, 7)"), HasSubstr("shape '[7, 7]' is invalid"));
}

TEST_F(TorchScriptTest, RefusesAConfigThatCannotBe) {
  const std::pair<const char*, const char*> samples[] = {
      {"[1]", "not what export.py writes"},
      {R"({"stride": 0})", "stride of 0"},
      {R"({"stride": "32"})", "stride that is not a number"},
      {R"({"stride": 1e30})", "which cannot be"},
      {R"({"shape": [1, 3, 64]})", "shape that is not four numbers"},
      {R"({"shape": [1, 3, 64, 100000000]})", "width of 100000000"},
      {R"({"names": 3})", "no list of names"},
      {R"({"names": {"999999999": "x"}})", "class '999999999'"},
      {R"({"names": {"cat": "x"}})", "class 'cat'"},
      {R"({"names": [[]]})", "class name that is not a text"},
  };
  for (const auto& [config, why] : samples) {
    const Path file = Write({kDetector, config});
    const Error error = ErrorOf([&] { ReadScriptInfo(file); });
    EXPECT_EQ(ExitCode::kBadData, error.code()) << config;
    EXPECT_THAT(error.message(), HasSubstr(why));
    EXPECT_THAT(error.message(), HasSubstr(file_.string()));
  }
}

TEST_F(TorchScriptTest, RefusesDamagedFiles) {
  Write({kDetector, kConfig});
  const std::string whole = test::ReadText(file_);
  const auto refusal = [&](const std::string& bytes) {
    test::WriteFile(file_, bytes);
    const Error error = ErrorOf([&] { ReadScriptInfo(file_); });
    EXPECT_EQ(ExitCode::kBadData, error.code());
    return error.message();
  };
  EXPECT_THAT(refusal(whole.substr(0, whole.size() / 2)), HasSubstr("cut off"));
  EXPECT_THAT(refusal("hello"), HasSubstr("not a TorchScript file"));
  EXPECT_THAT(refusal(""), HasSubstr("not a TorchScript file"));
  std::string flipped = whole;
  flipped[whole.find("cat")] = 'b';
  EXPECT_THAT(refusal(flipped), HasSubstr("checksum"));
}

TEST_F(TorchScriptTest, AMissingFileIsNoInput) {
  const Error error = ErrorOf([&] { ReadScriptInfo(folder_.path() / "missing.torchscript"); });
  EXPECT_EQ(ExitCode::kNoInput, error.code());
}

}  // namespace
}  // namespace roost::yolo

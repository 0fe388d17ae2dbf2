#include "yolo/train/results_csv.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"

namespace roost::yolo {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ResultsCsvTest : public ::testing::Test {
 protected:
  Path File() const { return folder_.path() / "results.csv"; }
  std::string Text() const { return test::ReadText(File()); }

  TemporaryDirectory folder_;
};

// Both lines: what utils/loggers of YOLOv5 v7.0 writes for these numbers (its two format expressions, in
// Python).
const char* const kHeader =
    "               epoch,      train/box_loss,      train/obj_loss,      train/cls_loss,   "
    "metrics/precision,"
    "      metrics/recall,     metrics/mAP_0.5,metrics/mAP_0.5:0.95,        val/box_loss,        "
    "val/obj_loss,"
    "        val/cls_loss,               x/lr0,               x/lr1,               x/lr2\n";
const char* const kLine =
    "                   7,            0.045679,               1e-05,            0.012346,             "
    "0.66667,"
    "                   1,                   0,          1.2346e+05,                 nan,                 "
    "0.5,"
    "                0.25,               0.001,              0.0001,                0.07\n";

EpochResults Some() {
  return {.epoch = 7,
          .train_box = 0.0456789,
          .train_obj = 1e-5,
          .train_cls = 0.0123456,
          .precision = 2.0 / 3,
          .recall = 1,
          .map50 = 0,
          .map = 123456,
          .val_box = std::nan(""),
          .val_obj = 0.5,
          .val_cls = 0.25,
          .lr0 = 0.001,
          .lr1 = 0.0001,
          .lr2 = 0.07};
}

TEST_F(ResultsCsvTest, LinesAreThoseOfTheReference) {
  ResultsCsv csv(File(), 0);
  EXPECT_EQ(kHeader, Text());
  csv.Append(Some());
  EXPECT_EQ(std::string(kHeader) + kLine, Text());
}

TEST_F(ResultsCsvTest, AResumedRunDropsWhatItWillDoAgain) {
  {
    ResultsCsv csv(File(), 0);
    for (const int epoch : {5, 6, 7, 8, 9}) csv.Append({.epoch = epoch});
  }
  const std::string before = Text();
  test::WriteFile(File(), before + "                  10,   0.0456");  // the machine went away
  ResultsCsv csv(File(), 7);
  EXPECT_EQ(before.substr(0, std::string(kHeader).size() + 2 * std::string(kLine).size()), Text());
  csv.Append(Some());
  EXPECT_THAT(Text(), ::testing::EndsWith(kLine));
}

TEST_F(ResultsCsvTest, AFileOfSomebodyElseIsLeftAlone) {
  test::WriteFile(File(), "name,price\napple,3\n");
  EXPECT_THAT([&] { ResultsCsv(File(), 3); },
              ThrowsMessage<Error>(HasSubstr("results.csv:1: these are no results of a training")));
  test::WriteFile(File(), std::string(kHeader) + "1,2\n");
  EXPECT_THAT([&] { ResultsCsv(File(), 3); },
              ThrowsMessage<Error>(HasSubstr("results.csv:2: this is no line of results")));
  EXPECT_THAT(Text(), HasSubstr("1,2"));
}

TEST_F(ResultsCsvTest, AnEmptyFileBeginsAnew) {
  test::WriteFile(File(), "");
  const ResultsCsv csv(File(), 3);
  EXPECT_EQ(kHeader, Text());
}

}  // namespace
}  // namespace roost::yolo

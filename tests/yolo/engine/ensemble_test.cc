#include "yolo/engine/ensemble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "yolo/engine/fake_engine.h"

namespace roost::yolo {
namespace {

using test::FakeEngine;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Gives `rows` rows of one column, numbered from `first`, and ten times that for the second picture.
std::shared_ptr<const Engine> Numbers(std::int64_t rows, float first) {
  return std::make_shared<FakeEngine>([=](const ImageBatch& batch) {
    Predictions predictions{.n = batch.n, .rows = rows, .columns = 1, .values = {}};
    for (std::int64_t picture = 0; picture < batch.n; ++picture) {
      for (std::int64_t row = 0; row < rows; ++row) {
        predictions.values.push_back((first + static_cast<float>(row)) * (picture == 0 ? 1.0F : 10.0F));
      }
    }
    return predictions;
  });
}

Error Refusal(const std::vector<EnsembleMember>& members) {
  try {
    EnsembleStride(members);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "accepted";
  return Error("");
}

TEST(EnsembleTest, GivesTheRowsOfEachModelForEachPicture) {
  const auto engine = Ensemble({Numbers(2, 1), Numbers(1, 7)});
  const Predictions got = engine->Run({2, 1, 1, std::vector<float>(6)});
  EXPECT_EQ(2, got.n);
  EXPECT_EQ(3, got.rows);
  EXPECT_THAT(got.values, ElementsAre(1, 2, 7, 10, 20, 70));
}

TEST(EnsembleTest, HasTheLargestStride) {
  EXPECT_EQ(64, EnsembleStride(std::vector<EnsembleMember>{{.file = "a.pt", .classes = 3, .stride = 32},
                                                           {.file = "b.pt", .classes = 3, .stride = 64}}));
}

TEST(EnsembleTest, RefusesDifferentNumbersOfClassesAndNamesBothFiles) {
  const Error error = Refusal({{.file = "a.pt", .classes = 80}, {.file = "b.pt", .classes = 3}});
  EXPECT_EQ(ExitCode::kBadData, error.code());
  EXPECT_THAT(error.message(), HasSubstr("'a.pt' and 'b.pt' together: they have 80 and 3 classes"));
}

TEST(EnsembleTest, RefusesWhatIsNoDetector) {
  const Error error =
      Refusal({{.file = "a.pt", .classes = 3}, {.file = "b.pt", .task = Task::kSegment, .classes = 3}});
  EXPECT_EQ(ExitCode::kBadData, error.code());
  EXPECT_THAT(error.message(), HasSubstr("'b.pt' together with others: it is a segmentation model"));
}

TEST(EnsembleTest, OneModelOfAnyTaskMayBeAlone) {
  EXPECT_EQ(32, EnsembleStride(
                    std::vector<EnsembleMember>{{.file = "a.pt", .task = Task::kSegment, .classes = 3}}));
}

}  // namespace
}  // namespace roost::yolo

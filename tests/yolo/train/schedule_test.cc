#include "yolo/train/schedule.h"

#include <gtest/gtest.h>

namespace roost::yolo {
namespace {

constexpr auto kBias = static_cast<std::size_t>(ParameterGroup::kBias);
constexpr auto kWeight = static_cast<std::size_t>(ParameterGroup::kWeight);

TEST(Schedule, WarmsUpForThreeEpochs) {
  const Schedule schedule({}, {.epochs = 10, .batches = 100, .batch_size = 16});
  const StepSize first = schedule.At(0, 0);
  EXPECT_DOUBLE_EQ(first.learning_rate[kBias], 0.1);
  EXPECT_DOUBLE_EQ(first.learning_rate[kWeight], 0);
  EXPECT_DOUBLE_EQ(first.momentum, 0.8);
  // Batch 150 of 300: half of the way to the rate of its epoch, 0.01 * (0.9 * 0.99 + 0.01) = 0.00901.
  const StepSize half = schedule.At(1, 50);
  EXPECT_DOUBLE_EQ(half.learning_rate[kWeight], 0.00901 / 2);
  EXPECT_DOUBLE_EQ(half.learning_rate[kBias], (0.1 + 0.00901) / 2);
  EXPECT_DOUBLE_EQ(half.momentum, (0.8 + 0.937) / 2);
}

TEST(Schedule, WarmsUpForAHundredBatchesAtLeast) {
  const Schedule schedule({}, {.epochs = 300, .batches = 2, .batch_size = 16});
  EXPECT_NEAR(schedule.At(25, 0).momentum, (0.8 + 0.937) / 2, 1e-12);
}

TEST(Schedule, FallsAlongALine) {
  const Schedule schedule({}, {.epochs = 10, .batches = 100, .batch_size = 16});
  EXPECT_DOUBLE_EQ(schedule.At(5, 7).learning_rate[kWeight], 0.01 * (0.5 * 0.99 + 0.01));
  EXPECT_DOUBLE_EQ(schedule.At(5, 7).learning_rate[kBias], 0.01 * (0.5 * 0.99 + 0.01));
  EXPECT_DOUBLE_EQ(schedule.At(5, 7).momentum, 0.937);
}

TEST(Schedule, FallsAlongACosine) {
  const Schedule schedule({}, {.epochs = 10, .batches = 100, .batch_size = 16, .cosine = true});
  EXPECT_NEAR(schedule.At(5, 0).learning_rate[kWeight], 0.01 * (1 - 0.99 / 2), 1e-12);
}

TEST(Schedule, SumsGradientsToABatchOf64) {
  const Schedule schedule({}, {.epochs = 10, .batches = 100, .batch_size = 16});
  EXPECT_EQ(schedule.Accumulate(0, 0), 1);
  EXPECT_EQ(schedule.Accumulate(1, 50), 2) << "half-way, 2.5 goes to the even neighbour";
  EXPECT_EQ(schedule.Accumulate(5, 0), 4);
  EXPECT_DOUBLE_EQ(schedule.weight_decay(), 0.0005);
  const Schedule large({}, {.epochs = 10, .batches = 100, .batch_size = 128});
  EXPECT_EQ(large.Accumulate(5, 0), 1);
  EXPECT_DOUBLE_EQ(large.weight_decay(), 0.001);
}

}  // namespace
}  // namespace roost::yolo

#include "yolo/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"
#include "yolo/train/shapes.h"
#include "yolo/train/tiny_model.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAreArray;

struct Watching final : TrainObserver {
  void BatchDone(const BatchProgress& progress, const TrainBatch& /*batch*/) override {
    losses.push_back(progress.mean.box + progress.mean.obj + progress.mean.cls);
  }
  void EpochDone(const EpochResult& result, const Trainer& trainer) override {
    results.push_back(result);
    if (result.epoch != keep) return;
    model = trainer.Model();
    average = trainer.Average();
    state = trainer.State();
    updates = trainer.updates();
  }

  std::int64_t keep = -1;  ///< epoch after which a copy is taken
  std::shared_ptr<const Module> model, average;
  Attribute state;
  std::int64_t updates = 0;
  std::vector<double> losses;
  std::vector<EpochResult> results;
};

class TrainerTest : public ::testing::Test {
 protected:
  TrainTask Task(std::int64_t epochs) const {
    TrainTask task{
        .model = test::TinyModel(2), .train = &dataset_, .val = &dataset_, .names = {"red", "blue"}};
    task.options.epochs = epochs;
    task.options.batch_size = 4;
    task.options.imgsz = 64;
    task.options.workers = 2;
    task.options.threads = 1;
    task.options.seed = 3;
    return task;
  }

  const TemporaryDirectory folder_;
  const Path yaml_ = test::WriteShapes(folder_.path());
  const Dataset dataset_ = ReadDataset({folder_.path() / "images"}, {.classes = 2});
};

/// Every number of a network, in the order of the tree.
std::vector<float> Numbers(const Module& module) {
  std::vector<float> numbers;
  for (const auto* list : {&module.parameters, &module.buffers}) {
    for (const auto& [name, tensor] : *list) {
      if (!tensor) continue;
      const std::vector<float> more = tensor->ToFloats();
      numbers.insert(numbers.end(), more.begin(), more.end());
    }
  }
  for (const auto& [name, child] : module.children) {
    if (child == nullptr) continue;
    const std::vector<float> more = Numbers(*child);
    numbers.insert(numbers.end(), more.begin(), more.end());
  }
  return numbers;
}

TEST_F(TrainerTest, LossesFall) {
  Watching watching;
  Trainer trainer(Task(25), watching);
  EXPECT_EQ(trainer.Run(), TrainEnd::kFinished);
  ASSERT_EQ(watching.results.size(), 25U);
  const LossItems first = watching.results.front().train, last = watching.results.back().train;
  EXPECT_LT(last.box, first.box);
  EXPECT_LT(last.obj, first.obj);
  EXPECT_TRUE(watching.results.back().measured);
  EXPECT_EQ(watching.results.back().metrics.images, 8);
}

TEST_F(TrainerTest, GoesOnAsIfItHadNeverStopped) {
  Watching whole;
  Trainer uninterrupted(Task(4), whole);
  uninterrupted.Run();

  Watching before;
  before.keep = 1;
  Trainer first(Task(4), before);
  first.Run();
  Watching after;
  TrainTask task = Task(4);
  task.model = before.model;
  Trainer second(std::move(task), after);
  second.Restore(before.state, before.average, before.updates, 2);
  second.Run();

  ASSERT_EQ(after.results.size(), 2U);
  EXPECT_THAT(Numbers(*second.Model()), ElementsAreArray(Numbers(*uninterrupted.Model())));
  EXPECT_THAT(Numbers(*second.Average()), ElementsAreArray(Numbers(*uninterrupted.Average())));
  EXPECT_EQ(after.results.back().train.box, whole.results.back().train.box);
  EXPECT_EQ(after.results.back().fitness, whole.results.back().fitness);
}

TEST_F(TrainerTest, DoesNotGoOnFromAnotherRun) {
  Watching watching;
  watching.keep = 0;
  Trainer first(Task(1), watching);
  first.Run();
  TrainTask task = Task(2);
  task.model = test::TinyModel(3);
  task.names.emplace_back("green");
  Trainer second(std::move(task), watching);
  EXPECT_THROW(second.Restore(watching.state, watching.average, 1, 1), Error);
}

TEST_F(TrainerTest, StopsWhereItIsTold) {
  Watching watching;
  TrainTask task = Task(3);
  // Of two batches an epoch: the second epoch's first.
  task.stop_requested = [&] { return watching.losses.size() >= 3; };
  Trainer trainer(std::move(task), watching);
  EXPECT_EQ(trainer.Run(), TrainEnd::kInterrupted);
  EXPECT_EQ(watching.results.size(), 1U);
  EXPECT_EQ(trainer.epoch(), 1) << "the epoch that was cut short is done again";
}

TEST_F(TrainerTest, StopsInTheMiddleOfMeasuring) {
  Watching watching;
  TrainTask task = Task(3);
  bool measuring = false;
  task.stop_requested = [&] { return measuring || (measuring = watching.losses.size() == 2, false); };
  Trainer trainer(std::move(task), watching);
  EXPECT_EQ(trainer.Run(), TrainEnd::kInterrupted);
  EXPECT_TRUE(watching.results.empty()) << "what was not measured is not saved";
  EXPECT_EQ(trainer.epoch(), 0);
}

TEST_F(TrainerTest, EndsWhereTheLossIsNoLongerANumber) {
  Watching watching;
  TrainTask task = Task(20);
  task.options.hyperparameters.lr0 = task.options.hyperparameters.warmup_bias_lr = 1e30;
  Trainer trainer(std::move(task), watching);
  try {
    trainer.Run();
    FAIL() << "went on";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), ::testing::HasSubstr("the loss is no longer a number in epoch"));
    EXPECT_THAT(error.hint(), ::testing::HasSubstr("lr0"));
  }
}

TEST_F(TrainerTest, WantsSomethingToTrain) {
  Watching watching;
  TrainTask task = Task(1);
  task.options.freeze = {100};
  EXPECT_THROW(Trainer(std::move(task), watching), Error);
}

TEST_F(TrainerTest, StopsWhereItNoLongerGetsBetter) {
  Watching watching;
  TrainTask task = Task(50);
  task.options.patience = 2;
  task.options.hyperparameters.lr0 = task.options.hyperparameters.warmup_bias_lr = 0;
  // Nothing moves but the running statistics.
  Trainer trainer(std::move(task), watching);
  const TrainEnd end = trainer.Run();
  EXPECT_TRUE(end == TrainEnd::kStoppedEarly || watching.results.size() == 50);
  EXPECT_GE(watching.results.size(), 3U);
}

TEST_F(TrainerTest, TakesBackgroundPicturesAsTheyAre) {
  const TemporaryDirectory folder;
  test::WriteShapes(folder.path(), {.pictures = 4, .backgrounds = 4});
  const Dataset dataset = ReadDataset({folder.path() / "images"}, {.classes = 2});
  EXPECT_EQ(dataset.background(), 4U);
  Watching watching;
  TrainTask task = Task(1);
  task.train = &dataset;
  Trainer trainer(std::move(task), watching);
  EXPECT_EQ(trainer.Run(), TrainEnd::kFinished);
  EXPECT_EQ(watching.losses.size(), 2U) << "8 pictures in batches of 4";
}

}  // namespace
}  // namespace roost::yolo

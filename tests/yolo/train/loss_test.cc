// The expected numbers are those of YOLOv5 v7.0 (utils/loss.py, smart_optimizer) with torch 1.13 on one
// thread: its yolov5n.pt in training mode, the picture and the labels below, hyp.scratch-low.yaml with gains
// for 80 classes and
// --imgsz 160. For the steps: clip_grad_norm_(10), learning rates 0.05 (biases) and 0.002, momentum 0.85.

#include "yolo/train/loss.h"

#include <gtest/gtest.h>

#include "support/support.h"
#include "yolo/train/network.h"
#include "yolo/train/optimizer.h"

namespace roost::yolo {
namespace {

constexpr double kTolerance = 1e-3;  // relative

void ExpectNear(double value, double expected, double tolerance = kTolerance) {
  EXPECT_NEAR(value, expected, tolerance * expected);
}

/// [2, 3, 128, 160]
at::Tensor Pictures() {
  at::Tensor pictures = at::empty({2, 3, 128, 160}, at::kFloat);
  auto* pixel = pictures.data_ptr<float>();
  for (int n = 0; n < 2; ++n) {
    for (int c = 0; c < 3; ++c) {
      for (int y = 0; y < 128; ++y) {
        for (int x = 0; x < 160; ++x) {
          const int value = (c * 7 + y * 3 + x * 5 + n * 11 + y * x / 64) % 256;
          *pixel++ = static_cast<float>(value / 255.0);
        }
      }
    }
  }
  return pictures;
}

const std::vector<Target> kTargets = {
    {.picture = 0, .class_id = 0, .x = .5F, .y = .5F, .width = .4F, .height = .6F},
    {.picture = 0, .class_id = 17, .x = .21F, .y = .3F, .width = .1F, .height = .12F},
    {.picture = 0, .class_id = 3, .x = .93F, .y = .88F, .width = .12F, .height = .2F},
    {.picture = 1, .class_id = 79, .x = .5F, .y = .02F, .width = .9F, .height = .05F},
    {.picture = 1, .class_id = 0, .x = .333F, .y = .667F, .width = .25F, .height = .25F},
    {.picture = 1, .class_id = 5, .x = .334F, .y = .668F, .width = .26F, .height = .25F}};

std::shared_ptr<const Module> Yolov5n() {
  return LoadCheckpoint(*test::ReferenceDir() / "weights/yolov5n.pt").model;
}

Loss LossOf(const Hyperparameters& hyperparameters, std::span<const Target> targets) {
  const TrainNetwork network(Yolov5n(), at::kCPU);
  const DetectionLoss loss(network.head(), hyperparameters, 160);
  return loss(network.Forward(Pictures(), Mode::kTrain), targets);
}

TEST(Loss, OfTheFirstStepsIsTheReferences) {
  ROOST_NEEDS_REFERENCE();
  const TrainNetwork network(Yolov5n(), at::kCPU);
  const Hyperparameters hyperparameters;
  const DetectionLoss loss(network.head(), hyperparameters, 160);
  Optimizer optimizer(OptimizerKind::kSgd, network.parameters(), 0.937, 0.0005);
  struct Expected {
    double total, box, obj, cls, norm;
  };
  for (const auto& [total, box, obj, cls, norm] :
       {Expected{0.4567159, 0.1164184, 0.02613392, 0.08580567, 3.761366},
        Expected{0.4265511, 0.1143288, 0.02485075, 0.07409599, 5.117846},
        Expected{0.4081815, 0.1016877, 0.02793921, 0.07446383, 10.61651},
        Expected{0.386533, 0.09396685, 0.02450847, 0.07479116, 9.130989}}) {
    const Loss found = loss(network.Forward(Pictures(), Mode::kTrain), kTargets);
    ExpectNear(found.total.item<double>(), total);
    ExpectNear(found.items.box, box);
    ExpectNear(found.items.obj, obj);
    ExpectNear(found.items.cls, cls);
    optimizer.ZeroGradients();
    found.total.backward();
    ExpectNear(optimizer.ClipGradients(10), norm);
    optimizer.Step({.learning_rate = {0.05, 0.002, 0.002}, .momentum = 0.85});
  }
}

TEST(Loss, OfAdamsStepsIsTheReferences) {
  ROOST_NEEDS_REFERENCE();
  const auto losses = [](OptimizerKind kind) {
    const TrainNetwork network(Yolov5n(), at::kCPU);
    const Hyperparameters hyperparameters;
    const DetectionLoss loss(network.head(), hyperparameters, 160);
    Optimizer optimizer(kind, network.parameters(), 0.937, 0.0005);
    std::vector<double> totals;
    for (int step = 0; step < 3; ++step) {
      const Loss found = loss(network.Forward(Pictures(), Mode::kTrain), kTargets);
      totals.push_back(found.total.item<double>());
      optimizer.ZeroGradients();
      found.total.backward();
      optimizer.Step({.learning_rate = {0.001, 0.001, 0.001}});
    }
    return totals;
  };
  const std::vector<double> adam = losses(OptimizerKind::kAdam), adamw = losses(OptimizerKind::kAdamW);
  // Its first steps go by the sign of a gradient, also where that is nothing but rounding.
  constexpr double kLater = 3e-3;
  ExpectNear(adam[1], 0.3583683);
  ExpectNear(adam[2], 0.2433519, kLater);
  ExpectNear(adamw[1], 0.3576874);
  ExpectNear(adamw[2], 0.240991, kLater);
}

TEST(Loss, SmoothsLabels) {
  ROOST_NEEDS_REFERENCE();
  Hyperparameters hyperparameters;
  hyperparameters.label_smoothing = 0.1;
  ExpectNear(LossOf(hyperparameters, kTargets).items.cls, 0.5499451);
}

TEST(Loss, IsFocalOnRequest) {
  ROOST_NEEDS_REFERENCE();
  Hyperparameters hyperparameters;
  hyperparameters.fl_gamma = 1.5;
  const LossItems items = LossOf(hyperparameters, kTargets).items;
  ExpectNear(items.obj, 0.003225148);
  ExpectNear(items.cls, 0.01854388);
}

TEST(Loss, WeighsPositives) {
  ROOST_NEEDS_REFERENCE();
  Hyperparameters hyperparameters;
  hyperparameters.cls_pw = 1.5;
  hyperparameters.obj_pw = 0.7;
  const LossItems items = LossOf(hyperparameters, kTargets).items;
  ExpectNear(items.obj, 0.01851787);
  ExpectNear(items.cls, 0.1237411);
}

TEST(Loss, OfBackgroundIsObjectnessAlone) {
  ROOST_NEEDS_REFERENCE();
  const Loss found = LossOf({}, {});
  ExpectNear(found.total.item<double>(), 0.00150435);
  ExpectNear(found.items.obj, 0.0007521748);
  EXPECT_EQ(found.items.box, 0);
  EXPECT_EQ(found.items.cls, 0);
}

DetectOp OneLevel() { return {.classes = 2, .strides = {8}, .anchors = {{{16, 16}, {80, 40}}}}; }

TEST(Match, TakesTheCellOfTheCentreAndItsTwoNearestNeighbours) {
  const DetectionLoss loss(OneLevel(), {}, 640);
  // The centre is at (3.25, 2.75) cells: left and below are near.
  const Target target{
      .picture = 0, .class_id = 1, .x = 3.25F / 8, .y = 2.75F / 8, .width = .25F, .height = .3F};
  const auto matches = loss.Match(0, 8, 8, std::vector{target});
  // Anchor 0 of 2 x 2 cells, row * 8 + column.
  EXPECT_EQ(matches.rows, (std::vector<std::int64_t>{2 * 8 + 3, 2 * 8 + 2, 3 * 8 + 3}));
  EXPECT_FLOAT_EQ(matches.boxes[0], 0.25F);
  EXPECT_FLOAT_EQ(matches.boxes[4], 1.25F) << "told from the neighbour's place";
  EXPECT_EQ(matches.classes, (std::vector<std::int64_t>{1, 1, 1}));
}

TEST(Match, WantsSidesOfLikeLength) {
  const DetectionLoss loss(OneLevel(), {}, 640);
  // 8 x 1 cells: 4 times the width of anchor 0; 4/5 of the width and a fifth of the height of anchor 1.
  const Target target{.x = .5F, .y = .5F, .width = 1, .height = .125F};
  EXPECT_TRUE(loss.Match(0, 8, 8, std::vector{target}).rows.empty());
}

TEST(Match, StaysInsideTheMap) {
  const DetectionLoss loss(OneLevel(), {}, 640);
  const Target target{.x = 1, .y = 1, .width = .25F, .height = .25F};
  for (const std::int64_t row : loss.Match(0, 8, 8, std::vector{target}).rows) EXPECT_LT(row, 64);
}

}  // namespace
}  // namespace roost::yolo

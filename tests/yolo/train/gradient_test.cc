// Gradients against differences of the loss itself, on a model so small that every kind of weight can be
// tried.

#include <cmath>

#include <gtest/gtest.h>

#include "yolo/train/loss.h"
#include "yolo/train/network.h"
#include "yolo/train/tiny_model.h"

namespace roost::yolo {
namespace {

at::Tensor Pictures() {
  at::Tensor pictures = at::empty({2, 3, 32, 64}, at::kFloat);
  auto* pixel = pictures.data_ptr<float>();
  for (std::int64_t i = 0; i < pictures.numel(); ++i) {
    pixel[i] = static_cast<float>((i * 37 + i / 64 * 11) % 101) / 100;
  }
  return pictures;
}

/// Compares the gradients of `loss` in the weights that matter most, of each tensor two.
template <typename LossOf>
void CheckGradients(const TrainNetwork& network, LossOf loss_of) {
  loss_of().backward();
  for (const Parameter& parameter : network.parameters()) {
    at::Tensor flat = parameter.tensor.detach().view(-1);
    ASSERT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
    const at::Tensor gradient = parameter.tensor.grad().view(-1);
    for (const std::int64_t place : {gradient.abs().argmax().item<std::int64_t>(), gradient.numel() / 2}) {
      const auto expected = gradient[place].item<double>();
      if (std::abs(expected) < 1e-4) continue;  // drowns in what 32 bits round away
      const auto value = flat[place].item<float>();
      const float step = 4e-3F;
      flat[place] = value + step;
      const auto above = loss_of().template item<double>();
      flat[place] = value - step;
      const auto below = loss_of().template item<double>();
      flat[place] = value;
      EXPECT_NEAR((above - below) / (2 * static_cast<double>(step)), expected,
                  0.02 * std::abs(expected) + 2e-4)
          << parameter.name << "[" << place << "]";
    }
  }
}

// What the objects are tested against depends on the prediction and is, on purpose, not differentiated: so
// each part is tried where that does not matter.

TEST(Gradients, OfTheClassesAreTheSlopesOfTheLoss) {
  const TrainNetwork network(test::TinyModel(3), at::kCPU);
  Hyperparameters hyperparameters;
  hyperparameters.box = hyperparameters.obj = 0;
  hyperparameters.cls = 40;
  const DetectionLoss loss(network.head(), hyperparameters, 640);
  const std::vector<Target> targets = {
      {.picture = 0, .class_id = 2, .x = .4F, .y = .6F, .width = .3F, .height = .6F},
      {.picture = 1, .class_id = 0, .x = .7F, .y = .3F, .width = .6F, .height = .5F}};
  const at::Tensor pictures = Pictures();
  CheckGradients(network, [&] { return loss(network.Forward(pictures, Mode::kTrain), targets).total; });
}

TEST(Gradients, OfBackgroundAreTheSlopesOfTheLoss) {
  const TrainNetwork network(test::TinyModel(3), at::kCPU);
  const DetectionLoss loss(network.head(), {}, 640);
  const at::Tensor pictures = Pictures();
  CheckGradients(network, [&] { return loss(network.Forward(pictures, Mode::kTrain), {}).total; });
}

TEST(Gradients, OfTheBoxAreTheSlopesOfTheLoss) {
  // One matched anchor with the aspect ratio of its label: there the part of CIoU that is held fixed is zero.
  const DetectOp head{.classes = 1, .strides = {8}, .anchors = {{{16, 32}}}};
  Hyperparameters hyperparameters;
  hyperparameters.obj = 0;
  hyperparameters.box = 1;
  const DetectionLoss loss(head, hyperparameters, 640);
  const Target target{.x = .53F, .y = .47F, .width = .3F, .height = .6F};
  at::Tensor level = at::zeros({1, 1, 8, 8, 6}, at::kFloat).requires_grad_();
  const auto loss_of = [&] { return loss({level}, std::vector{target}).total; };
  loss_of().backward();
  const at::Tensor gradient = level.grad().view(-1);
  const auto rows = loss.Match(0, 8, 8, std::vector{target}).rows;
  ASSERT_FALSE(rows.empty());
  at::Tensor flat = level.detach().view(-1);
  for (const std::int64_t row : rows) {
    for (std::int64_t column = 0; column < 4; ++column) {
      const std::int64_t place = row * 6 + column;
      const float step = 1e-2F;
      flat[place] = step;
      const auto above = loss_of().item<double>();
      flat[place] = -step;
      const auto below = loss_of().item<double>();
      flat[place] = 0;
      EXPECT_NEAR((above - below) / (2 * static_cast<double>(step)), gradient[place].item<double>(), 2e-3);
    }
  }
  EXPECT_GT(gradient.abs().max().item<double>(), 0.01);
}

TEST(Gradients, AreNoneOfFrozenLayers) {
  TrainNetwork network(test::TinyModel(3), at::kCPU);
  EXPECT_EQ(network.Freeze({0, 1}), 6U)
      << "weight of the convolution, weight and bias of its batch norm; twice";
  const DetectionLoss loss(network.head(), {}, 640);
  loss(network.Forward(Pictures(), Mode::kTrain), {}).total.backward();
  for (const Parameter& parameter : network.parameters()) {
    const bool frozen = parameter.name.starts_with("model.0.") || parameter.name.starts_with("model.1.");
    EXPECT_EQ(parameter.tensor.grad().defined(), !frozen) << parameter.name;
  }
}

}  // namespace
}  // namespace roost::yolo

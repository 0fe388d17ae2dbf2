#include "roost/yolo/module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::ThrowsMessage;

Module Convolution() {
  Module module;
  module.class_name = "torch.nn.modules.conv.Conv2d";
  module.path = "model.0.conv";
  module.attributes = {{"groups", {std::int64_t{2}}},
                       {"stride", {AttributeList{{std::int64_t{2}}, {std::int64_t{1}}}}},
                       {"padding", {std::string("same")}},
                       {"eps", {0.5}},
                       {"inplace", {true}},
                       {"size", {}}};
  module.parameters = {{"weight", Tensor::FromFloats({1}, {5})}, {"bias", std::nullopt}};
  module.buffers = {{"mean", Tensor::FromFloats({1}, {6})}};
  module.children = {{"act", std::make_shared<Module>()}, {"bn", nullptr}};
  return module;
}

TEST(ModuleTest, FindsChildrenTensorsAndAttributesByTheirPythonNames) {
  const Module module = Convolution();
  EXPECT_NE(nullptr, module.FindChild("act"));
  EXPECT_EQ(&module.Child("act"), &module["act"]);
  EXPECT_THAT(module.RequiredTensor("weight").ToFloats(), ElementsAre(5));
  EXPECT_THAT(module.RequiredTensor("mean").ToFloats(), ElementsAre(6));
  EXPECT_EQ(2, module.Int("groups"));
  EXPECT_EQ(0.5, module.Double("eps"));
  EXPECT_EQ(2.0, module.Double("groups"));
  EXPECT_TRUE(module.Bool("inplace"));
  EXPECT_EQ("same", module.String("padding"));
}

TEST(ModuleTest, WhatIsNoneCountsAsAbsent) {
  const Module module = Convolution();
  EXPECT_EQ(nullptr, module.FindChild("bn"));
  EXPECT_EQ(nullptr, module.FindTensor("bias"));
  EXPECT_EQ(nullptr, module.FindAttribute("size"));
  EXPECT_EQ(7, module.Int("size", 7));
}

TEST(ModuleTest, ANumberStandsForBothOfAPair) {
  const Module module = Convolution();
  EXPECT_THAT(module.Pair("groups"), Pair(2, 2));
  EXPECT_THAT(module.Pair("stride"), Pair(2, 1));
  EXPECT_THAT(module.Pair("dilation", 1), Pair(1, 1));
  EXPECT_THAT(module.Ints("groups"), ElementsAre(2));
  EXPECT_THAT(module.Ints("stride"), ElementsAre(2, 1));
}

TEST(ModuleTest, DefaultsAreForAbsentAttributesOnly) {
  const Module module = Convolution();
  EXPECT_EQ(1, module.Int("dilation", 1));
  EXPECT_EQ("zeros", module.String("padding_mode", "zeros"));
  EXPECT_THROW(module.Int("padding", 1), Error);
  EXPECT_THROW(module.Bool("groups", true), Error);
  EXPECT_THROW(module.Pair("padding", 1), Error);
}

TEST(ModuleTest, ErrorsNameTheLayerItsClassAndWhatIsWrong) {
  const Module module = Convolution();
  const std::string layer = "layer model.0.conv (torch.nn.modules.conv.Conv2d): ";
  EXPECT_THAT([&] { module.Child("bn"); }, ThrowsMessage<Error>(layer + "has no module 'bn'"));
  EXPECT_THAT([&] { module.RequiredTensor("bias"); }, ThrowsMessage<Error>(layer + "has no tensor 'bias'"));
  EXPECT_THAT([&] { module.Int("f"); }, ThrowsMessage<Error>(layer + "has no attribute 'f'"));
  EXPECT_THAT([&] { module.Int("padding"); },
              ThrowsMessage<Error>(layer + "attribute 'padding' is 'same', not an integer"));
  EXPECT_EQ(ExitCode::kBadData, module.Wrong("").code());
}

}  // namespace
}  // namespace roost::yolo

#include "yolo/model/checkpoint_writer.h"

#include <cstring>
#include <filesystem>
#include <span>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/error.h"
#include "support/support.h"
#include "yolo/model/checkpoint.h"

namespace roost::yolo {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::vector<std::byte> BytesOf(const Tensor& tensor) {
  std::vector<std::byte> room;
  const std::span<const std::byte> bytes = tensor.ContiguousBytes(room);
  return {bytes.begin(), bytes.end()};
}

void ExpectSame(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.dtype, b.dtype);
  EXPECT_EQ(a.shape, b.shape);
  EXPECT_EQ(a.requires_grad, b.requires_grad);
  EXPECT_EQ(BytesOf(a), BytesOf(b));
}

void ExpectSame(const Attribute& a, const Attribute& b);

struct SameAs {
  const Attribute& other;
  template <typename T>
  void operator()(const T& value) const {
    EXPECT_EQ(value, std::get<T>(other.value));
  }
  void operator()(const Tensor& value) const { ExpectSame(value, std::get<Tensor>(other.value)); }
  void operator()(const OpaqueObject& value) const {
    EXPECT_EQ(value.class_name, std::get<OpaqueObject>(other.value).class_name);
  }
  void operator()(const AttributeList& list) const {
    const auto& others = std::get<AttributeList>(other.value);
    ASSERT_EQ(list.size(), others.size());
    for (std::size_t i = 0; i < list.size(); ++i) ExpectSame(list[i], others[i]);
  }
  void operator()(const AttributeMap& map) const {
    const auto& others = std::get<AttributeMap>(other.value);
    ASSERT_EQ(map.size(), others.size());
    for (std::size_t i = 0; i < map.size(); ++i) {
      ExpectSame(map[i].key, others[i].key);
      ExpectSame(map[i].value, others[i].value);
    }
  }
};

void ExpectSame(const Attribute& a, const Attribute& b) {
  ASSERT_EQ(a.value.index(), b.value.index());
  EXPECT_EQ(a.is_tuple, b.is_tuple);
  std::visit(SameAs{b}, a.value);
}

/// All weights and all attributes of `a` are in `b`; tables that a forward pass makes need not be.
void ExpectSame(const Module& a, const Module& b) {
  SCOPED_TRACE(a.path);
  EXPECT_EQ(a.class_name, b.class_name);
  const auto compare = [](const auto& ones, const auto& others) {
    for (const auto& [name, tensor] : ones) {
      const auto found = std::ranges::find_if(others, [&](const auto& other) { return other.first == name; });
      ASSERT_TRUE(found != others.end()) << name;
      ASSERT_EQ(tensor.has_value(), found->second.has_value());
      if (tensor) ExpectSame(*tensor, *found->second);
    }
  };
  compare(a.parameters, b.parameters);
  compare(a.buffers, b.buffers);
  for (const auto& [name, value] : a.attributes) {
    if (name == "grid" || name == "anchor_grid" || std::holds_alternative<OpaqueObject>(value.value))
      continue;
    SCOPED_TRACE(name);
    const Attribute* other = b.FindAttribute(name);
    if (std::holds_alternative<std::monostate>(value.value)) {
      EXPECT_EQ(nullptr, other);
    } else {
      ASSERT_NE(nullptr, other);
      ExpectSame(value, *other);
    }
  }
  ASSERT_EQ(a.children.size(), b.children.size());
  for (std::size_t i = 0; i < a.children.size(); ++i) {
    EXPECT_EQ(a.children[i].first, b.children[i].first);
    ExpectSame(*a.children[i].second, *b.children[i].second);
  }
}

class CheckpointWriterTest : public ::testing::Test {
 protected:
  static CheckpointToSave Small() {
    auto conv = std::make_shared<Module>();
    conv->class_name = "torch.nn.modules.conv.Conv2d";
    conv->attributes = {{"kernel_size", {AttributeList{{std::int64_t{2}}, {std::int64_t{1}}}}},
                        {"padding", {AttributeList{{std::int64_t{1}}, {std::int64_t{0}}}, true}}};
    conv->parameters = {{"weight", Tensor::FromFloats({1, 1, 2, 1}, {1.5F, -65505.0F})}};
    conv->parameters.front().second->requires_grad = true;
    auto layers = std::make_shared<Module>();
    layers->class_name = "torch.nn.modules.container.Sequential";
    layers->children = {{"0", conv}, {"1", conv}, {"2", nullptr}};
    auto model = std::make_shared<Module>();
    model->class_name = "models.yolo.DetectionModel";
    model->children = {{"model", layers}};
    CheckpointToSave checkpoint;
    checkpoint.model = model;
    return checkpoint;
  }

  Path file_ = "last.pt";
  TemporaryDirectory folder_;
  Path At(const std::string& name) const { return folder_.path() / name; }
};

TEST_F(CheckpointWriterTest, WhatTrainingNeedsReadsBackAsItIs) {
  CheckpointToSave checkpoint = Small();
  checkpoint.epoch = 7;
  checkpoint.best_fitness = 0.1234567890123;
  checkpoint.updates = 5'000'000'000;
  checkpoint.opt = {TextItem("epochs", {std::int64_t{300}}), TextItem("cfg", {std::string("yolov5n.yaml")})};
  const std::vector<std::int64_t> counters = {1, -2, 1LL << 40};
  const AttributeList momentum = {{Tensor::FromFloats({2, 2}, {1, 2.5F, -3e-20F, 4})},
                                  {Tensor::View(DType::kInt64, {3}, std::as_bytes(std::span(counters)), {})},
                                  {Tensor::FromFloats({0, 4}, {})},
                                  {Tensor::FromFloats({}, {3})}};
  checkpoint.training_state = {AttributeMap{TextItem("momentum", {momentum}), TextItem("none", {}),
                                            TextItem("seed", {std::int64_t{-1}}), TextItem("lr", {0.1}),
                                            TextItem("cos", {true}), TextItem("pair", {momentum, true}),
                                            TextItem("empty", {AttributeMap{}})}};
  SaveCheckpoint(checkpoint, At("last.pt"));

  const SavedTraining saved = ReadSavedTraining(At("last.pt"));
  ExpectSame(checkpoint.training_state, saved.training_state);
  EXPECT_EQ(7, saved.epoch);
  EXPECT_EQ(0.1234567890123, saved.best_fitness);
  EXPECT_EQ(5'000'000'000, saved.updates);
  ExpectSame(Attribute{checkpoint.opt}, Attribute{saved.opt});
  ExpectSame((*checkpoint.model)["model"]["0"].RequiredTensor("weight"),
             (*saved.model)["model"]["0"].RequiredTensor("weight"));
  EXPECT_EQ(nullptr, saved.ema);
  EXPECT_EQ(nullptr, saved.model->FindChild("model")->FindChild("2"));
}

TEST_F(CheckpointWriterTest, TheSmoothedCopyIsTheOneThatIsUsed) {
  CheckpointToSave checkpoint = Small();
  CheckpointToSave other = Small();
  auto named = std::make_shared<Module>(*other.model);
  named->attributes.emplace_back("is_ema", Attribute{true});
  checkpoint.ema = named;
  checkpoint.names = {"stop", "yield"};
  checkpoint.training_state = {std::int64_t{1}};
  SaveCheckpoint(checkpoint, At("last.pt"));

  const Checkpoint read = LoadCheckpoint(At("last.pt"));
  EXPECT_TRUE(read.from_ema);
  EXPECT_TRUE(read.model->Bool("is_ema"));
  EXPECT_THAT(read.names, ::testing::ElementsAre("stop", "yield"));
  const SavedTraining saved = ReadSavedTraining(At("last.pt"));
  EXPECT_EQ(nullptr, saved.model->FindAttribute("is_ema"));
  EXPECT_TRUE(saved.ema->Bool("is_ema"));
}

TEST_F(CheckpointWriterTest, ModulesThatAreSharedStayShared) {
  SaveCheckpoint(Small(), At("a.pt"));
  const Checkpoint read = LoadCheckpoint(At("a.pt"));
  const Module& layers = (*read.model)["model"];
  EXPECT_EQ(&layers["0"], &layers["1"]);
}

TEST_F(CheckpointWriterTest, PythonsAttributesOfAConvolutionAreFilledIn) {
  SaveCheckpoint(Small(), At("a.pt"));
  const Checkpoint read = LoadCheckpoint(At("a.pt"));
  const Module& conv = (*read.model)["model"]["0"];
  EXPECT_EQ(1, conv.Int("in_channels"));
  EXPECT_EQ("zeros", conv.String("padding_mode"));
  EXPECT_TRUE(conv.FindAttribute("kernel_size")->is_tuple);
  EXPECT_EQ("bias", conv.parameters.back().first);
  EXPECT_FALSE(conv.parameters.back().second.has_value());
}

TEST_F(CheckpointWriterTest, HalfPrecisionRoundsTheWeightsAndLeavesTheState) {
  CheckpointToSave checkpoint = Small();
  checkpoint.half = true;
  checkpoint.training_state = {Tensor::FromFloats({1}, {0.1F})};
  SaveCheckpoint(checkpoint, At("a.pt"));
  const SavedTraining saved = ReadSavedTraining(At("a.pt"));
  const Tensor& weight = (*saved.model)["model"]["0"].RequiredTensor("weight");
  EXPECT_EQ(DType::kFloat16, weight.dtype);
  EXPECT_TRUE(weight.requires_grad);
  EXPECT_THAT(weight.ToFloats(), ::testing::ElementsAre(1.5F, -65504.0F));
  ExpectSame(checkpoint.training_state, saved.training_state);
}

TEST_F(CheckpointWriterTest, AFileThatCannotBeWrittenLeavesTheOldOne) {
  test::WriteFile(At("a.pt"), "old");
  CheckpointToSave checkpoint = Small();
  auto odd = std::make_shared<Module>(*checkpoint.model);
  odd->class_name = "models.yolo.Detection\nModel";
  checkpoint.model = odd;
  EXPECT_THAT([&] { SaveCheckpoint(checkpoint, At("a.pt")); },
              ThrowsMessage<Error>(HasSubstr("that is no name of a class")));
  EXPECT_EQ("old", test::ReadText(At("a.pt")));
  EXPECT_THAT([&] { SaveCheckpoint(Small(), At("none/a.pt")); }, ThrowsMessage<Error>(HasSubstr("none/")));
}

TEST_F(CheckpointWriterTest, WeightsWithoutStateAreNoRunToResume) {
  SaveCheckpoint(Small(), At("best.pt"));
  EXPECT_THAT([&] { ReadSavedTraining(At("best.pt")); },
              ThrowsMessage<Error>(HasSubstr("best.pt': it holds no state of a training that can go on")));
  ROOST_NEEDS_REFERENCE();
  EXPECT_THAT([&] { ReadSavedTraining(*test::ReferenceDir() / "weights/yolov5n.pt"); },
              ThrowsMessage<Error>(HasSubstr("it holds no state")));
}

TEST_F(CheckpointWriterTest, NetworksOfTheReferenceReadBackToTheLastBit) {
  ROOST_NEEDS_REFERENCE();
  for (const char* name :
       {"weights/yolov5n.pt", "golden/checkpoints/detect-v7-legacy-container.pt",
        "golden/checkpoints/detect-v7-unstripped-last.pt", "golden/checkpoints/detect-v5style-focus-csp.pt",
        "golden/checkpoints/detect-p6.pt", "golden/checkpoints/segment.pt"}) {
    SCOPED_TRACE(name);
    const Checkpoint original = LoadCheckpoint(*test::ReferenceDir() / name);
    CheckpointToSave checkpoint;
    checkpoint.model = original.model;
    SaveCheckpoint(checkpoint, At("copy.pt"));
    const Checkpoint copy = LoadCheckpoint(At("copy.pt"));
    EXPECT_EQ(original.names, copy.names);
    EXPECT_EQ(original.stride, copy.stride);
    ExpectSame(*original.model, *copy.model);
  }
}

}  // namespace
}  // namespace roost::yolo

// Real checkpoints, and the broken and malicious ones, of the reference folder.

#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "roost/yolo/module.h"
#include "support/support.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

Path Checkpoints() { return *test::ReferenceDir() / "golden" / "checkpoints"; }

Checkpoint LoadGood(const std::string& name) { return LoadCheckpoint(Checkpoints() / (name + ".pt")); }

nlohmann::json Expected(const Path& file) { return nlohmann::json::parse(test::ReadText(file)); }

/// The head: the last layer.
const Module& HeadOf(const Checkpoint& checkpoint) {
  return *(*checkpoint.model)["model"].children.back().second;
}

std::vector<float> StrideOf(const Module& head) {
  return std::get<Tensor>(head.FindAttribute("stride")->value).ToFloats();
}

TEST(ReferenceCheckpointsTest, NamesStridesAndAnchorsAreThoseOfTheReference) {
  ROOST_NEEDS_REFERENCE();
  for (const std::string name : {"detect-v7-fp16", "detect-v7-legacy-container", "detect-v7-unstripped-last",
                                 "detect-v5style-focus-csp", "detect-p6", "segment", "classify"}) {
    SCOPED_TRACE(name);
    const nlohmann::json expected = Expected(Checkpoints() / (name + ".json"));
    const Checkpoint checkpoint = LoadGood(name);
    EXPECT_EQ(name.find("legacy") == std::string::npos ? "zip" : "legacy", checkpoint.format);
    EXPECT_EQ(name == "detect-v7-unstripped-last", checkpoint.from_ema);

    ASSERT_EQ(expected["names"].size(), checkpoint.names.size());
    for (std::size_t i = 0; i < checkpoint.names.size(); ++i) {
      const auto& names = expected["names"];
      EXPECT_EQ(names.is_array() ? names[i] : names[std::to_string(i)], checkpoint.names[i]);
    }
    const auto strides = expected["stride"].get<std::vector<float>>();
    EXPECT_EQ(*std::max_element(strides.begin(), strides.end()), static_cast<float>(checkpoint.stride));

    if (!expected.contains("anchors_px")) continue;
    const Module& head = HeadOf(checkpoint);
    EXPECT_EQ(strides, StrideOf(head));
    const Tensor& anchors = head.RequiredTensor("anchors");
    const std::vector<float> values = anchors.ToFloats();
    ASSERT_THAT(anchors.shape, SizeIs(3));
    std::size_t at = 0;
    for (std::size_t level = 0; level < strides.size(); ++level) {
      for (const auto& anchor : expected["anchors_px"][level]) {
        EXPECT_FLOAT_EQ(anchor[0].get<float>(), values[at++] * strides[level]);
        EXPECT_FLOAT_EQ(anchor[1].get<float>(), values[at++] * strides[level]);
      }
    }
  }
}

TEST(ReferenceCheckpointsTest, LayersHaveTheirClassesInputsAndWeights) {
  ROOST_NEEDS_REFERENCE();
  const Checkpoint checkpoint = LoadGood("detect-v7-fp16");
  const Module& layers = (*checkpoint.model)["model"];
  ASSERT_THAT(layers.children, SizeIs(25));
  for (std::size_t i = 0; i < layers.children.size(); ++i) {
    EXPECT_EQ(std::to_string(i), layers.children[i].first);
    EXPECT_EQ(static_cast<std::int64_t>(i), layers.children[i].second->Int("i"));
  }
  EXPECT_EQ("models.common.SPPF", layers["9"].class_name);
  EXPECT_THAT(layers["12"].Ints("f"), ElementsAre(-1, 6));
  EXPECT_THAT(layers["24"].Ints("f"), ElementsAre(17, 20, 23));

  const Module& conv = layers["0"]["conv"];
  EXPECT_EQ("torch.nn.modules.conv.Conv2d", conv.class_name);
  EXPECT_EQ("model.0.conv", conv.path);
  EXPECT_THAT(conv.Pair("stride"), ::testing::Pair(2, 2));
  EXPECT_THAT(conv.RequiredTensor("weight").shape, ElementsAre(8, 3, 6, 6));
  EXPECT_EQ(DType::kFloat16, conv.RequiredTensor("weight").dtype);
  EXPECT_EQ(nullptr, conv.FindTensor("bias"));
  EXPECT_EQ(1e-3, layers["0"]["bn"].Double("eps"));
}

TEST(ReferenceCheckpointsTest, TheOfficialNanoModelLoads) {
  ROOST_NEEDS_REFERENCE();
  const Path weights = *test::ReferenceDir() / "weights" / "yolov5n.pt";
  if (!std::filesystem::exists(weights)) GTEST_SKIP() << "needs " << weights;
  const Checkpoint checkpoint = LoadCheckpoint(weights);
  EXPECT_EQ("models.yolo.Model", checkpoint.model->class_name);
  ASSERT_THAT(checkpoint.names, SizeIs(80));
  EXPECT_EQ("person", checkpoint.names[0]);
  EXPECT_EQ("toothbrush", checkpoint.names[79]);
  EXPECT_EQ(32, checkpoint.stride);
  EXPECT_THAT(StrideOf(HeadOf(checkpoint)), ElementsAre(8, 16, 32));
}

/// Files whose fault is in the network, not in the file, are for the lowering to refuse.
bool IsFaultOfTheNetwork(const std::string& file) { return file.starts_with("struct_"); }

TEST(ReferenceCheckpointsTest, BrokenAndMaliciousFilesAreRefusedInOneLine) {
  ROOST_NEEDS_REFERENCE();
  const Path pwned = "/tmp/YOLO_PWNED";  // what the payloads of these files create
  std::filesystem::remove(pwned);
  int refused = 0;
  const nlohmann::json expected = Expected(Checkpoints() / "bad" / "expect.json");
  for (const auto& [file, expectation] : expected.items()) {
    if (IsFaultOfTheNetwork(file)) continue;
    SCOPED_TRACE(file + ": " + expectation["why"].get<std::string>());
    const Path path = Checkpoints() / "bad" / file;
    try {
      LoadCheckpoint(path);
      ADD_FAILURE() << "was loaded";
    } catch (const Error& error) {
      ++refused;
      EXPECT_EQ(ExitCode::kBadData, error.code());
      EXPECT_THAT(error.message(), HasSubstr("cannot read weights '" + path.string() + "': "));
      EXPECT_EQ(std::string::npos, error.message().find('\n'));
    }
    EXPECT_FALSE(std::filesystem::exists(pwned)) << "its code was run";
  }
  EXPECT_GT(refused, 90);
}

TEST(ReferenceCheckpointsTest, NetworksThatRunAreLoadedAndImpossibleStridesAreNot) {
  ROOST_NEEDS_REFERENCE();
  const nlohmann::json expected = Expected(Checkpoints() / "bad" / "expect.json");
  for (const auto& [file, expectation] : expected.items()) {
    if (!IsFaultOfTheNetwork(file)) continue;
    SCOPED_TRACE(file);
    const auto load = [&, name = file] { return LoadCheckpoint(Checkpoints() / "bad" / name); };
    const auto expect = expectation["expect"].get<std::string>();
    if (expect.starts_with("loads") && !expect.ends_with("or error")) {
      EXPECT_NO_THROW(load());
    } else if (file.starts_with("struct_detect_stride_")) {
      EXPECT_THROW(load(), Error);
    }
  }
}

TEST(ReferenceCheckpointsTest, RefusalsNameTheCulprit) {
  ROOST_NEEDS_REFERENCE();
  const std::vector<std::pair<std::string, std::string>> culprits = {
      {"exec_os_system.pt", "os.system"},
      {"exec_builtin_eval.pt", "builtins.eval"},
      {"exec_inst_opcode.pt", "os.system"},
      {"html.pt", "HTML"},
      {"lfs_pointer.pt", "git-lfs"},
      {"tar.pt", "tar"},
      {"storage_quantized.pt", "QInt8Storage"},
      {"legacy_big_endian.pt", "big endian"},
  };
  for (const auto& [file, culprit] : culprits) {
    const Path path = Checkpoints() / "bad" / file;
    EXPECT_THAT([&] { LoadCheckpoint(path); }, ::testing::ThrowsMessage<Error>(HasSubstr(culprit)));
  }
}

}  // namespace
}  // namespace roost::yolo

#include "yolo/model/checkpoint.h"

#include <cmath>
#include <filesystem>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/yolo/module.h"
#include "support/support.h"
#include "yolo/model/forged_checkpoint.h"

namespace roost::yolo {
namespace {

using namespace test::pickled;  // NOLINT: the words of a small language
using test::LegacyCheckpoint;
using test::LegacyStorage;
using test::ZipCheckpoint;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::ThrowsMessage;

using Entries = std::vector<std::pair<std::string, std::string>>;

std::string FloatBytes(std::initializer_list<float> values) {
  std::string bytes;
  for (const float value : values) bytes += test::Bytes(value);
  return bytes;
}

/// A network of one layer with two weights, in storage "0".
std::string Layer() {
  return NnModule(
      "torch.nn.modules.conv", "Conv2d",
      {.parameters = {{"weight", TensorOn(Storage("FloatStorage", "0", 2), {2}, {1})}, {"bias", None()}},
       .attributes = {{"stride", Tuple({Int(2), Int(2)})}, {"_hooks", Dict({})}, {"i", Int(0)}}});
}
std::string Network(const Entries& attributes = {}, const std::string& layer = Layer()) {
  return NnModule("models.yolo", "DetectionModel",
                  {.modules = {{"model", NnModule("torch.nn.modules.container", "Sequential",
                                                  {.modules = {{"0", layer}}})}},
                   .attributes = attributes});
}
const std::string kWeights = FloatBytes({1.5F, -2});
/// A small head: named so because its last layer has `nc` and `stride`.
std::string Head(const Entries& attributes) {
  return NnModule("models.yolo", "Detect", {.attributes = attributes});
}

class CheckpointTest : public ::testing::Test {
 protected:
  Checkpoint Load(const std::string& bytes) {
    test::WriteFile(file_, bytes);
    return LoadCheckpoint(file_);
  }
  /// A checkpoint with this value as its model.
  Checkpoint LoadModel(const std::string& model) {
    return Load(ZipCheckpoint(Dict({{"model", model}}), {{"0", kWeights}}));
  }
  void ExpectRefusal(const std::string& bytes, const std::string& reason) {
    EXPECT_THAT([&] { Load(bytes); },
                ThrowsMessage<Error>(
                    AllOf(StartsWith("cannot read weights '" + file_.string() + "': "), HasSubstr(reason))));
    try {
      Load(bytes);
    } catch (const Error& error) {
      EXPECT_EQ(ExitCode::kBadData, error.code());
      EXPECT_EQ(std::string::npos, error.message().find('\n'));
    }
  }
  void ExpectModelRefusal(const std::string& model, const std::string& reason) {
    ExpectRefusal(ZipCheckpoint(Dict({{"model", model}}), {{"0", kWeights}}), reason);
  }

  TemporaryDirectory folder_;
  Path file_ = folder_.path() / "best.pt";
};

TEST_F(CheckpointTest, TheModuleTreeHasPythonsNames) {
  const Checkpoint checkpoint = LoadModel(Network());
  EXPECT_EQ("zip", checkpoint.format);
  EXPECT_FALSE(checkpoint.from_ema);
  EXPECT_EQ("models.yolo.DetectionModel", checkpoint.model->class_name);
  EXPECT_EQ("", checkpoint.model->path);

  const Module& layer = (*checkpoint.model)["model"]["0"];
  EXPECT_EQ("torch.nn.modules.conv.Conv2d", layer.class_name);
  EXPECT_EQ("model.0", layer.path);
  EXPECT_THAT(layer.RequiredTensor("weight").ToFloats(), ElementsAre(1.5F, -2));
  EXPECT_EQ(nullptr, layer.FindTensor("bias"));
  EXPECT_THAT(layer.Pair("stride"), ::testing::Pair(2, 2));
  EXPECT_EQ(0, layer.Int("i"));
  EXPECT_FALSE(layer.Bool("training"));
}

TEST_F(CheckpointTest, WhatBelongsToTorchIsNoAttribute) {
  const Checkpoint checkpoint = LoadModel(Network());
  EXPECT_EQ(nullptr, (*checkpoint.model)["model"]["0"].FindAttribute("_hooks"));
  EXPECT_EQ(nullptr, checkpoint.model->FindAttribute("_modules"));
}

TEST_F(CheckpointTest, DeflatedArchivesAreReadToo) {
  const std::string value = Dict({{"model", Network()}});
  const Checkpoint checkpoint = Load(ZipCheckpoint(value, {{"0", kWeights}}, true));
  EXPECT_THAT((*checkpoint.model)["model"]["0"].RequiredTensor("weight").ToFloats(), ElementsAre(1.5F, -2));
}

TEST_F(CheckpointTest, TensorsOutliveTheFile) {
  const Checkpoint checkpoint = LoadModel(Network());
  std::filesystem::remove(file_);
  EXPECT_THAT((*checkpoint.model)["model"]["0"].RequiredTensor("weight").ToFloats(), ElementsAre(1.5F, -2));
}

TEST_F(CheckpointTest, TheLegacyContainerIsReadToo) {
  // Its module classes come with their source text, through a persistent id.
  const std::string type =
      Tuple({Text("module"), Symbol("models.common", "Conv"), Text("common.py"), Text("...")}) + "Q";
  const std::string layer = type + ")\x81" + Dict({{"_modules", Dict({})}}) + "b";
  const std::string part = "(" + Text("storage") + Symbol("torch", "FloatStorage") + Text("77") +
                           Text("cuda:0") + Int(4) + Tuple({Text("78"), Int(1), Int(2)}) + "tQ";
  const std::string model = NnModule(
      "models.yolo", "Model", {.modules = {{"m", layer}}, .buffers = {{"b", TensorOn(part, {2}, {1})}}});

  const Checkpoint checkpoint =
      Load(LegacyCheckpoint(Dict({{"model", model}}), {{"77", 4, FloatBytes({1, 2, 3, 4})}}));
  EXPECT_EQ("legacy", checkpoint.format);
  EXPECT_EQ("models.common.Conv", (*checkpoint.model)["m"].class_name);
  EXPECT_THAT(checkpoint.model->RequiredTensor("b").ToFloats(), ElementsAre(2, 3));
}

TEST_F(CheckpointTest, TheLegacyContainerMayUseNewerPickleProtocols) {
  const std::string model = NnModule("models.yolo", "Model", {});
  const std::string written = LegacyCheckpoint(Dict({{"model", model}}), {});
  std::string protocol3 = written;
  protocol3[1] = '\x03';
  EXPECT_EQ("legacy", Load(protocol3).format);
  const std::string frame{"\x95\x0d\0\0\0\0\0\0\0", 9};
  EXPECT_EQ("legacy", Load("\x80\x04" + frame + written.substr(2)).format);
}

TEST_F(CheckpointTest, LegacyStoragesMustBeWhatThePickleSays) {
  const std::string model = Dict({{"model", Network()}});
  const LegacyStorage good{"0", 2, kWeights};
  EXPECT_NO_THROW(Load(LegacyCheckpoint(model, {good})));
  ExpectRefusal(LegacyCheckpoint(model, {}), "lacks the data of storage '0'");
  ExpectRefusal(LegacyCheckpoint(model, {{"0", std::int64_t{1} << 40, kWeights}}), "should have 2 elements");
  ExpectRefusal(LegacyCheckpoint(model, {{"0", 2, "abc"}}), "cut off");
  ExpectRefusal(LegacyCheckpoint(model, {good, {"1", 2, kWeights}}), "which nothing uses");
}

TEST_F(CheckpointTest, TheSmoothedModelOfTrainingIsPreferred) {
  const std::string ema = NnModule("models.yolo", "Model", {});
  const Checkpoint checkpoint = Load(ZipCheckpoint(
      Dict({{"epoch", Int(12)}, {"model", Network()}, {"ema", ema}, {"date", Text("2023-01-02")}}),
      {{"0", kWeights}}));
  EXPECT_TRUE(checkpoint.from_ema);
  EXPECT_EQ("models.yolo.Model", checkpoint.model->class_name);
  EXPECT_EQ(12, checkpoint.epoch);
  EXPECT_EQ("2023-01-02", checkpoint.date);
}

TEST_F(CheckpointTest, AnEmaThatIsNoneIsNotThere) {
  const Checkpoint checkpoint =
      Load(ZipCheckpoint(Dict({{"model", Network()}, {"ema", None()}}), {{"0", kWeights}}));
  EXPECT_FALSE(checkpoint.from_ema);
}

TEST_F(CheckpointTest, OnlyStoragesOfTheModelAreRead) {
  // The checksum of the optimizer's storage is wrong: nobody notices, since nobody needs it.
  const std::string value =
      Dict({{"model", Network()}, {"optimizer", TensorOn(Storage("FloatStorage", "1", 2), {2}, {1})}});
  const auto archive = [&](std::uint32_t model_error, std::uint32_t optimizer_error) {
    return test::Zip({{.name = "a/data.pkl", .content = Pickle(value)},
                      {.name = "a/data/0", .content = kWeights, .crc_error = model_error},
                      {.name = "a/data/1", .content = kWeights, .crc_error = optimizer_error}});
  };
  EXPECT_NO_THROW(Load(archive(0, 1)));
  ExpectRefusal(archive(1, 0), "'a/data/0' is damaged");
}

TEST_F(CheckpointTest, ParallelWrappersAreTakenOff) {
  const std::string wrapped = NnModule("torch.nn.parallel.distributed", "DistributedDataParallel",
                                       {.modules = {{"module", Network()}}});
  EXPECT_EQ("models.yolo.DetectionModel", LoadModel(wrapped).model->class_name);
  ExpectModelRefusal(NnModule("torch.nn.parallel.data_parallel", "DataParallel", {}), "wraps no model");
}

TEST_F(CheckpointTest, WrappersOfTorchHubAreTakenOff) {
  const std::string inner =
      NnModule("models.common", "DetectMultiBackend", {.modules = {{"model", Network()}}});
  for (const std::string name : {"AutoShape", "autoShape"}) {
    const std::string wrapped = NnModule("models.common", name, {.modules = {{"model", inner}}});
    EXPECT_EQ("models.yolo.DetectionModel", LoadModel(wrapped).model->class_name);
  }
  ExpectModelRefusal(NnModule("models.common", "AutoShape", {}), "wraps no model");
}

TEST_F(CheckpointTest, AnEnsembleHasTheNamesOfItsFirstModelAndTheLargestStride) {
  const auto model = [](const std::string& name, std::int32_t stride) {
    return NnModule("models.yolo", "Model",
                    {.attributes = {{"names", List({Text(name)})}, {"stride", Int(stride)}}});
  };
  const Checkpoint checkpoint = LoadModel(NnModule(
      "models.experimental", "Ensemble", {.modules = {{"0", model("cat", 32)}, {"1", model("dog", 64)}}}));
  EXPECT_EQ(std::vector<std::string>{"cat"}, checkpoint.names);
  EXPECT_EQ(64, checkpoint.stride);
  ExpectModelRefusal(NnModule("models.experimental", "Ensemble", {}), "holds no model");
}

TEST_F(CheckpointTest, NamesAreAListOrADictionaryInAnyOrder) {
  EXPECT_THAT(LoadModel(Network({{"names", List({Text("cat"), Text("dog")})}})).names,
              ElementsAre("cat", "dog"));
  const std::string map = "}(" + Int(2) + Text("dog") + Int(0) + Text("cat") + "u";
  EXPECT_THAT(LoadModel(Network({{"names", map}})).names, ElementsAre("cat", "class1", "dog"));
}

TEST_F(CheckpointTest, ClassesWithoutANameAreNumbered) {
  const std::string head = Head({{"nc", Int(3)}});
  EXPECT_THAT(LoadModel(Network({}, head)).names, ElementsAre("class0", "class1", "class2"));
  EXPECT_THAT(LoadModel(Network({{"names", List({Text("cat")})}}, head)).names,
              ElementsAre("cat", "class1", "class2"));
}

TEST_F(CheckpointTest, NamesThatCannotBeAreRefused) {
  const auto names = [](const std::string& key, const std::string& name) {
    return Network({{"names", "}" + key + name + "s"}});
  };
  ExpectModelRefusal(names(Int(-1), Text("cat")), "not the number of a class");
  ExpectModelRefusal(names(Int(1'000'000'000), Text("cat")), "names class 1000000000");
  ExpectModelRefusal(names(Int(0), None()), "the name of class 0 is not a text");
  ExpectModelRefusal(Network({{"names", Text("cat")}}), "neither a list nor a dict");
}

TEST_F(CheckpointTest, TheLargestStrideIsThatOfTheModelElseOfItsHead) {
  const std::string tensor = TensorOn(Storage("FloatStorage", "0", 2), {2}, {1});
  const auto load = [&](const std::string& model, std::initializer_list<float> strides) {
    return Load(ZipCheckpoint(Dict({{"model", model}}), {{"0", FloatBytes(strides)}})).stride;
  };
  EXPECT_EQ(64, load(Network({{"stride", tensor}}), {8, 64}));
  EXPECT_EQ(64, load(Network({}, Head({{"stride", tensor}})), {64, 8}));
  EXPECT_EQ(32, load(Network(), {8, 64})) << "no stride at all";
  EXPECT_EQ(32, load(Network({{"stride", tensor}}), {4, 8})) << "never less than 32, as detect.py has it";
  for (const float bad : {0.0F, -8.0F, 1e12F, NAN}) {
    EXPECT_THROW(load(Network({{"stride", tensor}}), {8, bad}), Error) << bad;
  }
}

TEST_F(CheckpointTest, SharedModulesStayShared) {
  const std::string act = Remembered(NnModule("torch.nn.modules.activation", "SiLU", {}), 9);
  const Checkpoint checkpoint = LoadModel(
      NnModule("models.yolo", "Model", {.modules = {{"a", act}, {"b", Recalled(9)}, {"c", None()}}}));
  EXPECT_EQ(checkpoint.model->FindChild("a"), checkpoint.model->FindChild("b"));
  ASSERT_EQ(3U, checkpoint.model->children.size());
  EXPECT_EQ(nullptr, checkpoint.model->FindChild("c"));
}

TEST_F(CheckpointTest, AModuleThatContainsItselfIsRefused) {
  const std::string cycle = Remembered(Symbol("models.yolo", "Model") + ")\x81", 9) +
                            Dict({{"_modules", Dict({{"again", Recalled(9)}})}}) + "b";
  ExpectModelRefusal(cycle, "'again' contains itself");
}

TEST_F(CheckpointTest, AnAttributeThatRefersToItsModuleIsHarmless) {
  const std::string model = Remembered(Symbol("models.yolo", "Model") + ")\x81", 9) +
                            Dict({{"_modules", Dict({})}, {"parent", Recalled(9)}}) + "b";
  const Checkpoint checkpoint = LoadModel(model);
  const auto* parent = std::get_if<OpaqueObject>(&checkpoint.model->FindAttribute("parent")->value);
  ASSERT_NE(nullptr, parent);
  EXPECT_EQ("models.yolo.Model", parent->class_name);
}

/// 40 levels, each twice the one before it.
std::string Doubled(const std::string& first,
                    const std::function<std::string(std::string, std::string)>& both) {
  std::string value = Remembered(first, 0);
  for (std::uint8_t i = 1; i <= 40; ++i) {
    value = Remembered(both(value, Recalled(static_cast<std::uint8_t>(i - 1))), i);
  }
  return value;
}

TEST_F(CheckpointTest, ATreeOfSharedModulesThatNobodyCouldWalkIsRefused) {
  ExpectModelRefusal(Doubled(Layer(),
                             [](const std::string& a, const std::string& b) {
                               return NnModule("models.common", "C3", {.modules = {{"a", a}, {"b", b}}});
                             }),
                     "more modules than any network");
}

TEST_F(CheckpointTest, WeightsThatManyModulesShareAreBounded) {
  Entries layers;
  const std::string big = TensorOn(Storage("FloatStorage", "0", 2), {2, 2'000'000}, {1, 0});
  for (int i = 0; i < 5; ++i) {
    layers.emplace_back(std::to_string(i), NnModule("m", "Conv", {.parameters = {{"weight", big}}}));
  }
  ExpectModelRefusal(NnModule("m", "Model", {.modules = layers}),
                     "20000000 elements, but it stores only 8 bytes");
}

TEST_F(CheckpointTest, WhatManyModulesShareIsCopiedWithinBounds) {
  Entries nothing;
  for (int i = 0; i < 20'000; ++i) nothing.emplace_back(std::to_string(i), None());
  const std::string text = Text(std::string(1'000'000, 'x'));
  for (const auto& [attribute, shared] :
       Entries{{"_buffers", Dict(nothing)}, {"_modules", Dict(nothing)}, {"note", text}}) {
    Entries layers;
    for (int i = 0; i < 200; ++i) {
      const std::string value = i == 0 ? Remembered(shared, 0) : Recalled(0);
      layers.emplace_back(std::to_string(i), Object("m", "Conv", Dict({{attribute, value}})));
    }
    ExpectModelRefusal(Object("m", "Model", Dict({{"_modules", Dict(layers)}})),
                       "hold more than any network");
  }
}

TEST_F(CheckpointTest, PathsOfModulesAreBounded) {
  std::string model = Layer();
  for (int i = 0; i < 20; ++i) {
    model = NnModule("m", "Block", {.modules = {{std::string(100, 'x'), model}}});
  }
  ExpectModelRefusal(model, "has an endless name");
}

TEST_F(CheckpointTest, AListOfOneTensorManyTimesIsCopiedWithinBounds) {
  const std::vector<std::int32_t> ones(64, 1);
  std::vector<std::string> items(20'000, Recalled(0));
  items.front() = Remembered(TensorOn(Storage("FloatStorage", "0", 2), ones, ones), 0);
  ExpectModelRefusal(Network({{"hyp", test::pickled::List(items)}}), "hold more than any network");
}

TEST_F(CheckpointTest, AttributesWithoutEndAreRefused) {
  const std::string lists = Doubled("]", [](const std::string& a, const std::string& b) {
    return List({a, b});
  });
  ExpectModelRefusal(Network({{"hyp", lists}}), "attributes of a module nest");
  ExpectModelRefusal(Network({{"hyp", Remembered("]", 0) + Recalled(0) + "a"}}), "nest without end");
}

TEST_F(CheckpointTest, SaysWhatIsMissingWhereThereIsNoNetwork) {
  const std::string tensor = TensorOn(Storage("FloatStorage", "0", 2), {2}, {1});
  const Entries data = {{"0", kWeights}};
  ExpectRefusal(ZipCheckpoint(Dict({{"epoch", Int(1)}})), "it has no 'model'");
  ExpectRefusal(ZipCheckpoint(Dict({{"model", None()}})), "its 'model' is None");
  ExpectRefusal(ZipCheckpoint(Dict({{"model.0.conv.weight", tensor}}), data), "a state_dict");
  ExpectRefusal(ZipCheckpoint(Dict({{"model", Dict({{"model.0.conv.weight", tensor}})}}), data),
                "a state_dict");
  try {
    Load(ZipCheckpoint(Dict({{"model.0.conv.weight", tensor}}), data));
  } catch (const Error& error) {
    EXPECT_THAT(error.hint(), HasSubstr("--cfg"));
  }
  ExpectRefusal(ZipCheckpoint(Network(), data), "a bare models.yolo.DetectionModel");
  ExpectRefusal(ZipCheckpoint(List({})), "it holds a list");
  ExpectRefusal(ZipCheckpoint(Dict({{"model", Int(5)}})), "its 'model' is the number 5, not a network");
  ExpectModelRefusal(NnModule("m", "Model", {.modules = {{"a", Int(5)}}}), "its module 'a' is the number 5");
  ExpectModelRefusal(NnModule("m", "Model", {.parameters = {{"w", Int(5)}}}), "tensor 'w' is the number 5");
}

TEST_F(CheckpointTest, StoragesMustBeThereAndHaveTheirSize) {
  const std::string value = Dict({{"model", Network()}});
  ExpectRefusal(ZipCheckpoint(value), "lacks the data of storage '0'");
  ExpectRefusal(ZipCheckpoint(value, {{"0", "abc"}}), "should have 8 bytes but has 3");
}

TEST_F(CheckpointTest, TorchScriptIsRefusedByName) {
  ExpectRefusal(test::Zip({{.name = "m/data.pkl", .content = Pickle("N")},
                           {.name = "m/constants.pkl", .content = Pickle(")")},
                           {.name = "m/code/a.py", .content = ""}}),
                "TorchScript is not supported yet");
}

TEST_F(CheckpointTest, BigEndianFilesAreRefused) {
  ExpectRefusal(test::Zip({{.name = "a/data.pkl", .content = Pickle(Dict({}))},
                           {.name = "a/byteorder", .content = "big"}}),
                "big endian");
}

TEST_F(CheckpointTest, SaysWhatAFileIsThatIsNoCheckpoint) {
  ExpectRefusal("", "it is empty");
  ExpectRefusal("<!DOCTYPE html><html>404</html>", "an HTML page");
  ExpectRefusal("\n<HTML>", "an HTML page");
  ExpectRefusal("<?xml version='1.0'?><Error/>", "an XML document");
  ExpectRefusal("version https://git-lfs.github.com/spec/v1\n", "git-lfs pointer");
  ExpectRefusal("\x1f\x8b\x08", "gzip");
  ExpectRefusal(std::string(257, '\0') + "ustar", "tar archive");
  ExpectRefusal("\x89PNG\r\n", "PNG");
  ExpectRefusal(
      "\x7f"
      "ELF",
      "ELF");
  ExpectRefusal("hello\nworld", "a text file: 'hello?world'");
  ExpectRefusal(std::string(5000, '\0'), "zero bytes");
  ExpectRefusal(std::string("\x01\x02\xff\xfe", 4), "not a file that torch.save() wrote");
  ExpectRefusal("\x80\x02N.", "not one that torch.save() wrote");
  ExpectRefusal("PK\x03\x04", "cut off");
  ExpectRefusal(test::Zip({{.name = "word/document.xml", .content = "x"}}), "without data.pkl");
}

TEST_F(CheckpointTest, AFileThatIsNotThereIsNoInput) {
  try {
    LoadCheckpoint(folder_.path() / "none.pt");
    FAIL() << "loaded a file that is not there";
  } catch (const Error& error) {
    EXPECT_EQ(ExitCode::kNoInput, error.code());
    EXPECT_THAT(error.message(), AllOf(HasSubstr("none.pt"), HasSubstr("no such file")));
  }
  EXPECT_THAT([&] { LoadCheckpoint(folder_.path()); }, ThrowsMessage<Error>(HasSubstr("is a folder")));
}

TEST_F(CheckpointTest, EveryTruncationAndEveryChangedByteIsAnErrorOrHarmless) {
  const std::string model = Network({{"names", List({Text("cat")})}});
  const std::string zip = ZipCheckpoint(Dict({{"model", model}}), {{"0", kWeights}});
  const std::string legacy = LegacyCheckpoint(Dict({{"model", model}}), {{"0", 2, kWeights}});
  const auto read = [](const std::string& bytes) {
    return ReadCheckpoint({std::as_bytes(std::span(bytes)), nullptr});
  };
  const auto read_if_possible = [&](const std::string& bytes) {
    try {
      read(bytes);
    } catch (const Error& error) {
      EXPECT_EQ(ExitCode::kBadData, error.code()) << error.message();
    }
  };
  for (const std::string& file : {zip, legacy}) {
    for (std::size_t size = 0; size < file.size(); ++size) {
      EXPECT_THROW(read(file.substr(0, size)), Error) << size;
    }
    for (std::size_t i = 0; i < file.size(); ++i) {
      for (const char value : {'\x00', '\x28', '\x7f', '\xff'}) {
        std::string changed = file;
        changed[i] = value;
        read_if_possible(changed);
      }
    }
  }
}

}  // namespace
}  // namespace roost::yolo

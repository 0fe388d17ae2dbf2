#include "yolo/model/pickle.h"

#include <deque>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/error.h"
#include "yolo/model/forged_checkpoint.h"
#include "yolo/model/torch_objects.h"

namespace roost::yolo::pickle {
namespace {

using test::pickled::Call;
using test::pickled::Pickle;
using test::pickled::Recalled;
using test::pickled::Remembered;
using test::pickled::Text;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class PickleTest : public ::testing::Test {
 protected:
  /// The value of a whole pickle.
  Value Read(std::string bytes) {
    bytes_.push_back(std::move(bytes));
    return Unpickle(std::as_bytes(std::span(bytes_.back())), objects_, heap_).value;
  }
  /// The value of opcodes without header and STOP.
  Value Eval(const std::string& opcodes) { return Read(Pickle(opcodes)); }

  template <typename T>
  void ExpectValue(const T& expected, const std::string& opcodes) {
    const Value value = Eval(opcodes);
    ASSERT_NE(nullptr, As<T>(value)) << Describe(value);
    EXPECT_EQ(expected, *As<T>(value));
  }
  void ExpectText(std::string_view expected, const std::string& opcodes) { ExpectValue(expected, opcodes); }
  void ExpectInt(std::int64_t expected, const std::string& opcodes) { ExpectValue(expected, opcodes); }

  void ExpectRefusal(const std::string& message, const std::string& opcodes) {
    EXPECT_THAT([&] { Eval(opcodes); }, ThrowsMessage<Error>(HasSubstr(message)));
  }

  TorchObjects objects_;
  Heap heap_;
  std::deque<std::string> bytes_;  // of all pickles so far: values are views of them
};

TEST_F(PickleTest, ReadsNumbersOfEveryForm) {
  ExpectInt(-2, "J\xfe\xff\xff\xff");
  ExpectInt(200, "K\xc8");
  ExpectInt(0x1234, "M\x34\x12");
  ExpectInt(0, std::string("\x8a\x00", 2));
  ExpectInt(-1, "\x8a\x01\xff");
  ExpectInt(std::int64_t{1} << 40, std::string("\x8a\x06\x00\x00\x00\x00\x00\x01", 8));
  ExpectInt(std::numeric_limits<std::int64_t>::min(), std::string("\x8a\x08\0\0\0\0\0\0\0\x80", 10));
  ExpectInt(255, std::string("\x8b\x02\x00\x00\x00\xff\x00", 7));
  ExpectInt(-12, "I-12\n");
  ExpectInt(12, "L12L\n");
  ExpectValue(0.5, std::string("G\x3f\xe0\0\0\0\0\0\0", 9));
  ExpectValue(-2.5, "F-2.5\n");
}

TEST_F(PickleTest, AnIntegerBeyond64BitsIsNotTruncated) {
  EXPECT_NE(nullptr, As<BigInt>(Eval(std::string("\x8a\x09\0\0\0\0\0\0\0\x80\0", 11))));
  EXPECT_NE(nullptr, As<BigInt>(Eval("L99999999999999999999L\n")));
}

TEST_F(PickleTest, ReadsConstants) {
  EXPECT_TRUE(std::holds_alternative<std::monostate>(Eval("N")));
  ExpectValue(true, "\x88");
  ExpectValue(false, "\x89");
  ExpectValue(true, "I01\n");
}

TEST_F(PickleTest, ReadsTextsOfEveryForm) {
  ExpectText("hi", std::string("X\x02\0\0\0hi", 7));
  ExpectText("hi", "\x8c\x02hi");
  ExpectText("hi", std::string("\x8d\x02\0\0\0\0\0\0\0hi", 11));
  ExpectText("hi", "U\x02hi");
  ExpectText("hi", std::string("T\x02\0\0\0hi", 7));
  ExpectText("it's\n\x41", "S\"it's\\n\\x41\"\n");
  ExpectText("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "Vcaf\xe9 \\u20ac \\U0001f600\n");
}

TEST_F(PickleTest, BytesAreNotTexts) {
  for (const auto& opcodes :
       {std::string("C\x02\xff\0", 4), std::string("B\x02\0\0\0\xff\0", 7),
        std::string("\x8e\x02\0\0\0\0\0\0\0\xff\0", 11), std::string("\x96\x02\0\0\0\0\0\0\0\xff\0", 11),
        std::string("U\x02\xff\0", 4)}) {
    const Value value = Eval(opcodes);
    ASSERT_NE(nullptr, As<Bytes>(value)) << Describe(value);
    EXPECT_EQ(std::string_view("\xff\0", 2), As<Bytes>(value)->bytes);
  }
}

TEST_F(PickleTest, ReadsCollectionsOfEveryForm) {
  const std::vector<std::pair<std::string, List::Kind>> collections = {
      {"K\1K\2\x86", List::Kind::kTuple},
      {"(K\1K\2t", List::Kind::kTuple},
      {"](K\1K\2e", List::Kind::kList},
      {"]K\1aK\2a", List::Kind::kList},
      {"(K\1K\2l", List::Kind::kList},
      {"\x8f(K\1K\2\x90", List::Kind::kSet},
      {"(K\1K\2\x91", List::Kind::kSet},
      {"c__builtin__\nset\n](K\1K\2e\x85R", List::Kind::kSet},
      {"ctorch\nSize\n](K\1K\2e\x85R", List::Kind::kTuple}};
  for (const auto& [opcodes, kind] : collections) {
    const Value value = Eval(opcodes);
    const auto* list = Behind<List>(value);
    ASSERT_NE(nullptr, list) << opcodes << ": " << Describe(value);
    EXPECT_EQ(kind, list->kind) << opcodes;
    ASSERT_EQ(2U, list->items.size()) << opcodes;
    EXPECT_EQ(2, *As<std::int64_t>(list->items[1])) << opcodes;
  }
}

TEST_F(PickleTest, ReadsDictionariesOfEveryForm) {
  for (const std::string opcodes :
       {"}U\1aK\1s", "}(U\1aK\1u", "(U\1aK\1d", "ccollections\nOrderedDict\n)RU\1aK\1s",
        "ccollections\nOrderedDict\n]]U\1aaK\1aa\x85R", "ccollections\nOrderedDict\n)RU\1aK\1s}b"}) {
    const Value value = Eval(opcodes);
    const auto* dict = Behind<Dict>(value);
    ASSERT_NE(nullptr, dict) << opcodes << ": " << Describe(value);
    ASSERT_NE(nullptr, dict->Find("a")) << opcodes;
    EXPECT_EQ(1, *As<std::int64_t>(*dict->Find("a"))) << opcodes;
    EXPECT_EQ(nullptr, dict->Find("b")) << opcodes;
  }
}

TEST_F(PickleTest, TheLastValueOfAKeyCounts) {
  const Value value = Eval("}(U\1aK\1U\1aK\2u");
  EXPECT_EQ(2, *As<std::int64_t>(*Behind<Dict>(value)->Find("a")));
}

TEST_F(PickleTest, RemembersValuesInAnyMemoSlot) {
  ExpectInt(7,
            "K\7q\1"
            "0h\1");
  ExpectInt(7,
            "K\7r\xff\xff\xff\xff"
            "0j\xff\xff\xff\xff");
  ExpectInt(7, "K\7p12\n0g12\n");
  ExpectInt(7, std::string("K\7\x94"
                           "0h\0",
                           6));
}

TEST_F(PickleTest, SharedValuesAreOneValue) {
  const Value value = Eval(Remembered("]", 0) + Recalled(0) + "\x86" + Recalled(0) + "K\1a0");
  const auto* pair = Behind<List>(value);
  ASSERT_NE(nullptr, pair);
  EXPECT_EQ(Behind<List>(pair->items[0]), Behind<List>(pair->items[1]));
  EXPECT_EQ(1U, Behind<List>(pair->items[0])->items.size());
}

TEST_F(PickleTest, AnObjectIsItsClassNameAndItsState) {
  for (const std::string make :
       {"cmodels.common\nConv\n)\x81", "cmodels.common\nConv\n)}\x92",
        "ccopy_reg\n_reconstructor\n(cmodels.common\nConv\nc__builtin__\nobject\nNtR",
        "\x8c\x0dmodels.common\x8c\x04"
        "Conv\x93)\x81"}) {
    const Value value = Eval(make + "}U\1aK\1sb");
    const auto* object = Behind<Object>(value);
    ASSERT_NE(nullptr, object) << make << ": " << Describe(value);
    EXPECT_EQ("models.common.Conv", object->type->FullName());
    ASSERT_NE(nullptr, object->state.Find("a"));
  }
}

TEST_F(PickleTest, TheStateOfAClassWithSlotsIsTwoDictionaries) {
  const Value value = Eval(
      "cm\nC\n)\x81}U\1aK\1s}U\1bK\2s\x86"
      "b}U\1cK\3sb");
  const auto* object = Behind<Object>(value);
  ASSERT_NE(nullptr, object);
  for (const char* name : {"a", "b", "c"}) EXPECT_NE(nullptr, object->state.Find(name)) << name;
}

TEST_F(PickleTest, StopsAtStopAndSaysHowFarItRead) {
  const std::string bytes = Pickle("K\1") + "rest";
  EXPECT_EQ(5U, Unpickle(std::as_bytes(std::span(bytes)), objects_, heap_).bytes_used);
}

TEST_F(PickleTest, RefusesToCallWhatIsNotOnTheList) {
  ExpectRefusal("refusing os.system", Call("cos\nsystem\n", {Text("true")}));
  ExpectRefusal("refusing os.system", "\x8c\2os\x8c\6system\x93" + Text("true") + "\x85R");
  ExpectRefusal("refusing os.system", "(" + Text("true") + "ios\nsystem\n");
  ExpectRefusal("OBJ", "(cos\nsystem\n" + Text("true") + "o");
  ExpectRefusal("refusing builtins.eval", Call("c__builtin__\neval\n", {Text("1")}));
  ExpectRefusal("EXT", "\x82\1)R");
  ExpectRefusal("refusing to call a list", "])R");
}

TEST_F(PickleTest, WhatTrainingLeavesInACheckpointIsInert) {
  for (const std::string name :
       {"numpy.core.multiarray\n_reconstruct", "numpy._core.multiarray\nscalar",
        "numpy.core.numeric\n_frombuffer", "numpy\ndtype", "_codecs\nencode", "pathlib\nPosixPath",
        "datetime\ndatetime", "torch\ndevice", "argparse\nNamespace"}) {
    // Made of whatever arguments, given whatever state: nothing of it is looked at.
    const Value value = Eval("c" + name + "\n(NNNtR(NNNtb");
    EXPECT_NE(nullptr, Behind<Object>(value)) << name << ": " << Describe(value);
  }
}

TEST_F(PickleTest, ATensorWithAttributesIsATensor) {
  using test::pickled::Storage;
  const auto rebuild = [](const std::string& function) {
    return Call("ctorch._tensor\n_rebuild_from_type_v2\n",
                {function, "ctorch\nTensor\n",
                 "(" + Storage("FloatStorage", "0", 2) + std::string("K\0(K\2t(K\1t\x89Nt", 13), "}"});
  };
  EXPECT_NE(nullptr, Behind<TensorView>(Eval(rebuild("ctorch._utils\n_rebuild_tensor_v2\n"))));
  ExpectRefusal("refusing os.system", rebuild("cos\nsystem\n"));
}

TEST_F(PickleTest, ANameFromGetattrStaysAName) {
  const std::string forward = Call("c__builtin__\ngetattr\n", {"cmodels.yolo\nDetect\n", Text("forward")});
  const Value value = Eval(forward);
  ASSERT_NE(nullptr, Behind<Symbol>(value));
  EXPECT_EQ("models.yolo.Detect.forward", Describe(value));
  ExpectRefusal("refusing models.yolo.Detect.forward", forward + ")R");
  ExpectRefusal("refusing getattr", Call("c__builtin__\ngetattr\n", {"]", Text("append")}));
}

TEST_F(PickleTest, RefusesWhatPicklersNeverWrite) {
  ExpectRefusal("ends in the middle", "X\xff\xff\xff\xff");
  ExpectRefusal("ends in the middle", "\x8d\xff\xff\xff\xff\xff\xff\xff\x7f");
  ExpectRefusal("negative", "T\xff\xff\xff\xff");
  ExpectRefusal("negative", "\x8b\xff\xff\xff\xff");
  ExpectRefusal("empty stack", "");
  ExpectRefusal("empty stack", "R");
  ExpectRefusal("a mark is missing", "K\1t");
  ExpectRefusal("empty stack", "N}(U\1as");  // nothing below the mark may be taken
  ExpectRefusal("a key has no value", "}(U\1au");
  ExpectRefusal("APPEND to None", "NNa");
  ExpectRefusal("APPEND to a tuple", ")Na");
  ExpectRefusal("sets an item of a list", "]U\1aNs");
  ExpectRefusal("memo slot 5", "h\5");
  ExpectRefusal("not UTF-8", std::string("X\1\0\0\0\xff", 6));
  ExpectRefusal("opcode 0xf0 is unknown", "\xf0");
  ExpectRefusal("a line has no end", "cos" + std::string(100'000, 'x'));
  ExpectRefusal("characters that no name has", std::string("cos\0x\nsystem\n", 13));
  ExpectRefusal("a frame reaches beyond", "\x95\xff\xff\xff\xff\xff\xff\xff\x7fN");
  ExpectRefusal("persistent id", "NQ");
  ExpectRefusal("sets the state of", "cos\nsystem\n}b");
  EXPECT_THAT([&] { Read("\x80\x09N."); }, ThrowsMessage<Error>(HasSubstr("protocol 9")));
  EXPECT_THAT([&] { Read("\x80\x02N"); }, ThrowsMessage<Error>(HasSubstr("ends in the middle")));
}

TEST_F(PickleTest, DepthAndAmountAreBounded) {
  ExpectRefusal("nests deeper", std::string(300'000, ']'));
  ExpectRefusal("nests deeper", std::string(300'000, '('));
  ExpectRefusal("nests deeper", "N" + std::string(300'000, '2'));
  std::string churn = "N";
  for (int i = 0; i < 5'000'000; ++i) churn += "20";
  ExpectRefusal("more values", churn);
}

TEST_F(PickleTest, WhatCallsAndNamesCopyIsCounted) {
  std::string sets = Remembered("](" + std::string(100'000, 'N') + "e", 0) + "0";
  std::string calls;
  for (int i = 0; i < 1000; ++i) calls += Call(test::pickled::Symbol("builtins", "set"), {Recalled(0)}) + "0";
  ExpectRefusal("more values", sets + calls + "N");

  const std::string name(900, 'a');
  std::string symbols = Remembered(Text(name), 0) + Remembered(Text(name), 1) + "00";
  for (int i = 0; i < 100'000; ++i) symbols += Recalled(0) + Recalled(1) + "\x93" + "0";
  ExpectRefusal("more values", symbols + "N");
  ExpectRefusal("no name has", Text(std::string(2000, 'a')) + Text("b") + "\x93");
}

TEST_F(PickleTest, WhatIsRememberedIsBounded) {
  ExpectRefusal("remembers more values", "N" + std::string(2'000'000, '\x94'));  // MEMOIZE
}

TEST_F(PickleTest, AMessageIsShortHoweverLongTheName) {
  const std::string line(9'000, 'x');
  try {
    Eval("i" + line + "\n" + line + "\n");
    FAIL() << "was not refused";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("(INST)"));
    EXPECT_LT(error.message().size(), 300U);
  }
}

TEST_F(PickleTest, DeepAndCircularValuesAreFreedWithoutRecursion) {
  std::string deep = "N";
  deep.append(900'000, '\x85');  // nested 1-tuples
  EXPECT_NE(nullptr, Behind<List>(Eval(deep)));
  EXPECT_NE(nullptr, Behind<List>(Eval(Remembered("]", 0) + Recalled(0) + "a")));
}

TEST_F(PickleTest, TensorsMustLieWithinTheirStorage) {
  using test::pickled::Storage;
  using test::pickled::TensorOn;
  const std::string storage = Storage("FloatStorage", "0", 6);
  const Value value = Eval(TensorOn(storage, {2, 2}, {3, 1}, 1));
  const auto* view = Behind<TensorView>(value);
  ASSERT_NE(nullptr, view);
  EXPECT_EQ(DType::kFloat32, view->storage->dtype);
  EXPECT_EQ(1, view->offset);

  EXPECT_NO_THROW(Eval(TensorOn(storage, {2, 3}, {3, 1})));
  ExpectRefusal("element 6 of storage '0'", TensorOn(storage, {2, 3}, {3, 1}, 1));
  ExpectRefusal("negative", TensorOn(storage, {-1}, {1}));
  ExpectRefusal("negative", TensorOn(storage, {2}, {-1}, 1));
  ExpectRefusal("offset", TensorOn(storage, {2}, {1}, -1));
  ExpectRefusal("2 sizes but 1 strides", TensorOn(storage, {2, 2}, {1}));
  ExpectRefusal("larger than any memory", TensorOn(storage, {2147483647, 2147483647, 2147483647}, {0, 0, 0}));
  ExpectRefusal("claims 2147483647 elements", TensorOn(storage, {2147483647}, {0}));
  EXPECT_NO_THROW(Eval(TensorOn(storage, {0, 2147483647}, {2147483647, 1})));
  ExpectRefusal("dimensions",
                TensorOn(storage, std::vector<std::int32_t>(100, 1), std::vector<std::int32_t>(100, 1)));
  ExpectRefusal("not in a storage", TensorOn("N", {1}, {1}));
}

TEST_F(PickleTest, StoragesHaveAKnownTypeAndOneSize) {
  using test::pickled::Storage;
  ExpectRefusal("torch.QInt8Storage", Storage("QInt8Storage", "0", 1));
  ExpectRefusal("cannot be", Storage("FloatStorage", "0", -1));
  ExpectRefusal("two types or sizes",
                Storage("FloatStorage", "0", 1) + "0" + Storage("FloatStorage", "0", 2));
}

}  // namespace
}  // namespace roost::yolo::pickle

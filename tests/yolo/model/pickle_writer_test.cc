#include "yolo/model/pickle_writer.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/error.h"
#include "yolo/model/pickle.h"
#include "yolo/model/torch_objects.h"

namespace roost::yolo {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// What the reader makes of one value.
class Read {
 public:
  explicit Read(PickleWriter& writer) : text_(writer.Finish()) {
    value = pickle::Unpickle(std::as_bytes(std::span(text_)), objects_, heap_).value;
  }
  pickle::Value value;

 private:
  std::string text_;
  TorchObjects objects_;
  pickle::Heap heap_;
};

TEST(PickleWriterTest, IntegersOfAllSizesReadBack) {
  for (const std::int64_t number :
       {std::int64_t{0}, std::int64_t{255}, std::int64_t{256}, std::int64_t{-1}, std::int64_t{65536},
        std::int64_t{std::numeric_limits<std::int32_t>::max()}, std::int64_t{-2147483648},
        std::int64_t{2147483648}, std::numeric_limits<std::int64_t>::max(),
        std::numeric_limits<std::int64_t>::min()}) {
    PickleWriter writer;
    writer.Int(number);
    EXPECT_EQ(number, std::get<std::int64_t>(Read(writer).value));
  }
}

TEST(PickleWriterTest, DoublesReadBackToTheLastBit) {
  for (const double number : {0.0, 0.1, -1e-310, 1e308, std::numeric_limits<double>::infinity()}) {
    PickleWriter writer;
    writer.Double(number);
    EXPECT_EQ(number, std::get<double>(Read(writer).value));
  }
}

TEST(PickleWriterTest, TextThatIsNotUtf8LosesWhatPythonWouldRefuse) {
  PickleWriter writer;
  writer.BeginTuple();
  writer.Text("Bär");
  writer.Text("B\xE4r");
  writer.Text("");
  writer.EndTuple();
  const Read read(writer);
  const auto& items = std::get<pickle::List*>(read.value)->items;
  EXPECT_EQ("Bär", std::get<std::string_view>(items[0]));
  EXPECT_EQ("B?r", std::get<std::string_view>(items[1]));
  EXPECT_EQ("", std::get<std::string_view>(items[2]));
}

TEST(PickleWriterTest, NamesAreWrittenOnceAndRecalled) {
  PickleWriter writer;
  writer.BeginList();
  for (int i = 0; i < 300; ++i) writer.Global("models.common", "Conv" + std::to_string(i));
  for (int i = 0; i < 300; ++i) writer.Global("models.common", "Conv" + std::to_string(i));
  writer.EndList();
  const Read read(writer);
  const auto& items = std::get<pickle::List*>(read.value)->items;
  ASSERT_EQ(600, items.size());
  for (std::size_t i = 0; i < 300; ++i) {
    EXPECT_EQ(std::get<pickle::Symbol*>(items[i]), std::get<pickle::Symbol*>(items[i + 300]));
  }
  EXPECT_EQ("models.common.Conv299", std::get<pickle::Symbol*>(items[599])->FullName());
}

TEST(PickleWriterTest, NamesThatCouldEndAndBeginSomethingElseAreRefused) {
  PickleWriter writer;
  EXPECT_THAT([&] { writer.Global("models", "Conv\nR"); },
              ThrowsMessage<Error>(HasSubstr("'models.Conv?R': that is no name of a class")));
  EXPECT_THROW(writer.Global("", "Conv"), Error);
  EXPECT_THROW(writer.Global("models\n", "Conv"), Error);
}

}  // namespace
}  // namespace roost::yolo

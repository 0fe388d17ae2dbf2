// The tests read the files with a decoder of their own, which shares nothing with what wrote them.

#include "yolo/train/event_file.h"

#include <cstring>
#include <filesystem>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// Bit by bit, from the polynomial 0x1EDC6F41.
std::uint32_t Crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char c : bytes) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const std::uint32_t in = static_cast<unsigned char>(c) >> bit & 1U;
      const bool carry = ((crc >> 31U) ^ in) != 0;
      crc = crc << 1U ^ (carry ? 0x1EDC'6F41U : 0);
    }
  }
  std::uint32_t reflected = 0;
  for (unsigned bit = 0; bit < 32; ++bit) reflected |= (crc >> bit & 1U) << (31 - bit);
  return ~reflected;
}

template <typename T>
T Take(std::string_view& bytes) {
  T value{};
  EXPECT_GE(bytes.size(), sizeof value);
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}

void ExpectCrc(std::uint32_t masked, std::string_view bytes) {
  const std::uint32_t rotated = masked - 0xA282'EAD8U;
  EXPECT_EQ(Crc32c(bytes), rotated >> 17U | rotated << 15U);
}

/// Fields of a protocol buffer, by number, in the order of the message. Numbers are their raw bytes.
using Fields = std::multimap<std::uint64_t, std::string>;

std::uint64_t TakeVarint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = Take<unsigned char>(bytes);
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80 || bytes.empty()) return value;
  }
}

Fields Decode(std::string_view bytes) {
  Fields fields;
  while (!bytes.empty()) {
    const std::uint64_t key = TakeVarint(bytes);
    std::size_t size = 0;
    switch (key & 7U) {
      case 0: {
        const std::uint64_t value = TakeVarint(bytes);
        fields.emplace(key >> 3U, std::string(reinterpret_cast<const char*>(&value), sizeof value));
        continue;
      }
      case 1:
        size = 8;
        break;
      case 2:
        size = TakeVarint(bytes);
        break;
      case 5:
        size = 4;
        break;
      default:
        ADD_FAILURE() << "wire type " << (key & 7U);
        return fields;
    }
    EXPECT_GE(bytes.size(), size);
    fields.emplace(key >> 3U, bytes.substr(0, size));
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
  return fields;
}

template <typename T>
T As(const Fields& fields, std::uint64_t number) {
  const auto found = fields.find(number);
  if (found == fields.end()) return T{};
  std::string_view bytes = found->second;
  return Take<T>(bytes);
}

std::string Text(const Fields& fields, std::uint64_t number) {
  const auto found = fields.find(number);
  return found == fields.end() ? "" : found->second;
}

std::vector<Fields> Events(const Path& file) {
  const std::string text = test::ReadText(file);
  std::string_view bytes = text;
  std::vector<Fields> events;
  while (!bytes.empty()) {
    const std::string_view length_bytes = bytes.substr(0, 8);
    const auto length = Take<std::uint64_t>(bytes);
    ExpectCrc(Take<std::uint32_t>(bytes), length_bytes);
    const std::string_view event = bytes.substr(0, length);
    bytes.remove_prefix(std::min<std::size_t>(length, bytes.size()));
    ExpectCrc(Take<std::uint32_t>(bytes), event);
    events.push_back(Decode(event));
  }
  return events;
}

class EventFileTest : public ::testing::Test {
 protected:
  TemporaryDirectory folder_;
  test::FakeClock clock_;
};

TEST_F(EventFileTest, TheChecksumOfTheDecoderIsThatOfRfc3720) {
  EXPECT_EQ(0xE306'9283U, Crc32c("123456789"));
  EXPECT_EQ(0x8A91'36AAU, Crc32c(std::string(32, '\0')));
}

TEST_F(EventFileTest, BeginsWithTheVersionThatTensorBoardExpects) {
  const EventFile file(folder_.path(), clock_);
  EXPECT_THAT(file.path().filename().string(), ::testing::StartsWith("events.out.tfevents.1700000000."));
  const std::vector<Fields> events = Events(file.path());
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(1'700'000'000.0, As<double>(events[0], 1));
  EXPECT_EQ("brain.Event:2", Text(events[0], 3));
}

TEST_F(EventFileTest, ScalarsOfAStepAreOneEvent) {
  EventFile file(folder_.path(), clock_);
  file.Write(300, {{"train/box_loss", 0.25}, {"metrics/mAP_0.5:0.95", -1e-3}});
  const std::vector<Fields> events = Events(file.path());
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(300, As<std::int64_t>(events[1], 2));
  const Fields summary = Decode(Text(events[1], 5));
  std::vector<std::string> tags;
  std::vector<float> values;
  for (const auto& [number, value] : summary) {
    EXPECT_EQ(1, number);
    tags.push_back(Text(Decode(value), 1));
    values.push_back(As<float>(Decode(value), 2));
  }
  EXPECT_THAT(tags, ElementsAre("train/box_loss", "metrics/mAP_0.5:0.95"));
  EXPECT_THAT(values, ElementsAre(0.25F, -1e-3F));
}

TEST_F(EventFileTest, PicturesHaveTheirSizeAndBytes) {
  EventFile file(folder_.path(), clock_);
  const std::string png = "\x89PNG" + std::string(5000, '\0') + "end";
  file.Write(0, {.tag = "train_batch0", .height = 640, .width = 1280, .encoded = png});
  const std::vector<Fields> events = Events(file.path());
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(1, events[1].count(2));  // step 0 is written, too
  const Fields value = Decode(Text(Decode(Text(events[1], 5)), 1));
  EXPECT_EQ("train_batch0", Text(value, 1));
  const Fields image = Decode(Text(value, 4));
  EXPECT_EQ(640, As<std::int64_t>(image, 1));
  EXPECT_EQ(1280, As<std::int64_t>(image, 2));
  EXPECT_EQ(3, As<std::int64_t>(image, 3));
  EXPECT_EQ(png, Text(image, 4));
}

TEST_F(EventFileTest, AResumedRunTakesBackWhatCameLater) {
  const EventFile before(folder_.path(), clock_);
  const EventFile file(folder_.path(), clock_, 12);
  EXPECT_NE(before.path(), file.path());
  const std::vector<Fields> events = Events(file.path());
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(12, As<std::int64_t>(events[1], 2));
  EXPECT_EQ(1, As<std::int64_t>(Decode(Text(events[1], 7)), 1));  // SessionLog.START
}

TEST_F(EventFileTest, AFolderThatIsNotThereIsAnError) {
  EXPECT_THAT([&] { EventFile(folder_.path() / "none", clock_); },
              ::testing::ThrowsMessage<Error>(HasSubstr("none/events.out")));
}

}  // namespace
}  // namespace roost::yolo

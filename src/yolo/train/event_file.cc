#include "yolo/train/event_file.h"

#include <array>
#include <atomic>
#include <bit>
#include <chrono>

#include <unistd.h>

#include "roost/base/error.h"

namespace roost::yolo {
namespace {

static_assert(std::endian::native == std::endian::little, "event files are little endian, and so are we");

template <typename T>
std::string Raw(T number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

// CRC-32C (Castagnoli), reflected.

constexpr std::array<std::uint32_t, 256> MakeTable() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1U) != 0 ? crc >> 1U ^ 0x82F6'3B78U : crc >> 1U;
    table[i] = crc;
  }
  return table;
}

/// Rotated and shifted, so that the sum of bytes that hold sums is no special case (record_writer.cc).
std::uint32_t MaskedCrc(std::string_view bytes) {
  static constexpr std::array<std::uint32_t, 256> kTable = MakeTable();
  std::uint32_t crc = 0xFFFF'FFFFU;
  for (const unsigned char byte : bytes) crc = kTable[(crc ^ byte) & 0xFFU] ^ crc >> 8U;
  return std::rotr(~crc, 15) + 0xA282'EAD8U;
}

// Protocol buffers: each field has a number and a way in which its value is written.

enum class Wire : std::uint64_t { kVarint = 0, k64Bits = 1, kBytes = 2, k32Bits = 5 };

std::string Varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U) bytes += static_cast<char>(value | 0x80U);
  return bytes + static_cast<char>(value);
}

std::string Key(std::uint64_t field, Wire wire) {
  return Varint(field << 3U | static_cast<std::uint64_t>(wire));
}

std::string Number(std::uint64_t field, std::int64_t value) {
  return Key(field, Wire::kVarint) + Varint(static_cast<std::uint64_t>(value));
}
std::string Double(std::uint64_t field, double value) { return Key(field, Wire::k64Bits) + Raw(value); }
std::string Float(std::uint64_t field, float value) { return Key(field, Wire::k32Bits) + Raw(value); }
std::string Bytes(std::uint64_t field, std::string_view value) {
  return (Key(field, Wire::kBytes) + Varint(value.size())).append(value);
}

// The messages, with the field numbers of event.proto and summary.proto.

std::string EventStep(std::int64_t step) { return Number(2, step); }
std::string EventFileVersion() { return Bytes(3, "brain.Event:2"); }
std::string EventSummary(std::string_view values) { return Bytes(5, values); }
std::string EventSessionStart() { return Bytes(7, Number(1, 1)); }

std::string SummaryValue(std::string_view tag, std::string_view content) {
  return Bytes(1, Bytes(1, tag).append(content));
}
std::string SimpleValue(double value) { return Float(2, static_cast<float>(value)); }
std::string ImageValue(const ImageSummary& image) {
  constexpr std::int64_t kRgb = 3;
  return Bytes(4,
               Number(1, image.height) + Number(2, image.width) + Number(3, kRgb) + Bytes(4, image.encoded));
}

double SecondsNow(const Clock& clock) {
  return std::chrono::duration<double>(clock.WallNow().time_since_epoch()).count();
}

Path NewFile(const Path& folder, const Clock& clock) {
  static std::atomic<int> number{0};  // a process may open several within a second
  std::string seconds = std::to_string(static_cast<std::int64_t>(SecondsNow(clock)));
  seconds.insert(0, seconds.size() < 10 ? 10 - seconds.size() : 0, '0');
  return folder / ("events.out.tfevents." + seconds + "." + HostName() + "." + std::to_string(::getpid()) +
                   "." + std::to_string(number++));
}

}  // namespace

EventFile::EventFile(const Path& folder, const Clock& clock, std::optional<std::int64_t> resumed_at)
    : clock_(clock), file_(NewFile(folder, clock)) {
  WriteEvent(EventFileVersion());
  if (resumed_at) WriteEvent(EventStep(*resumed_at) + EventSessionStart());
}

void EventFile::Write(std::int64_t step, const std::vector<ScalarSummary>& scalars) {
  std::string values;
  for (const ScalarSummary& scalar : scalars) values += SummaryValue(scalar.tag, SimpleValue(scalar.value));
  WriteEvent(EventStep(step) + EventSummary(values));
}

void EventFile::Write(std::int64_t step, const ImageSummary& image) {
  WriteEvent(EventStep(step) + EventSummary(SummaryValue(image.tag, ImageValue(image))));
}

void EventFile::WriteEvent(std::string_view fields) {
  const std::string event = Double(1, SecondsNow(clock_)).append(fields);
  const std::string length = Raw(static_cast<std::uint64_t>(event.size()));
  file_.Append(length + Raw(MaskedCrc(length)) + event + Raw(MaskedCrc(event))).value();
}

}  // namespace roost::yolo

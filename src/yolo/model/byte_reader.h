#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace roost::yolo {

static_assert(std::endian::native == std::endian::little, "checkpoints are little endian, and so are we");

/// A cursor over bytes that never leaves them: what is not there is nothing.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint64_t position() const { return position_; }
  std::uint64_t left() const { return bytes_.size() - position_; }
  bool Seek(std::uint64_t position) {
    if (position > bytes_.size()) return false;
    position_ = position;
    return true;
  }

  /// A little endian number.
  template <typename T>
  std::optional<T> Number() {
    static_assert(std::is_trivially_copyable_v<T>);
    if (left() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }

  std::optional<std::span<const std::byte>> Bytes(std::uint64_t count) {
    if (left() < count) return std::nullopt;
    const auto taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }

  std::optional<std::string_view> Text(std::uint64_t count) {
    const auto taken = Bytes(count);
    if (!taken) return std::nullopt;
    return std::string_view(reinterpret_cast<const char*>(taken->data()), taken->size());
  }

  /// Up to the next newline, which is taken and dropped.
  std::optional<std::string_view> Line(std::uint64_t longest) {
    const auto* begin = reinterpret_cast<const char*>(bytes_.data()) + position_;
    const std::string_view rest(begin, left() < longest ? left() : longest);
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    position_ += end + 1;
    return rest.substr(0, end);
  }

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t position_ = 0;
};

}  // namespace roost::yolo

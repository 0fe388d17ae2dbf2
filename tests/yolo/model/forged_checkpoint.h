#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Writes the containers and pickles that the tests read: well-formed ones, and ones that lie where told to.
namespace roost::test {

/// The raw bytes of a number, little endian.
template <typename T>
std::string Bytes(T number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

/// One entry of a zip archive. What is set here is written, true or not.
struct ZipEntry {
  std::string name;
  std::string content;
  bool deflate = false;
  /// As torch writes: sizes and CRC zero in the local header, a descriptor behind the data, data aligned to
  /// 64 bytes with an extra field.
  bool like_torch = false;
  std::uint16_t flags = 0;
  std::int32_t method = -1;         ///< -1 = what `deflate` says
  std::int64_t declared_size = -1;  ///< -1 = the truth
  std::uint32_t crc_error = 0;      ///< xored into the CRC
};

/// An archive of these entries. `zip64` puts the position of the directory into a zip64 end record.
std::string Zip(const std::vector<ZipEntry>& entries, bool zip64 = false);

/// Pieces of pickle: each pushes one value.
namespace pickled {

std::string None();
std::string Bool(bool value);
std::string Int(std::int32_t value);
std::string Double(double value);
std::string Text(std::string_view text);
std::string Symbol(std::string_view module, std::string_view name);
std::string Tuple(std::initializer_list<std::string> items);
std::string List(const std::vector<std::string>& items);
std::string Dict(const std::vector<std::pair<std::string, std::string>>& items);  ///< keys are texts
std::string Call(const std::string& symbol, std::initializer_list<std::string> arguments);
/// An object of the class, its attributes as `state`.
std::string Object(std::string_view module, std::string_view name, const std::string& state);
std::string Storage(std::string_view type, std::string_view key, std::int32_t numel);
std::string TensorOn(const std::string& storage, const std::vector<std::int32_t>& shape,
                     const std::vector<std::int32_t>& strides, std::int32_t offset = 0);
/// An nn.Module with these containers and plain attributes.
struct Parts {
  std::vector<std::pair<std::string, std::string>> modules, parameters, buffers, attributes;
};
std::string NnModule(std::string_view module, std::string_view name, const Parts& parts);

/// PUT and GET of a memo slot.
std::string Remembered(const std::string& value, std::uint8_t slot);
std::string Recalled(std::uint8_t slot);

/// A whole pickle of protocol 2.
std::string Pickle(const std::string& value);

}  // namespace pickled

/// A checkpoint in the zip container: the pickled value and its storages by key.
std::string ZipCheckpoint(const std::string& value,
                          const std::vector<std::pair<std::string, std::string>>& storages = {},
                          bool deflate = false);

/// The same in the legacy container. Storages: key, element count, bytes.
struct LegacyStorage {
  std::string key;
  std::int64_t numel = 0;
  std::string bytes;
};
std::string LegacyCheckpoint(const std::string& value, const std::vector<LegacyStorage>& storages = {});

}  // namespace roost::test

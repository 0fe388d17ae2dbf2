#include "yolo/model/forged_checkpoint.h"

#include <algorithm>
#include <stdexcept>

#include <zlib.h>

namespace roost::test {
namespace {

std::string Deflated(const std::string& content) {
  std::string out(content.size() + 1000, '\0');
  z_stream stream{};
  if (::deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("deflateInit2");
  }
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (::deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("deflate");
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

template <typename... Numbers>
std::string Fields(Numbers... numbers) {
  return (Bytes(numbers) + ...);
}

std::string Reversed(std::string text) {
  std::reverse(text.begin(), text.end());
  return text;
}

}  // namespace

std::string Zip(const std::vector<ZipEntry>& entries, bool zip64) {
  using U16 = std::uint16_t;
  using U32 = std::uint32_t;
  std::string file;
  std::string directory;
  for (const ZipEntry& entry : entries) {
    const std::string data = entry.deflate ? Deflated(entry.content) : entry.content;
    const auto method = static_cast<U16>(entry.method >= 0 ? entry.method : entry.deflate ? 8 : 0);
    const auto flags = static_cast<U16>(entry.flags | (entry.like_torch ? 0x0808 : 0));
    const auto* content = reinterpret_cast<const Bytef*>(entry.content.data());
    const auto crc =
        static_cast<U32>(::crc32(0, content, static_cast<uInt>(entry.content.size()))) ^ entry.crc_error;
    const auto compressed = static_cast<U32>(data.size());
    const auto size = entry.declared_size >= 0 ? static_cast<U32>(entry.declared_size)
                                               : static_cast<U32>(entry.content.size());
    const auto name_length = static_cast<U16>(entry.name.size());
    const auto offset = static_cast<U32>(file.size());

    std::string extra;
    if (entry.like_torch) {
      const std::size_t data_at = file.size() + 30 + entry.name.size() + 4;
      const auto padding = static_cast<U16>((64 - data_at % 64) % 64);
      extra = "FB" + Bytes(padding) + std::string(padding, 'Z');
    }
    // What is not known before the data was written follows in a descriptor.
    const bool later = entry.like_torch;
    file += "PK\x03\x04";
    file += Fields(U16{20}, flags, method, U32{0}, later ? U32{0} : crc, later ? U32{0} : compressed,
                   later ? U32{0} : size, name_length, static_cast<U16>(extra.size()));
    file += entry.name;
    file += extra;
    file += data;
    if (later) {
      file += "PK\x07\x08";
      file += Fields(crc, compressed, size);
    }
    directory += "PK\x01\x02";
    directory += Fields(U16{20}, U16{20}, flags, method, U32{0}, crc, compressed, size, name_length, U16{0},
                        U16{0}, U16{0}, U16{0}, U32{0}, offset);
    directory += entry.name;
  }

  const std::uint64_t count = entries.size();
  const std::uint64_t directory_size = directory.size();
  const std::uint64_t directory_offset = file.size();
  file += directory;
  if (zip64) {
    const std::uint64_t record = file.size();
    file += "PK\x06\x06";
    file += Fields(std::uint64_t{44}, U16{45}, U16{45}, U32{0}, U32{0}, count, count, directory_size,
                   directory_offset);
    file += "PK\x06\x07";
    file += Fields(U32{0}, record, U32{1});
  }
  const auto short_count = static_cast<U16>(zip64 ? 0xFFFF : count);
  file += "PK\x05\x06";
  file +=
      Fields(U16{0}, U16{0}, short_count, short_count, static_cast<U32>(zip64 ? 0xFFFFFFFF : directory_size),
             static_cast<U32>(zip64 ? 0xFFFFFFFF : directory_offset), U16{0});
  return file;
}

namespace pickled {

std::string None() { return "N"; }
std::string Bool(bool value) { return value ? "\x88" : "\x89"; }
std::string Int(std::int32_t value) { return "J" + Bytes(value); }
std::string Double(double value) { return "G" + Reversed(Bytes(value)); }
std::string Text(std::string_view text) {
  return "X" + Bytes(static_cast<std::uint32_t>(text.size())) + std::string(text);
}
std::string Symbol(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}
std::string Tuple(std::initializer_list<std::string> items) {
  std::string text = "(";
  for (const auto& item : items) text += item;
  return text + "t";
}
std::string List(const std::vector<std::string>& items) {
  std::string text = "](";
  for (const auto& item : items) text += item;
  return text + "e";
}
std::string Dict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string text = "}(";
  for (const auto& [key, value] : items) text += Text(key) + value;
  return text + "u";
}
std::string Call(const std::string& symbol, std::initializer_list<std::string> arguments) {
  return symbol + Tuple(arguments) + "R";
}
std::string Object(std::string_view module, std::string_view name, const std::string& state) {
  return Symbol(module, name) + ")\x81" + state + "b";
}
std::string Storage(std::string_view type, std::string_view key, std::int32_t numel) {
  return Tuple({Text("storage"), Symbol("torch", type), Text(key), Text("cpu"), Int(numel)}) + "Q";
}
std::string TensorOn(const std::string& storage, const std::vector<std::int32_t>& shape,
                     const std::vector<std::int32_t>& strides, std::int32_t offset) {
  const auto tuple = [](const std::vector<std::int32_t>& numbers) {
    std::string text = "(";
    for (const std::int32_t number : numbers) text += Int(number);
    return text + "t";
  };
  return Call(Symbol("torch._utils", "_rebuild_tensor_v2"),
              {storage, Int(offset), tuple(shape), tuple(strides), Bool(false),
               Call(Symbol("collections", "OrderedDict"), {})});
}
std::string NnModule(std::string_view module, std::string_view name, const Parts& parts) {
  std::vector<std::pair<std::string, std::string>> state = {{"training", Bool(false)},
                                                            {"_parameters", Dict(parts.parameters)},
                                                            {"_buffers", Dict(parts.buffers)},
                                                            {"_modules", Dict(parts.modules)}};
  state.insert(state.end(), parts.attributes.begin(), parts.attributes.end());
  return Object(module, name, Dict(state));
}

std::string Remembered(const std::string& value, std::uint8_t slot) { return value + "q" + Bytes(slot); }
std::string Recalled(std::uint8_t slot) { return "h" + Bytes(slot); }

std::string Pickle(const std::string& value) { return "\x80\x02" + value + "."; }

}  // namespace pickled

std::string ZipCheckpoint(const std::string& value,
                          const std::vector<std::pair<std::string, std::string>>& storages, bool deflate) {
  std::vector<ZipEntry> entries = {{.name = "best/data.pkl",
                                    .content = pickled::Pickle(value),
                                    .deflate = deflate,
                                    .like_torch = !deflate}};
  for (const auto& [key, bytes] : storages) {
    entries.push_back(
        {.name = "best/data/" + key, .content = bytes, .deflate = deflate, .like_torch = !deflate});
  }
  entries.push_back({.name = "best/version", .content = "3\n"});
  return Zip(entries);
}

std::string LegacyCheckpoint(const std::string& value, const std::vector<LegacyStorage>& storages) {
  using namespace pickled;
  std::string file("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 15);
  file += Pickle(Int(1001));
  file += Pickle(Dict({{"protocol_version", Int(1001)}, {"little_endian", Bool(true)}}));
  file += Pickle(value);
  std::vector<std::string> keys;
  keys.reserve(storages.size());
  for (const auto& storage : storages) keys.push_back(Text(storage.key));
  file += Pickle(List(keys));
  for (const auto& storage : storages) file += Bytes(storage.numel) + storage.bytes;
  return file;
}

}  // namespace roost::test

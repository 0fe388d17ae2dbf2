#include "yolo/model/pickle_writer.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <limits>

#include "roost/base/error.h"
#include "roost/base/text.h"

namespace roost::yolo {
namespace {

static_assert(std::endian::native == std::endian::little, "pickles are little endian, and so are we");

template <typename T>
std::string_view Raw(const T& number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

bool IsPlainName(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.';
  });
}

}  // namespace

PickleWriter::PickleWriter() : out_("\x80\x02") {}

void PickleWriter::Int(std::int64_t value) {
  if (value >= 0 && value <= std::numeric_limits<std::uint8_t>::max()) {
    out_ += 'K';
    out_ += static_cast<char>(value);
  } else if (value >= std::numeric_limits<std::int32_t>::min() &&
             value <= std::numeric_limits<std::int32_t>::max()) {
    out_ += 'J';
    out_ += Raw(static_cast<std::int32_t>(value));
  } else {
    out_ += "\x8a\x08";  // two's complement in eight bytes
    out_ += Raw(value);
  }
}

void PickleWriter::Double(double value) {
  out_ += 'G';
  std::string bytes(Raw(value));
  std::ranges::reverse(bytes);  // the one number of a pickle that is big endian
  out_ += bytes;
}

void PickleWriter::Text(std::string_view text) {
  std::string clean;
  if (!IsUtf8(text)) {
    clean = text;
    std::ranges::replace_if(
        clean, [](unsigned char c) { return c >= 0x80; }, '?');
    text = clean;
  }
  ROOST_CHECK(text.size() <= std::numeric_limits<std::int32_t>::max(), "a text in a pickle has a sane size");
  out_ += 'X';
  out_ += Raw(static_cast<std::uint32_t>(text.size()));
  out_ += text;
}

void PickleWriter::Global(std::string_view module, std::string_view name) {
  if (!IsPlainName(module) || !IsPlainName(name)) {
    throw Error("cannot write an object of class '" + Printable(module) + "." + Printable(name) +
                    "': that is no name of a class",
                ExitCode::kBadData);
  }
  const auto [known, is_new] = globals_.try_emplace({std::string(module), std::string(name)}, 0);
  if (!is_new) return Recall(known->second);
  out_ += 'c';
  (out_ += module) += '\n';
  (out_ += name) += '\n';
  known->second = Remember();
}

void PickleWriter::BeginOrderedDict() {
  Global("collections", "OrderedDict");
  out_ += ")R(";
}

std::uint32_t PickleWriter::Remember() {
  const std::uint32_t number = remembered_++;
  if (number <= std::numeric_limits<std::uint8_t>::max()) {
    out_ += 'q';
    out_ += static_cast<char>(number);
  } else {
    out_ += 'r';
    out_ += Raw(number);
  }
  return number;
}

void PickleWriter::Recall(std::uint32_t number) {
  if (number <= std::numeric_limits<std::uint8_t>::max()) {
    out_ += 'h';
    out_ += static_cast<char>(number);
  } else {
    out_ += 'j';
    out_ += Raw(number);
  }
}

std::string PickleWriter::Finish() {
  out_ += '.';
  return std::move(out_);
}

}  // namespace roost::yolo

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace roost::dag {

/// Writes one JSON value, piece by piece: `json.Begin('{').Key("a").Number(1).End('}')`. It puts in the
/// commas and the quotes; that what is opened is closed is up to the caller.
class JsonText {
 public:
  JsonText& Begin(char bracket);
  JsonText& End(char bracket);
  JsonText& Key(std::string_view name);
  /// Bytes that are not UTF-8 become the replacement character.
  JsonText& String(std::string_view text);
  JsonText& Number(std::int64_t value);
  JsonText& Number(int value) { return Number(std::int64_t{value}); }
  JsonText& Number(double value);  ///< three decimals
  JsonText& Bool(bool value);
  JsonText& Null();

  /// The text so far, which begins anew after it.
  std::string Take();

 private:
  void Separate();
  std::string text_;
  bool first_ = true;  ///< nothing stands before the next value in its list
};

}  // namespace roost::dag

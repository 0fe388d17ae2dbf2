#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace roost::yolo {

/// One line of JSON. What is not UTF-8 (file names may hold any bytes) becomes U+FFFD.
template <typename Json>
std::string JsonLine(const Json& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

/// A file name as JSON text from which it can be had back: "bytes:6e61ff" where it is not UTF-8.
std::string JsonName(const std::string& name);
std::string NameOfJson(const std::string& text);

/// The double with the fewest decimal digits that is `value` as a float: what JSON should show of it.
double Shortest(float value);

}  // namespace roost::yolo

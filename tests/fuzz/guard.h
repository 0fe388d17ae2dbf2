#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>

#include "roost/base/error.h"
#include "roost/base/text.h"

namespace roost::fuzz {

/// Stops the fuzzer: the code under test broke a promise.
inline void Promise(bool kept, const std::string& what) {
  if (!kept) throw std::logic_error(what);
}

/// Runs `read`, which may refuse the data if it says so decently.
template <typename Read>
void MayRefuse(const Read& read) {
  constexpr std::size_t kLongestMessage = 1000;
  try {
    read();
  } catch (const Error& error) {
    const std::string& message = error.message();
    Promise(error.code() == ExitCode::kBadData, "does not blame the data: " + message);
    Promise(!message.empty() && message.size() <= kLongestMessage, "no message, or a long one: " + message);
    Promise(Printable(message) == message, "not one readable line: " + Printable(message));
  }
}

}  // namespace roost::fuzz

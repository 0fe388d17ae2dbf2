#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "roost/base/error.h"

namespace roost {

/// Checks of flags that CLI11 cannot express. They throw Error (usage) that sends the reader to the help of
/// `app`.
class FlagChecks {
 public:
  explicit FlagChecks(const CLI::App& app) : app_(app) {}

  /// An empty value is an unset variable in somebody's script, and never means the default.
  void RefuseEmptyValues(std::initializer_list<const char*> flags) const {
    for (const char* flag : flags) {
      const CLI::Option* option = app_.get_option(flag);
      if (option->count() == 0) continue;
      const std::vector<std::string>& values = option->results();
      if (std::find(values.begin(), values.end(), "") != values.end()) {
        throw Wrong(std::string(flag) + " must not be empty");
      }
    }
  }

  template <typename T>
  void Range(const char* flag, T value, T low, T high) const {
    if (value >= low && value <= high) return;
    throw Wrong(std::string(flag) + " takes a number from " + std::to_string(low) + " to " +
                std::to_string(high));
  }

  void Fraction(const char* flag, double value) const {
    if (value >= 0 && value <= 1) return;
    throw Wrong(std::string(flag) + " takes a number from 0 to 1");
  }

 private:
  Error Wrong(const std::string& message) const {
    return Error(message, ExitCode::kUsage, "see " + app_.get_name() + " --help");
  }

  const CLI::App& app_;
};

}  // namespace roost

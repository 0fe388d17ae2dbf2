#pragma once

#include <string>
#include <string_view>

namespace roost::dag {

/// Finds, among names offered one by one, the one that a person most likely meant to write.
class Suggestion {
 public:
  explicit Suggestion(std::string_view written) : written_(written) {}

  void Offer(std::string_view candidate);

  /// " (did you mean 'B12'?)", or nothing where no candidate was near.
  std::string Text() const;

 private:
  std::string_view written_;
  std::string best_;
  std::size_t best_distance_ = SIZE_MAX;
};

}  // namespace roost::dag

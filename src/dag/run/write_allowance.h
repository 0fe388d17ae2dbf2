#pragma once

#include <chrono>

#include "roost/base/clock.h"

namespace roost::dag {

/// Keeps small what a run spends on files that only describe it: a second in all, and beyond that a twentieth
/// of the run. What it does not allow now is to be written later, in its then newest form.
class WriteAllowance {
 public:
  explicit WriteAllowance(const Clock& clock) : clock_(clock), start_(clock.Now()) {}

  bool Allows() const { return spent_ <= kFree + (clock_.Now() - start_) / kShare; }

  template <typename Write>
  void Spend(Write&& write) {
    const Clock::TimePoint begin = clock_.Now();
    write();
    spent_ += clock_.Now() - begin;
  }

 private:
  static constexpr std::chrono::seconds kFree{1};
  static constexpr int kShare = 20;

  const Clock& clock_;
  Clock::TimePoint start_;
  Clock::TimePoint::duration spent_{0};
};

}  // namespace roost::dag

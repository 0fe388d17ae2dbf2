#include "dag/text/suggest.h"

#include <algorithm>
#include <vector>

#include "roost/base/text.h"

namespace roost::dag {
namespace {

/// Number of letters to insert, delete, replace, or swap with their neighbour (optimal string alignment).
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

constexpr std::size_t kLongestName = 64;  // longer names are not typed by hand

}  // namespace

void Suggestion::Offer(std::string_view candidate) {
  // One slip in a short name, two in a longer one; a one-letter name is near everything.
  const std::size_t slips = written_.size() <= 4 ? 1 : 2;
  if (written_.size() > kLongestName || candidate.size() > written_.size() + slips ||
      written_.size() > candidate.size() + slips) {
    return;
  }
  const std::string wanted = ToLower(written_);
  const std::string offered = ToLower(candidate);
  const std::size_t distance = EditDistance(wanted, offered);
  if (distance > slips || distance >= std::max(wanted.size(), offered.size())) return;
  if (distance < best_distance_) {
    best_distance_ = distance;
    best_ = candidate;
  }
}

std::string Suggestion::Text() const { return best_.empty() ? "" : " (did you mean '" + best_ + "'?)"; }

}  // namespace roost::dag

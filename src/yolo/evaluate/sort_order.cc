#include "yolo/evaluate/sort_order.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <numeric>
#include <utility>

namespace roost::yolo {
namespace {

class Sorter {
 public:
  Sorter(std::span<const double> values, std::vector<std::size_t>& order) : values_(values), order_(order) {}

  /// Sorts the places `first` to `last`, both included.
  void Sort(std::int64_t first, std::int64_t last, int depth) {
    constexpr std::int64_t kShort = 16;
    while (last - first > kShort) {
      if (depth-- == 0) return SortSlowly(first, last);
      const std::int64_t middle = Partition(first, last);
      Sort(first, middle - 1, depth);
      first = middle + 1;
    }
    Insert(first, last);
  }

 private:
  std::size_t& At(std::int64_t place) { return order_[static_cast<std::size_t>(place)]; }
  double ValueAt(std::int64_t place) { return values_[At(place)]; }
  void Swap(std::int64_t a, std::int64_t b) { std::swap(At(a), At(b)); }

  /// Where the pivot ends up: what is smaller lies before it.
  std::int64_t Partition(std::int64_t first, std::int64_t last) {
    const std::int64_t middle = first + (last - first) / 2;
    if (ValueAt(middle) < ValueAt(first)) Swap(middle, first);
    if (ValueAt(last) < ValueAt(middle)) Swap(last, middle);
    if (ValueAt(middle) < ValueAt(first)) Swap(middle, first);
    const double pivot = ValueAt(middle);
    Swap(middle, last - 1);
    std::int64_t low = first;
    std::int64_t high = last - 1;
    while (true) {
      do {
        ++low;
      } while (ValueAt(low) < pivot);
      do {
        --high;
      } while (pivot < ValueAt(high));
      if (low >= high) break;
      Swap(low, high);
    }
    Swap(low, last - 1);
    return low;
  }

  void Insert(std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first + 1; i <= last; ++i) {
      for (std::int64_t j = i; j > first && ValueAt(j) < ValueAt(j - 1); --j) Swap(j, j - 1);
    }
  }

  /// Numpy goes on with a heap sort where pivots are chosen badly again and again.
  void SortSlowly(std::int64_t first, std::int64_t last) {
    std::stable_sort(order_.begin() + first, order_.begin() + last + 1,
                     [&](std::size_t a, std::size_t b) { return values_[a] < values_[b]; });
  }

  std::span<const double> values_;
  std::vector<std::size_t>& order_;
};

}  // namespace

std::vector<std::size_t> NumpyOrder(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  const int depth = 2 * std::bit_width(values.size());
  Sorter(values, order).Sort(0, std::ssize(order) - 1, depth);
  return order;
}

}  // namespace roost::yolo

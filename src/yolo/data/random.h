#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <utility>

namespace roost::yolo {

/// A stream of random numbers that follows from its key alone, the same on every machine and with every
/// standard library (xoshiro256** by Blackman and Vigna, seeded by SplitMix64). Cheap to make: whoever needs
/// numbers of its own makes a stream with a key of its own.
class Random {
 public:
  /// Different keys give unrelated streams; the order of the numbers in a key counts.
  explicit Random(std::initializer_list<std::uint64_t> key);

  std::uint64_t Bits();
  /// In [0, 1).
  double Uniform();
  /// In [low, high); `low` where they are the same.
  double Uniform(double low, double high) { return low + (high - low) * Uniform(); }
  /// One of 0 ... n - 1, each as likely as the others; `n` at least 1.
  std::size_t Below(std::size_t n);
  /// True with this probability; never for 0, always for 1.
  bool Chance(double probability) { return Uniform() < probability; }
  /// Mean 0, standard deviation 1.
  double Normal();
  /// Beta(shape, shape): around 0.5, the closer the larger `shape`, which is at least 1.
  double Beta(double shape);

  /// Every order of a vector or array is as likely as the others.
  template <typename Values>
  void Shuffle(Values& values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[Below(i)]);
  }

 private:
  double Gamma(double shape);

  std::array<std::uint64_t, 4> state_;
  std::optional<double> normal_;  ///< normal numbers come in pairs
};

}  // namespace roost::yolo

#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numeric>

namespace roost::yolo::scenes {

/// A generator whose numbers are the same on every machine and with every standard library (SplitMix64,
/// Steele et al. 2014); the distributions of <random> are not.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() { return Mix(state_ += 0x9E3779B97F4A7C15); }

  /// In [0, 1).
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  double Uniform(double low, double high) { return low + (high - low) * Uniform(); }
  float Real(double low, double high) { return static_cast<float>(Uniform(low, high)); }
  /// Even in the logarithm: as many between 10 and 20 as between 20 and 40.
  double LogUniform(double low, double high) { return low * std::pow(high / low, Uniform()); }
  /// In low..high, both included.
  int Int(int low, int high) {
    return low + static_cast<int>(Next() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool Chance(double probability) { return Uniform() < probability; }
  /// Mean 0, deviation 1 (Box and Muller).
  double Normal() {
    const double radius = std::sqrt(-2 * std::log(1 - Uniform()));
    return radius * std::cos(2 * 3.14159265358979323846 * Uniform());
  }
  /// An index, each as probable as its weight.
  int Weighted(std::initializer_list<double> weights) {
    double left = Uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
    int index = 0;
    for (const double weight : weights) {
      if (left < weight) return index;
      left -= weight;
      ++index;
    }
    return index - 1;
  }
  template <typename T>
  T Pick(std::initializer_list<T> values) {
    return *(values.begin() + Int(0, static_cast<int>(values.size()) - 1));
  }

  /// A generator of its own for one part of the work: what is drawn from it does not shift the rest.
  Random Fork(std::uint64_t part) const { return Random(Mix(state_ ^ Mix(part + 1))); }

 private:
  static std::uint64_t Mix(std::uint64_t value) {
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
    return value ^ (value >> 31);
  }
  std::uint64_t state_;
};

}  // namespace roost::yolo::scenes

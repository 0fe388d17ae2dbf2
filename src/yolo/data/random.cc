#include "yolo/data/random.h"

#include <bit>
#include <cmath>

#include "roost/base/error.h"

namespace roost::yolo {
namespace {

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;  // 2^64 divided by the golden ratio

/// The finalizer of SplitMix64: every bit of the result depends on every bit of `value`.
std::uint64_t Mixed(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
  return value ^ (value >> 31);
}

}  // namespace

Random::Random(std::initializer_list<std::uint64_t> key) : state_{} {
  std::uint64_t seed = 0;
  for (const std::uint64_t part : key) seed = Mixed(seed + kGolden) ^ Mixed(part);
  for (std::uint64_t& word : state_) word = Mixed(seed += kGolden);
}

std::uint64_t Random::Bits() {
  auto& s = state_;
  const std::uint64_t result = std::rotl(s[1] * 5, 7) * 9;
  const std::uint64_t shifted = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = std::rotl(s[3], 45);
  return result;
}

double Random::Uniform() {
  constexpr double kStep = 0x1p-53;  // a double has 53 bits
  return static_cast<double>(Bits() >> 11) * kStep;
}

std::size_t Random::Below(std::size_t n) {
  ROOST_CHECK(n > 0, "a choice among nothing");
  // The last, incomplete run of n numbers would favour the small ones.
  const std::uint64_t incomplete = (UINT64_MAX % n + 1) % n;
  std::uint64_t bits = Bits();
  while (bits > UINT64_MAX - incomplete) bits = Bits();
  return static_cast<std::size_t>(bits % n);
}

double Random::Normal() {
  if (normal_) return *std::exchange(normal_, std::nullopt);
  // Marsaglia's polar method: a point in the unit circle gives two numbers.
  double x = 0;
  double y = 0;
  double square = 0;
  do {
    x = Uniform(-1, 1);
    y = Uniform(-1, 1);
    square = x * x + y * y;
  } while (square >= 1 || square == 0);
  const double factor = std::sqrt(-2 * std::log(square) / square);
  normal_ = y * factor;
  return x * factor;
}

double Random::Gamma(double shape) {
  // Marsaglia and Tsang, "A simple method for generating gamma variables" (2000).
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double normal = Normal();
    const double root = 1 + c * normal;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(1 - Uniform()) < 0.5 * normal * normal + d * (1 - v + std::log(v))) return d * v;
  }
}

double Random::Beta(double shape) {
  ROOST_CHECK(shape >= 1, "a beta distribution with a hollow middle");
  const double one = Gamma(shape);
  const double other = Gamma(shape);
  return one / (one + other);
}

}  // namespace roost::yolo

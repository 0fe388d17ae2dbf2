#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/yolo/module.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;

/// A tensor on a copy of `elements`, which need not be aligned.
template <typename T>
Tensor TensorOf(DType dtype, const std::vector<T>& elements, std::vector<std::int64_t> shape,
                std::vector<std::int64_t> strides, std::int64_t offset = 0) {
  const auto owner = std::make_shared<std::vector<std::byte>>(elements.size() * sizeof(T) + 1);
  const auto bytes = std::as_bytes(std::span(elements));
  std::copy(bytes.begin(), bytes.end(), owner->begin() + 1);
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.shape = std::move(shape);
  tensor.strides = std::move(strides);
  tensor.offset = offset;
  tensor.storage = std::span<const std::byte>(*owner).subspan(1);
  tensor.owner = owner;
  return tensor;
}

TEST(TensorTest, EveryElementTypeBecomesFloats) {
  const std::vector<std::int64_t> shape{2};
  const std::vector<std::int64_t> strides{1};
  EXPECT_THAT(TensorOf<float>(DType::kFloat32, {1.5F, -2}, shape, strides).ToFloats(), ElementsAre(1.5F, -2));
  EXPECT_THAT(TensorOf<double>(DType::kFloat64, {0.25, 1e300}, shape, strides).ToFloats(),
              ElementsAre(0.25F, std::numeric_limits<float>::infinity()));
  EXPECT_THAT(TensorOf<std::uint16_t>(DType::kBFloat16, {0x3FC0, 0xC000}, shape, strides).ToFloats(),
              ElementsAre(1.5F, -2));
  EXPECT_THAT(TensorOf<std::int64_t>(DType::kInt64, {-3, 1 << 20}, shape, strides).ToFloats(),
              ElementsAre(-3, 1048576));
  EXPECT_THAT(TensorOf<std::int32_t>(DType::kInt32, {-3, 7}, shape, strides).ToFloats(), ElementsAre(-3, 7));
  EXPECT_THAT(TensorOf<std::int16_t>(DType::kInt16, {-3, 7}, shape, strides).ToFloats(), ElementsAre(-3, 7));
  EXPECT_THAT(TensorOf<std::int8_t>(DType::kInt8, {-3, 7}, shape, strides).ToFloats(), ElementsAre(-3, 7));
  EXPECT_THAT(TensorOf<std::uint8_t>(DType::kUInt8, {253, 7}, shape, strides).ToFloats(),
              ElementsAre(253, 7));
  EXPECT_THAT(TensorOf<std::uint8_t>(DType::kBool, {1, 0}, shape, strides).ToFloats(), ElementsAre(1, 0));
}

TEST(TensorTest, HalfPrecisionIsExactForAllBitPatterns) {
  std::vector<std::uint16_t> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  const std::vector<float> floats = TensorOf(DType::kFloat16, all, {65536}, {1}).ToFloats();

  for (std::size_t i = 0; i < all.size(); ++i) {
    // The definition: sign, five bits of exponent with a bias of 15, ten bits of fraction.
    const int exponent = (all[i] >> 10) & 31;
    const int fraction = all[i] & 1023;
    double expected = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    if (exponent == 31) expected = fraction == 0 ? HUGE_VAL : std::nan("");
    if ((all[i] & 0x8000) != 0) expected = -expected;
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(floats[i])) << "half " << i;
    } else {
      EXPECT_EQ(expected, static_cast<double>(floats[i])) << "half " << i;
      EXPECT_EQ(std::signbit(expected), std::signbit(floats[i])) << "half " << i;
    }
  }
}

TEST(TensorTest, StridesAndOffsetChooseTheElements) {
  const std::vector<float> elements{0, 1, 2, 3, 4, 5, 6, 7};
  // A transposed 2 x 3 matrix.
  EXPECT_THAT(TensorOf(DType::kFloat32, elements, {2, 3}, {1, 2}).ToFloats(), ElementsAre(0, 2, 4, 1, 3, 5));
  // Every second element from the second on.
  EXPECT_THAT(TensorOf(DType::kFloat32, elements, {3}, {2}, 1).ToFloats(), ElementsAre(1, 3, 5));
  // channels_last: [1, 2, 2, 2] with the channels innermost.
  EXPECT_THAT(TensorOf(DType::kFloat32, elements, {1, 2, 2, 2}, {8, 1, 4, 2}).ToFloats(),
              ElementsAre(0, 2, 4, 6, 1, 3, 5, 7));
  // Expanded: stride 0 repeats.
  EXPECT_THAT(TensorOf(DType::kFloat32, elements, {2, 2}, {0, 1}, 6).ToFloats(), ElementsAre(6, 7, 6, 7));
}

TEST(TensorTest, AScalarHasOneElementAndAnEmptyTensorNone) {
  EXPECT_THAT(TensorOf<float>(DType::kFloat32, {3}, {}, {}).ToFloats(), ElementsAre(3));
  const Tensor empty = TensorOf<float>(DType::kFloat32, {}, {2, 0, 3}, {0, 3, 1});
  EXPECT_EQ(0, empty.numel());
  EXPECT_TRUE(empty.ToFloats().empty());
}

TEST(TensorTest, FromFloatsOwnsItsValuesInCOrder) {
  const Tensor tensor = Tensor::FromFloats({2, 2}, {1, 2, 3, 4});
  EXPECT_THAT(tensor.strides, ElementsAre(2, 1));
  EXPECT_THAT(tensor.ToFloats(), ElementsAre(1, 2, 3, 4));
}

TEST(TensorTest, ElementSizesAreThoseOfTorch) {
  EXPECT_EQ(4U, SizeOf(DType::kFloat32));
  EXPECT_EQ(8U, SizeOf(DType::kFloat64));
  EXPECT_EQ(2U, SizeOf(DType::kFloat16));
  EXPECT_EQ(2U, SizeOf(DType::kBFloat16));
  EXPECT_EQ(8U, SizeOf(DType::kInt64));
  EXPECT_EQ(1U, SizeOf(DType::kBool));
}

/// The bits of `number` in half precision.
std::uint16_t HalfOf(float number) {
  const Tensor half = Tensor::FromFloats({1}, {number}).ToHalf();
  std::uint16_t bits = 0;
  std::memcpy(&bits, half.storage.data(), sizeof bits);
  return bits;
}

TEST(TensorTest, EveryHalfBecomesItselfAgain) {
  std::vector<std::uint16_t> halves;
  for (unsigned bits = 0; bits < 0x10000U; ++bits) {
    const bool is_nan = (bits & 0x7FFFU) > 0x7C00U;
    if (!is_nan) halves.push_back(static_cast<std::uint16_t>(bits));
  }
  const auto bytes = std::as_bytes(std::span(halves));
  const Tensor tensor =
      Tensor::View(DType::kFloat16, {static_cast<std::int64_t>(halves.size())}, bytes, nullptr);
  const Tensor again = Tensor::FromFloats(tensor.shape, tensor.ToFloats()).ToHalf();
  EXPECT_TRUE(std::ranges::equal(bytes, again.storage));
}

// Expected bits: numpy.float32(x).astype(numpy.float16).
TEST(TensorTest, ToHalfRoundsToTheNearestAndTiesToEven) {
  EXPECT_EQ(0x3C00, HalfOf(1 + 0x1p-11F));             // halfway up: to even, down
  EXPECT_EQ(0x3C02, HalfOf(1 + 3 * 0x1p-11F));         // halfway: to even, up
  EXPECT_EQ(0x3C01, HalfOf(1 + 0x1p-11F + 0x1p-20F));  // more than halfway
  EXPECT_EQ(0x7BFF, HalfOf(65519.996F));
  EXPECT_EQ(0x7C00, HalfOf(65520.0F));
  EXPECT_EQ(0xFC00, HalfOf(-1e30F));
  EXPECT_EQ(0x0400, HalfOf(0x1p-14F - 0x1p-26F));  // rounds up to the least normal number
  EXPECT_EQ(0x0001, HalfOf(0x1p-25F + 0x1p-40F));
  EXPECT_EQ(0x0000, HalfOf(0x1p-25F));
  EXPECT_EQ(0x8000, HalfOf(-0.0F));
  EXPECT_EQ(0x7E00, HalfOf(std::numeric_limits<float>::quiet_NaN()) & 0x7E00);
}

TEST(TensorTest, BytesInCOrderWhateverTheStrides) {
  Tensor tensor = Tensor::FromFloats({2, 3}, {1, 2, 3, 4, 5, 6});
  std::vector<std::byte> room;
  EXPECT_EQ(tensor.storage.data(), tensor.ContiguousBytes(room).data());  // not copied
  tensor.shape = {3, 2};
  tensor.strides = {1, 3};
  const auto bytes = tensor.ContiguousBytes(room);
  const std::vector<float> transposed = {1, 4, 2, 5, 3, 6};
  EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(transposed)), bytes));
  EXPECT_EQ(transposed, tensor.ToFloats());
}

}  // namespace
}  // namespace roost::yolo

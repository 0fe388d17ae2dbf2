#include <algorithm>
#include <bit>
#include <cstring>

#include "roost/yolo/module.h"

namespace roost::yolo {
namespace {

/// IEEE half precision, as bits, to float. Without branches, so that compilers vectorise it.
float HalfToFloat(std::uint16_t half) {
  constexpr std::uint32_t kExponent = 0x7C00U << 13;  // of a half, moved to where a float has it
  constexpr std::uint32_t kRebias = (127U - 15U) << 23;
  const std::uint32_t moved = (half & 0x7FFFU) << 13;
  const std::uint32_t exponent = moved & kExponent;
  const std::uint32_t infinite = exponent == kExponent ? kRebias : 0;  // infinity and NaN: all ones again
  const auto normal = std::bit_cast<float>(moved + kRebias + infinite);
  // A subnormal half has no leading one; give it one, then take it away again.
  const float subnormal = std::bit_cast<float>(moved + kRebias + (1U << 23)) - 0x1p-14F;
  const float magnitude = exponent == 0 ? subnormal : normal;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | (half & 0x8000U) << 16);
}

/// Round to nearest, ties to even, as torch and the hardware do.
std::uint16_t FloatToHalf(float number) {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  constexpr std::uint32_t kInfinite = 0x7F800000U;
  if (magnitude > kInfinite) return sign | 0x7E00U;  // not a number
  if (magnitude >= std::bit_cast<std::uint32_t>(65520.0F))
    return sign | 0x7C00U;  // rounds beyond the largest
  if (magnitude < (113U << 23)) {
    // Subnormal in half precision: adding 0.5 leaves the units of 2^-24 in the lowest bits, rounded by the
    // FPU.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    return sign | static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(shifted) - (126U << 23));
  }
  const std::uint32_t odd = magnitude >> 13 & 1U;
  return sign | static_cast<std::uint16_t>((magnitude - (112U << 23) + 0xFFFU + odd) >> 13);
}

struct Half {
  std::uint16_t bits;
  explicit operator float() const { return HalfToFloat(bits); }
};
struct BFloat16 {
  std::uint16_t bits;
  explicit operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
};
struct Bool {
  std::uint8_t bits;
  explicit operator float() const { return bits != 0 ? 1.0F : 0.0F; }
};

/// Calls `use` with a pointer to the element type of `type`.
template <typename Use>
void WithElementType(DType type, const Use& use) {
  switch (type) {
    case DType::kFloat32:
      return use(static_cast<const float*>(nullptr));
    case DType::kFloat64:
      return use(static_cast<const double*>(nullptr));
    case DType::kFloat16:
      return use(static_cast<const Half*>(nullptr));
    case DType::kBFloat16:
      return use(static_cast<const BFloat16*>(nullptr));
    case DType::kInt64:
      return use(static_cast<const std::int64_t*>(nullptr));
    case DType::kInt32:
      return use(static_cast<const std::int32_t*>(nullptr));
    case DType::kInt16:
      return use(static_cast<const std::int16_t*>(nullptr));
    case DType::kInt8:
      return use(static_cast<const std::int8_t*>(nullptr));
    case DType::kUInt8:
      return use(static_cast<const std::uint8_t*>(nullptr));
    case DType::kBool:
      return use(static_cast<const Bool*>(nullptr));
  }
}

/// Converts `count` elements that lie `step` elements apart. They need not be aligned: a re-zipped file puts
/// them anywhere.
template <typename Element>
void Convert(const std::byte* from, std::int64_t step, std::int64_t count, float* to) {
  const auto bytes = step * static_cast<std::int64_t>(sizeof(Element));
  if (step == 1) {  // its own loop: compilers vectorise it
    for (std::int64_t i = 0; i < count; ++i) {
      Element element;
      std::memcpy(&element, from + i * static_cast<std::int64_t>(sizeof(Element)), sizeof element);
      to[i] = static_cast<float>(element);
    }
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    Element element;
    std::memcpy(&element, from + i * bytes, sizeof element);
    to[i] = static_cast<float>(element);
  }
}

/// Calls `use_row` with the offset, in elements, of each row: of what the last dimension runs through. In C
/// order, for a tensor with a dimension and elements.
template <typename UseRow>
void ForEachRow(const Tensor& tensor, const UseRow& use_row) {
  const std::size_t last = tensor.shape.size() - 1;
  std::vector<std::int64_t> index(last, 0);  // of the row, in all dimensions but the last
  std::int64_t offset = tensor.offset;
  while (true) {
    use_row(offset);
    std::size_t dimension = last;
    while (dimension-- > 0) {
      if (tensor.shape[dimension] == 1) continue;  // its stride means nothing and may be anything
      offset += tensor.strides[dimension];
      if (++index[dimension] < tensor.shape[dimension]) break;
      offset -= tensor.strides[dimension] * tensor.shape[dimension];
      index[dimension] = 0;
    }
    if (dimension > last) return;  // wrapped below zero: the first dimension is through
  }
}

std::vector<std::int64_t> StridesOf(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

}  // namespace

std::size_t SizeOf(DType type) {
  std::size_t size = 0;
  WithElementType(type, [&]<typename Element>(const Element*) { size = sizeof(Element); });
  return size;
}

std::int64_t Tensor::numel() const {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

bool Tensor::IsContiguous() const {
  std::int64_t expected = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

std::vector<float> Tensor::ToFloats() const {
  const std::int64_t count = numel();
  std::vector<float> values(static_cast<std::size_t>(count));
  if (count == 0) return values;
  WithElementType(dtype, [&]<typename Element>(const Element*) {
    constexpr auto kSize = static_cast<std::int64_t>(sizeof(Element));
    if (IsContiguous()) return Convert<Element>(storage.data() + offset * kSize, 1, count, values.data());
    float* to = values.data();
    const std::int64_t row = shape.back();
    ForEachRow(*this, [&](std::int64_t at) {
      Convert<Element>(storage.data() + at * kSize, row == 1 ? 0 : strides.back(), row, to);
      to += row;
    });
  });
  return values;
}

std::span<const std::byte> Tensor::ContiguousBytes(std::vector<std::byte>& room) const {
  const std::size_t size = SizeOf(dtype);
  const auto bytes = static_cast<std::size_t>(numel()) * size;
  if (bytes == 0) return {};
  if (IsContiguous()) return storage.subspan(static_cast<std::size_t>(offset) * size, bytes);
  room.resize(bytes);
  std::byte* to = room.data();
  ForEachRow(*this, [&](std::int64_t at) {
    for (std::int64_t i = 0; i < shape.back(); ++i, to += size) {
      std::memcpy(to, storage.data() + static_cast<std::size_t>(at + i * strides.back()) * size, size);
    }
  });
  return room;
}

Tensor Tensor::ToHalf() const {
  const std::vector<float> values = ToFloats();
  const auto halves = std::make_shared<std::vector<std::uint16_t>>(values.size());
  std::ranges::transform(values, halves->begin(), FloatToHalf);
  Tensor half = View(DType::kFloat16, shape, std::as_bytes(std::span(*halves)), halves);
  half.requires_grad = requires_grad;
  return half;
}

Tensor Tensor::FromFloats(std::vector<std::int64_t> shape, std::vector<float> values) {
  const auto owner = std::make_shared<const std::vector<float>>(std::move(values));
  return View(DType::kFloat32, std::move(shape), std::as_bytes(std::span(*owner)), owner);
}

Tensor Tensor::View(DType dtype, std::vector<std::int64_t> shape, std::span<const std::byte> elements,
                    std::shared_ptr<const void> owner) {
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.strides = StridesOf(shape);
  tensor.shape = std::move(shape);
  tensor.storage = elements;
  tensor.owner = std::move(owner);
  ROOST_CHECK(static_cast<std::size_t>(tensor.numel()) * SizeOf(dtype) == elements.size(),
              "a tensor's shape counts its values");
  return tensor;
}

}  // namespace roost::yolo

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

/// Whether the strides are those of C order, so that all elements lie one after the other.
bool IsContiguous(const Tensor& tensor) {
  std::int64_t expected = 1;
  for (std::size_t i = tensor.shape.size(); i-- > 0;) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

template <typename Element>
void ConvertStrided(const Tensor& tensor, const std::byte* from, float* to) {
  const std::size_t last = tensor.shape.size() - 1;
  const std::int64_t row = tensor.shape[last];
  std::vector<std::int64_t> index(last, 0);  // of the row, in all dimensions but the last
  std::int64_t offset = 0;
  while (true) {
    Convert<Element>(from + offset * static_cast<std::int64_t>(sizeof(Element)),
                     row == 1 ? 0 : tensor.strides[last], row, to);
    to += row;
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

std::vector<float> Tensor::ToFloats() const {
  const std::int64_t count = numel();
  std::vector<float> values(static_cast<std::size_t>(count));
  if (count == 0) return values;
  WithElementType(dtype, [&]<typename Element>(const Element*) {
    const std::byte* from = storage.data() + offset * static_cast<std::int64_t>(sizeof(Element));
    if (IsContiguous(*this)) {
      Convert<Element>(from, 1, count, values.data());
    } else {
      ConvertStrided<Element>(*this, from, values.data());
    }
  });
  return values;
}

Tensor Tensor::FromFloats(std::vector<std::int64_t> shape, std::vector<float> values) {
  Tensor tensor;
  tensor.shape = std::move(shape);
  tensor.strides.resize(tensor.shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = tensor.shape.size(); i-- > 0;) {
    tensor.strides[i] = stride;
    stride *= tensor.shape[i];
  }
  ROOST_CHECK(stride == static_cast<std::int64_t>(values.size()), "a tensor's shape counts its values");
  const auto owner = std::make_shared<const std::vector<float>>(std::move(values));
  tensor.storage = std::as_bytes(std::span(*owner));
  tensor.owner = owner;
  return tensor;
}

}  // namespace roost::yolo

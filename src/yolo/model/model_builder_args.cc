#include "yolo/model/model_builder_args.h"

#include <utility>
#include <variant>

#include "roost/base/text.h"

namespace roost::yolo::build {

Args::Args(const ModelYaml& yaml, const LayerYaml& layer, AttributeList values)
    : yaml_(yaml), layer_(layer), values_(std::move(values)) {}

Error Args::Wrong(const std::string& what) const {
  return yaml_.Wrong(layer_.line, Printable(layer_.module.substr(0, 60)) + ": " + what);
}

bool Args::Has(std::size_t i) const {
  return i < values_.size() && !std::holds_alternative<std::monostate>(values_[i].value);
}

const Attribute& Args::operator[](std::size_t i) const {
  if (i >= values_.size()) throw Wrong("argument " + std::to_string(i + 1) + " is missing");
  return values_[i];
}

std::int64_t Args::Int(std::size_t i) const {
  if (const auto* number = std::get_if<std::int64_t>(&(*this)[i].value)) return *number;
  if (const auto* flag = std::get_if<bool>(&(*this)[i].value)) return *flag ? 1 : 0;  // as in Python
  throw Wrong("argument " + std::to_string(i + 1) + " is not a whole number");
}

std::int64_t Args::Int(std::size_t i, std::int64_t fallback) const { return Has(i) ? Int(i) : fallback; }

std::int64_t Args::Positive(std::size_t i, std::int64_t fallback) const {
  const std::int64_t number = fallback > 0 ? Int(i, fallback) : Int(i);
  if (number < 1) throw Wrong(std::to_string(number) + " cannot be");
  return number;
}

double Args::Double(std::size_t i, double fallback) const {
  if (!Has(i)) return fallback;
  if (const auto* number = std::get_if<double>(&values_[i].value)) return *number;
  return static_cast<double>(Int(i));
}

bool Args::Bool(std::size_t i, bool fallback) const { return Has(i) ? Int(i) != 0 : fallback; }

std::string Args::String(std::size_t i, std::string fallback) const {
  if (!Has(i)) return fallback;
  if (const auto* text = std::get_if<std::string>(&values_[i].value)) return *text;
  throw Wrong("argument " + std::to_string(i + 1) + " is not a text");
}

Sides Args::Pair(std::size_t i, Sides fallback) const {
  if (!Has(i)) return fallback;
  const auto* list = std::get_if<AttributeList>(&values_[i].value);
  if (list == nullptr) return {Int(i), Int(i)};
  const std::vector<std::int64_t> both = Ints(i, {});
  if (both.size() != 2) throw Wrong("argument " + std::to_string(i + 1) + " is not one number or two");
  return {both[0], both[1]};
}

std::vector<std::int64_t> Args::Ints(std::size_t i, std::vector<std::int64_t> fallback) const {
  if (!Has(i)) return fallback;
  const auto* list = std::get_if<AttributeList>(&values_[i].value);
  if (list == nullptr) return {Int(i)};
  std::vector<std::int64_t> numbers;
  for (const Attribute& item : *list) {
    const auto* number = std::get_if<std::int64_t>(&item.value);
    if (number == nullptr) throw Wrong("argument " + std::to_string(i + 1) + " holds no whole numbers");
    numbers.push_back(*number);
  }
  return numbers;
}

}  // namespace roost::yolo::build

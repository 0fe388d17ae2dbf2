#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "roost/yolo/module.h"
#include "yolo/model/model_yaml.h"

namespace roost::yolo::build {

using Sides = std::pair<std::int64_t, std::int64_t>;

/// The arguments of one layer, by position. Those that are not there have their constructor's default.
class Args {
 public:
  /// Keeps references to `yaml` and `layer`, for messages.
  Args(const ModelYaml& yaml, const LayerYaml& layer, AttributeList values);

  /// An Error (bad data) about this layer. Those below throw one where an argument has another type, or
  /// is missing and has no fallback.
  Error Wrong(const std::string& what) const;

  bool Has(std::size_t i) const;
  const Attribute& operator[](std::size_t i) const;
  std::int64_t Int(std::size_t i) const;
  std::int64_t Int(std::size_t i, std::int64_t fallback) const;
  std::int64_t Positive(std::size_t i, std::int64_t fallback = 0) const;
  double Double(std::size_t i, double fallback) const;
  bool Bool(std::size_t i, bool fallback) const;
  std::string String(std::size_t i, std::string fallback) const;
  /// A number, or two.
  Sides Pair(std::size_t i, Sides fallback) const;
  std::vector<std::int64_t> Ints(std::size_t i, std::vector<std::int64_t> fallback) const;

 private:
  const ModelYaml& yaml_;
  const LayerYaml& layer_;
  AttributeList values_;
};

}  // namespace roost::yolo::build

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "roost/yolo/graph.h"

/// From the module tree of a checkpoint to primitive operations. Each block is one function that reads like
/// the block's definition, listed under the class name that the checkpoint gives it.
namespace roost::yolo {

using OneInput = Value (*)(const Module&, Value, Graph&);
using ManyInputs = Value (*)(const Module&, const std::vector<Value>&, Graph&);

struct Block {
  std::string_view class_name;
  std::variant<OneInput, ManyInputs> lower;
};

std::span<const Block> TorchBlocks();  ///< layers of torch.nn
std::span<const Block> YoloBlocks();   ///< models.common and models.experimental
std::span<const Block> HeadBlocks();   ///< last layers, which make rows of feature maps

/// Appends what `m` computes. Throws Error (bad data) where its class is unknown or its content is wrong.
Value Lower(const Module& m, Value x, Graph& g);
Value Lower(const Module& m, const std::vector<Value>& inputs, Graph& g);

// Tensors

/// "4x3x1x1", for messages.
std::string Text(const std::vector<std::int64_t>& shape);
/// The numbers of a parameter, buffer or attribute of `m`, if they are floats, some, and not absurdly many.
Weights Floats(const Module& m, std::string_view name, const Tensor& tensor);
/// One number per channel.
Weights PerChannel(const Module& m, std::string_view name, std::int64_t channels);

}  // namespace roost::yolo

#pragma once

#include <cstdint>
#include <memory>

#include "roost/yolo/module.h"

namespace roost::yolo {

/// A copy of `model` with the weights that PyTorch's constructors draw, in float32 and to be trained: kernels
/// and biases uniform within 1/sqrt(fan in), batch norms that change nothing yet. The biases of the head
/// begin as the reference's do (models/yolo.py, _initialize_biases): as if a picture of 640 pixels held some
/// eight objects and all classes were equally frequent. The head has its strides.
///
/// The numbers depend on `seed` and the names of the weights alone: not on the machine, nor on what else the
/// network has.
std::shared_ptr<const Module> DrawInitialWeights(const Module& model, std::uint64_t seed);

/// A network that took weights over from another.
struct TransferredWeights {
  std::shared_ptr<const Module> model;
  std::int64_t taken = 0;  ///< parameters and buffers that came from the other one
  std::int64_t of = 0;     ///< that the network has
};

enum class TransferAnchors { kYes, kNo };

/// A copy of `into` with the parameters and buffers of `from` that have the same name and shape, converted to
/// the type that they have in `into`. Anchors can be left as they are: those of the data set may differ.
TransferredWeights TransferWeights(const Module& from, const Module& into, TransferAnchors anchors);

}  // namespace roost::yolo

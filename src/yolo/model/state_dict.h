#pragma once

#include <memory>
#include <optional>
#include <string>

#include "roost/yolo/module.h"

namespace roost::yolo {

/// Weights by their full Python names, "model.0.conv.weight", without the network they belong to.
struct StateDict {
  NamedList<Tensor> tensors;
  std::string format;  ///< "zip" or "legacy"
};

/// The state_dict that a file of torch.save() holds: bare, or under "model", "state_dict" or the like; the
/// "module." that DataParallel puts before every name is taken off. Nothing where the file holds a whole
/// network or none at all: LoadCheckpoint() says what is wrong then. Throws Error as that does.
std::optional<StateDict> LoadStateDict(const Path& file);

/// A copy of `model` with the weights of `state` in place of its own. Throws Error (bad data) that names the
/// first weights that are missing, have another shape, or have no place in the model.
std::shared_ptr<const Module> FillWeights(const Module& model, const StateDict& state);

}  // namespace roost::yolo

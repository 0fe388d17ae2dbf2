#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "roost/yolo/module.h"

namespace roost::test {

/// A model description that trains in no time: four convolutions, a C3, two levels.
std::string TinyModelYaml(int classes);

/// It, built, with weights that look random and are the same everywhere.
std::shared_ptr<const yolo::Module> TinyModel(int classes);

}  // namespace roost::test

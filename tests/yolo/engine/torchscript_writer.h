#pragma once

#include <string>

#include "roost/base/files.h"

namespace roost::test {

struct ScriptFile {
  std::string forward;  ///< source of `def forward(self, x): ...`
  std::string config;   ///< extra/config.txt; empty: none
  std::string class_name = "DetectionModel";
};

/// Has LibTorch compile and save a TorchScript program, as torch.jit.save() in Python does.
void WriteTorchScript(const Path& path, const ScriptFile& script);

}  // namespace roost::test

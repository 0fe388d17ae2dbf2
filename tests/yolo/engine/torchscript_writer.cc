#include "yolo/engine/torchscript_writer.h"

#include <torch/csrc/jit/api/module.h>

namespace roost::test {

void WriteTorchScript(const Path& path, const ScriptFile& script) {
  torch::jit::Module module("__torch__.models.yolo." + script.class_name);
  module.register_attribute("training", c10::BoolType::get(), false);
  module.define(script.forward);
  torch::jit::ExtraFilesMap extra;
  if (!script.config.empty()) extra["config.txt"] = script.config;
  module.save(path.string(), extra);
}

}  // namespace roost::test

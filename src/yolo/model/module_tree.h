#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "roost/yolo/module.h"
#include "yolo/model/pickle.h"
#include "yolo/model/torch_file.h"

namespace roost::yolo {

/// Makes modules of the pickled nn.Module objects of one file. Modules that the file shares are shared.
/// Cycles, and trees that would be absurdly deep or large to walk, throw Error (bad data).
class ModuleTree {
 public:
  explicit ModuleTree(TorchFile& file) : file_(file) {}

  std::shared_ptr<const Module> Build(const pickle::Object& object) { return Build(object, "", 0).module; }
  /// A plain value, copied whole.
  Attribute Copy(const pickle::Value& value) { return Copy(value, 0); }

 private:
  struct Built {
    std::shared_ptr<const Module> module;  ///< null while under construction
    std::int64_t walk_length = 0;          ///< modules met when walking from here, shared ones each time
  };

  Built Build(const pickle::Object& object, const std::string& path, int depth);
  void AddChildren(const pickle::Dict& modules, int depth, Module& parent, std::int64_t& walk_length);
  void AddTensors(const pickle::Object& object, std::string_view container, Module& module,
                  NamedList<std::optional<Tensor>>& tensors);
  Attribute Copy(const pickle::Value& value, int depth);

  TorchFile& file_;
  std::unordered_map<const pickle::Object*, Built> built_;
  std::int64_t copied_ = 0;
};

}  // namespace roost::yolo

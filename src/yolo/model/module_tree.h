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
/// Cycles, and trees that would be absurdly deep or large to walk, throw Error (bad data): whoever walks the
/// result and copies its weights needs no limits of their own.
class ModuleTree {
 public:
  explicit ModuleTree(TorchFile& file) : file_(file) {}

  std::shared_ptr<const Module> Build(const pickle::Object& object) { return Build(object, "", 0).module; }
  /// A plain value, copied whole.
  Attribute Copy(const pickle::Value& value) { return Copy(value, 0); }

 private:
  /// What somebody meets who walks a tree, things that are shared each time.
  struct Extent {
    std::int64_t modules = 0;
    std::int64_t elements = 0;  ///< of parameters and buffers
  };
  struct Built {
    std::shared_ptr<const Module> module;  ///< null while under construction
    Extent extent;
  };

  Built Build(const pickle::Object& object, const std::string& path, int depth);
  void AddChildren(const pickle::Object& object, int depth, Module& parent, Extent& extent);
  void AddTensors(const pickle::Object& object, std::string_view container, const Module& module,
                  NamedList<std::optional<Tensor>>& tensors, Extent& extent);
  void CheckExtent(const Extent& extent) const;
  /// Items of a dictionary with text keys, each key once: the last value of a key, at the place of its first.
  NamedList<pickle::Value> UniqueItems(const pickle::Dict& dict, std::string_view what);
  Attribute Copy(const pickle::Value& value, int depth);
  void Spend(std::size_t values);

  TorchFile& file_;
  std::unordered_map<const pickle::Object*, Built> built_;
  std::size_t copied_ = 0;
};

}  // namespace roost::yolo

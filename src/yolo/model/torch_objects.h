#pragma once

#include <functional>
#include <map>
#include <string_view>

#include "yolo/model/pickle.h"

namespace roost::yolo {

/// What torch.save() leaves to the reader of its pickles: an allow-list of functions, each a recipe for plain
/// data, and storages named by persistent ids. Any other function is refused by name.
class TorchObjects : public pickle::ObjectBuilder {
 public:
  using Storages = std::map<std::string_view, const pickle::StorageRef*>;

  pickle::Value Call(const pickle::Symbol& function, const pickle::List& arguments,
                     pickle::Heap& heap) override;
  pickle::Value Resolve(const pickle::Value& persistent_id, pickle::Heap& heap) override;

  /// Every storage that was declared, whole, by key.
  const Storages& storages() const { return storages_; }

 private:
  pickle::Value ResolveStorage(const pickle::List& id, pickle::Heap& heap);

  Storages storages_;
};

}  // namespace roost::yolo

#pragma once

#include <string_view>
#include <vector>

#include "roost/base/files.h"
#include "roost/yolo/module.h"
#include "yolo/model/pickle_writer.h"

namespace roost::yolo {

/// Writes one Python value with tensors as torch.save() does: a pickle that describes the value, and beside
/// it in a zip archive the bytes of each tensor. The counterpart of TorchFile.
class TorchWriter {
 public:
  /// What the value is made of, piece by piece; the calls below push values as its calls do.
  PickleWriter& pickle() { return pickle_; }

  /// Objects of unknown classes become None.
  void Write(const Attribute& attribute);
  /// Each tensor gets a storage of its own, with its elements in C order.
  void Write(const Tensor& tensor);
  /// As a torch.nn.Parameter, to be trained or not as `tensor` says.
  void WriteParameter(const Tensor& tensor);

  /// Ends the pickle and writes the file, whole and synced or not at all. Throws Error (cannot create).
  void Save(const Path& file);

 private:
  PickleWriter pickle_;
  std::vector<Tensor> storages_;  ///< by the number that is their key
};

}  // namespace roost::yolo

#pragma once

#include <new>

#include "roost/yolo/module.h"
#include "yolo/model/pickle.h"
#include "yolo/model/shared_bytes.h"
#include "yolo/model/torch_file.h"

namespace roost::yolo {

/// LoadCheckpoint() for a file that is in memory already. What it throws does not name the file.
Checkpoint ReadCheckpoint(SharedBytes file);

/// Whether this looks like model.state_dict(): names of weights, and no network that uses them.
bool IsStateDict(const pickle::Dict& dict);

/// The bytes of a weights file. Throws Error (no input, bad data) that names it.
SharedBytes MapWeights(const Path& file);
/// What reading `file` failed of: "cannot read weights '<file>': <reason>".
Error CannotRead(const Path& file, const std::string& reason, ExitCode code, const std::string& hint = {});

/// Runs `read` on what torch.save() wrote into `file`; errors leave with its name.
template <typename Read>
auto ReadTorchFile(const Path& file, Read read) {
  const SharedBytes bytes = MapWeights(file);
  try {
    TorchFile torch_file(bytes);
    return read(torch_file);
  } catch (const Error& error) {
    throw CannotRead(file, error.message(), error.code(), error.hint());
  } catch (const std::bad_alloc&) {
    throw CannotRead(file, "it needs more memory than this machine has", ExitCode::kBadData);
  }
}

}  // namespace roost::yolo

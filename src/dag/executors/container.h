#pragma once

#include <optional>
#include <string>
#include <vector>

#include "roost/base/process.h"
#include "roost/dag/submit.h"

namespace roost::dag {

/// The program of this host that runs jobs in containers.
class ContainerRuntime {
 public:
  /// The first that PATH of `environment` knows: apptainer and singularity need no daemon and no rights.
  static std::optional<ContainerRuntime> Find(const std::vector<std::string>& environment);

  /// What the job sees of this host besides its working directory, and that alone.
  struct Shown {
    Path scratch;
    Path program;  ///< empty: it is in the image, or in one of the folders
    bool gpus = false;
  };
  /// The command that runs `process` in the container; with `entry_point` its arguments are those of the
  /// program that the image names, and its own name counts for nothing.
  std::vector<std::string> Command(const Container& container, bool entry_point,
                                   const ProcessOptions& process, const Shown& shown) const;

 private:
  enum class Kind { kApptainer, kDocker };
  ContainerRuntime(Kind kind, Path program) : kind_(kind), program_(std::move(program)) {}
  std::vector<std::string> Apptainer(const Container& container, bool entry_point,
                                     const ProcessOptions& process, const Shown& shown) const;
  std::vector<std::string> Docker(const Container& container, const ProcessOptions& process,
                                  const Shown& shown) const;

  Kind kind_;
  Path program_;
};

}  // namespace roost::dag

#pragma once

#include <string>
#include <vector>

#include "support/support.h"

namespace roost::test {

/// A real HTCondor (scripts/dev/condor-pool) and a folder in its chroot, which is removed with the object.
class RealCondor {
 public:
  /// Why there is none, or nothing.
  static std::string Missing();

  RealCondor();
  ~RealCondor();
  RealCondor(const RealCondor&) = delete;
  RealCondor& operator=(const RealCondor&) = delete;

  /// The folder, as this process sees it.
  const Path& here() const { return here_; }

  /// Runs a command in the folder, in the chroot, as the user who owns everything in it.
  CommandResult Run(const std::vector<std::string>& argv);
  /// Runs dagrun in the folder, on the host.
  CommandResult Dagrun(const std::vector<std::string>& arguments);

  /// Daemons, for what needs a queue; they end with the object.
  void StartPool();

 private:
  static CommandResult Pool(std::vector<std::string> words);

  Path here_;
  bool started_ = false;
};

#define ROOST_NEEDS_CONDOR()                                                                \
  if (const std::string missing = ::roost::test::RealCondor::Missing(); !missing.empty()) { \
    GTEST_SKIP() << missing;                                                                \
  }                                                                                         \
  static_assert(true)

}  // namespace roost::test

#pragma once

#include <cstdint>
#include <string>

namespace roost::dag {

/// What HTCondor's macros and ads say of a host: Debian 12 is OpSysName "Debian", OpSysAndVer "Debian12",
/// OpSysMajorVer 12 and OpSysVer 1200.
struct HostFacts {
  std::string name;  ///< of the network
  std::string arch;  ///< "X86_64"
  std::string system;
  std::string system_long;
  std::int64_t major_version = 0;
  std::int64_t version = 0;

  std::string system_and_version() const { return system + std::to_string(major_version); }
};

/// This host. Read once: it does not become another while we run.
const HostFacts& ThisHost();

}  // namespace roost::dag

#include "dag/text/host.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>

#include <sys/utsname.h>
#include <unistd.h>

#include "roost/base/text.h"

namespace roost::dag {
namespace {

/// The value of NAME in /etc/os-release, without quotes.
std::string OsRelease(std::string_view name) {
  std::ifstream file("/etc/os-release");
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with(name) || line.substr(name.size(), 1) != "=") continue;
    std::string value = line.substr(name.size() + 1);
    if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
    return value;
  }
  return "";
}

HostFacts ReadHost() {
  HostFacts host;
  std::array<char, 256> name{};
  host.name = ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
  utsname machine{};
  ::uname(&machine);
  host.arch = machine.machine;
  std::transform(host.arch.begin(), host.arch.end(), host.arch.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  host.system_long = OsRelease("PRETTY_NAME");
  const std::string system = OsRelease("NAME");
  host.system = system.substr(0, system.find_first_of(" /"));
  if (host.system.empty()) host.system = "Linux";
  const std::vector<std::string> version = Split(OsRelease("VERSION_ID"), '.');
  constexpr std::int64_t kHundred = 100;
  host.major_version = ParseInt(version[0]).value_or(0);
  host.version = host.major_version * kHundred + (version.size() > 1 ? ParseInt(version[1]).value_or(0) : 0);
  return host;
}

}  // namespace

const HostFacts& ThisHost() {
  static const HostFacts kHost = ReadHost();
  return kHost;
}

}  // namespace roost::dag

#include "dag/run/program_check.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include <elf.h>
#include <unistd.h>

#include "roost/base/text.h"

namespace roost::dag {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kMendLineEnds = "mend it with: sed -i 's/\\r$//' ";

/// The beginning of a file, which is all that decides how it is started.
std::string HeadOf(const Path& file, std::size_t bytes) {
  std::string head(bytes, '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.read(head.data(), static_cast<std::streamsize>(bytes));
  head.resize(static_cast<std::size_t>(stream.gcount()));
  return head;
}

/// e_machine of an ELF file, or nothing.
std::optional<int> MachineOf(std::string_view head) {
  constexpr std::size_t kAt = offsetof(Elf64_Ehdr, e_machine);
  if (!head.starts_with(ELFMAG) || head.size() < kAt + 2) return std::nullopt;
  return static_cast<unsigned char>(head[kAt]) | static_cast<unsigned char>(head[kAt + 1]) << 8;
}

bool IsExecutable(const Path& file) {
  std::error_code ignored;
  return fs::is_regular_file(file, ignored) && ::access(file.c_str(), X_OK) == 0;
}

/// `line`: the first line of a script, with "#!".
std::optional<std::string> WhyNotInterpreted(const Path& program, std::string line) {
  if (line.ends_with('\r')) {
    line.pop_back();
    return "cannot be started: its first line '" + Printable(line) +
           "' ends in CR LF, so that the kernel looks for a program '" + Printable(line.substr(2)) +
           "\\r'; " + std::string(kMendLineEnds) + program.filename().string();
  }
  const std::vector<std::string> words = SplitAny(std::string_view(line).substr(2), " \t");
  if (words.empty()) return "cannot be started: its #! line names no interpreter";
  if (!IsExecutable(words[0])) {
    return "cannot be started: its interpreter '" + Printable(words[0]) +
           "' (line 1) does not exist or is not executable";
  }
  const bool env = Path(words[0]).filename() == "env" && words.size() > 1 && words[1].front() != '-' &&
                   words[1].find('=') == std::string::npos;
  if (env && FindInPath(words[1]).empty()) {
    return "cannot be started: its interpreter '" + Printable(words[1]) + "' (line 1) is not in PATH";
  }
  return std::nullopt;
}

}  // namespace

Path FindInPath(const std::string& name) {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  if (name.find('/') != std::string::npos) return {};
  for (const std::string& folder : Split(path == nullptr ? "/usr/bin:/bin" : path, ':')) {
    if (Path file = Path(folder) / name; IsExecutable(file)) return file;
  }
  return {};
}

std::optional<std::string> WhyNotRunnable(const Path& program) {
  std::error_code error;
  const fs::file_status status = fs::status(program, error);
  if (!fs::exists(status)) return "does not exist";
  if (fs::is_directory(status)) return "is a folder";
  if (!fs::is_regular_file(status)) return "is not a regular file";
  if (::access(program.c_str(), X_OK) != 0)
    return "is not executable: chmod +x " + program.filename().string();

  const std::string head = HeadOf(program, 4096);
  if (head.empty()) return "is empty";
  if (head.starts_with("#!")) return WhyNotInterpreted(program, head.substr(0, head.find('\n')));
  if (const auto machine = MachineOf(head)) {
    const auto own = MachineOf(HeadOf("/proc/self/exe", sizeof(Elf64_Ehdr)));
    if (own && *own != *machine) return "is a program for another kind of processor";
    return std::nullopt;
  }
  if (head.starts_with(kByteOrderMark)) {
    return "begins with a byte order mark, which hides its #! from the kernel; mend it with: sed -i "
           "'1s/^\\xEF\\xBB\\xBF//' " +
           program.filename().string();
  }
  if (const auto later = head.find("\n#!"); later != std::string::npos) {
    const auto line = std::count(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(later), '\n') + 2;
    return "has its #! in line " + std::to_string(line) + ": it must be the very first line";
  }
  return "has no #! line, and cannot be started ('Exec format error', errno 8): add #!/bin/sh, or what it is "
         "written for, as its first line";
}

std::optional<std::string> OddInScript(const Path& program) {
  constexpr std::size_t kMostBytes = 1 << 20;
  const std::string text = HeadOf(program, kMostBytes);
  if (!text.starts_with("#!")) return std::nullopt;
  const auto at = text.find("\r\n");
  if (at == std::string::npos) return std::nullopt;
  const auto line = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1;
  return "line " + std::to_string(line) + " ends in CR LF, and the CR becomes part of what stands there; " +
         std::string(kMendLineEnds) + program.filename().string();
}

}  // namespace roost::dag

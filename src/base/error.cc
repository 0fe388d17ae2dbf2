#include "roost/base/error.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>

namespace roost {
namespace {

ExitCode CodeForErrno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return ExitCode::kNoInput;
    case EACCES:
    case EPERM:
      return ExitCode::kPermission;
    case ENOSPC:
    case EDQUOT:
    case EROFS:
    case EFBIG:
      return ExitCode::kCannotCreate;
    default:
      return ExitCode::kFailed;
  }
}

}  // namespace

Error ErrnoError(int error_number, std::string_view action, const std::filesystem::path& path) {
  std::string message = "cannot ";
  message.append(action).append(" '").append(path.string()).append("': ");
  message.append(std::strerror(error_number));
  return Error(std::move(message), CodeForErrno(error_number));
}

void CheckFailed(const char* condition, const char* file, int line, std::string_view why) {
  std::fprintf(stderr, "internal error: %.*s (%s at %s:%d)\n", static_cast<int>(why.size()), why.data(),
               condition, file, line);
  std::abort();
}

void OpenStandardStreams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", O_RDWR);  // takes the lowest number that is free: fd
  }
}

void PrintError(std::string_view program, const Error& error) {
  std::string text(program);
  text.append(": ").append(error.message()).append("\n");
  if (!error.hint().empty()) text.append("  ").append(error.hint()).append("\n");
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace roost

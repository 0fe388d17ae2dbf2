#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "roost/base/shared_module.h"
#include "yolo/image/viewer.h"
#include "yolo/image/viewer_module.h"

namespace roost::yolo {
namespace {

const ViewerModule& OpenModule() {
  return *static_cast<const ViewerModule*>(OpenSharedModule(
      {.file = "roost_viewer.so", .what = "the module for windows", .symbol = kViewerModuleSymbol}));
}

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// In the child process. Nobody wants to read what a toolkit says about a display that is not there.
[[noreturn]] void Probe() {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(null, STDOUT_FILENO);
  ::dup2(null, STDERR_FILENO);
  constexpr unsigned kPatienceSeconds = 10;  // for a display at the other end of a network
  ::alarm(kPatienceSeconds);
  try {
    OpenModule().probe();
  } catch (const std::exception&) {
    ::_exit(EXIT_FAILURE);
  }
  ::_exit(EXIT_SUCCESS);
}

bool ProbeSucceeds() {
  const pid_t child = ::fork();
  if (child < 0) return false;
  if (child == 0) Probe();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return false;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

}  // namespace

Result<std::unique_ptr<Viewer>> OpenViewer() {
  const std::string x11 = Variable("DISPLAY");
  const std::string wayland = Variable("WAYLAND_DISPLAY");
  if (x11.empty() && wayland.empty()) {
    return Error("--view-img: there is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set)");
  }
  if (!ProbeSucceeds()) {
    return Error("--view-img: the display '" + (x11.empty() ? wayland : x11) + "' cannot be used");
  }
  return OpenModule().open();
}

}  // namespace roost::yolo

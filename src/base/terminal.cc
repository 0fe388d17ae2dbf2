#include "roost/base/terminal.h"

#include <cstdlib>

#include <sys/ioctl.h>
#include <unistd.h>

#include "roost/base/error.h"

namespace roost {
namespace {

bool EnvironmentForbidsColor() {
  const char* no_color = std::getenv("NO_COLOR");  // https://no-color.org: set and not empty
  if (no_color != nullptr && *no_color != '\0') return true;
  const char* term = std::getenv("TERM");
  return term == nullptr || std::string_view(term) == "dumb";
}

const char* CodeOf(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kBold:
      return "\033[1m";
    case Style::kDim:
      return "\033[2m";
    case Style::kRed:
      return "\033[31m";
    case Style::kGreen:
      return "\033[32m";
    case Style::kYellow:
      return "\033[33m";
    case Style::kCyan:
      return "\033[36m";
  }
  return "";
}

}  // namespace

Terminal Terminal::Detect(int fd, ColorChoice choice) {
  Terminal terminal;
  terminal.interactive = ::isatty(fd) == 1;
  terminal.color = choice == ColorChoice::kAlways ||
                   (choice == ColorChoice::kAuto && terminal.interactive && !EnvironmentForbidsColor());
  winsize size{};
  if (terminal.interactive && ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    terminal.columns = size.ws_col;
  return terminal;
}

ColorChoice ParseColorChoice(std::string_view text) {
  if (text == "auto") return ColorChoice::kAuto;
  if (text == "always") return ColorChoice::kAlways;
  if (text == "never") return ColorChoice::kNever;
  throw Error("--color takes auto, always or never, not '" + std::string(text) + "'", ExitCode::kUsage);
}

std::string Styled(const Terminal& terminal, Style style, std::string_view text) {
  if (!terminal.color || style == Style::kPlain) return std::string(text);
  return CodeOf(style) + std::string(text) + "\033[0m";
}

}  // namespace roost

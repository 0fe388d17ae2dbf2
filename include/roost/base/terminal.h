#pragma once

#include <string>
#include <string_view>

namespace roost {

enum class ColorChoice { kAuto, kAlways, kNever };

/// What one output stream can do. Decided once, in main, and handed on.
struct Terminal {
  bool interactive = false;  ///< a person watches: progress lines may be redrawn
  bool color = false;
  int columns = 80;

  /// For the descriptor `fd`: NO_COLOR and TERM=dumb switch colour off, `choice` overrides both.
  static Terminal Detect(int fd, ColorChoice choice = ColorChoice::kAuto);
};

/// "auto", "always" or "never". Anything else throws Error (usage).
ColorChoice ParseColorChoice(std::string_view text);

enum class Style { kPlain, kBold, kDim, kRed, kGreen, kYellow, kCyan };

/// `text` in `style` where the terminal has colour, else as it is.
std::string Styled(const Terminal& terminal, Style style, std::string_view text);

}  // namespace roost

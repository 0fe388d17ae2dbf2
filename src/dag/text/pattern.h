#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "roost/base/error.h"

namespace roost::dag {

/// A regular expression as ClassAd functions take them: the part of Perl's syntax that people use (classes,
/// groups, alternatives, greedy and lazy repeats, anchors, \d \w \s \b, back references). Time and memory
/// are bounded whatever the pattern and the text are.
class Pattern {
 public:
  struct Options {
    bool ignore_case = false;  ///< i
    bool lines = false;        ///< m: ^ and $ also at line ends
    bool dot_all = false;      ///< s: . also fits a newline
    bool extended = false;     ///< x: blanks and # comments do not count
  };

  /// Where the whole match (group 0) and each group begin and end; nothing for a group that took no part.
  using Groups = std::vector<std::optional<std::pair<std::size_t, std::size_t>>>;
  struct Found {
    std::optional<Groups> groups;  ///< nothing: no match
    std::size_t steps = 0;         ///< work done
  };

  static Result<Pattern> Compile(std::string_view text, const Options& options);

  /// The first match at `from` or later. An Error: it takes too many steps.
  Result<Found> Find(std::string_view text, std::size_t from = 0) const;

  /// How much code the pattern came to: what compiling it cost.
  std::size_t size() const { return code_.size(); }

 private:
  friend class PatternCompiler;
  friend class PatternMatcher;

  struct Instruction {
    enum class Kind {
      kClass,      ///< one character of classes_[x]
      kSplit,      ///< go on at x, and if that fails at y
      kJump,       ///< to x
      kSave,       ///< the place into register x
      kProgress,   ///< fails where the place is still that of register x: an empty round of a loop
      kLineBegin,  ///< ^
      kLineEnd,    ///< $
      kTextBegin,  ///< \A
      kTextEnd,    ///< \z
      kWordEdge,   ///< \b, or \B where x is 1
      kGroup,      ///< the text of group x again
      kMatch,
    };
    Kind kind;
    std::size_t x = 0;
    std::size_t y = 0;
  };
  using Class = std::bitset<256>;

  std::vector<Instruction> code_;
  std::vector<Class> classes_;
  Options options_;
  std::size_t groups_ = 1;
  std::size_t registers_ = 2;
};

}  // namespace roost::dag

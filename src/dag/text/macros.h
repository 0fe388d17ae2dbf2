#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "roost/base/text.h"
#include "roost/dag/source.h"

namespace roost::dag {

/// Begins a macro whose value is only known once the job has a machine: $$(Attr), $$([expression]).
inline constexpr std::string_view kMatchTimeMacro = "$$(";

/// Where the match-time macro at `begin` ends: behind its ')'; npos where nothing closes it.
std::size_t EndOfMatchTimeMacro(std::string_view text, std::size_t begin);

/// The macros of a submit description: raw texts under case-insensitive names, expanded when they are used.
/// Job attributes (+Attr, My.Attr) are kept among them as "MY.Attr".
class MacroSet {
 public:
  struct Entry {
    std::string name;  ///< as first written
    std::string value;
    SourceLine where;                 ///< line 0: not from a file
    bool used = false;                ///< something asked for it
    bool defined = false;             ///< `value` counts
    std::optional<std::string> live;  ///< hides `value`

    /// What the name stands for now, or null.
    const std::string* Current() const { return live ? &*live : defined ? &value : nullptr; }
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const;
  };
  struct Same {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return EqualsIgnoreCase(a, b); }
  };
  using Entries = std::unordered_map<std::string, Entry, Hash, Same>;

  /// `environment` ("NAME=value") is what $ENV() sees; both it and `directory`, the submission directory,
  /// must outlive the set.
  MacroSet(const std::vector<std::string>& environment, const std::string& directory)
      : environment_(environment), directory_(directory) {}

  /// Replaces an earlier value. References to the macro itself are resolved now.
  void Set(std::string_view name, std::string_view value, SourceLine where);
  void Erase(std::string_view name);

  /// A loop variable, or another value that changes from job to job: hides a macro of the same name.
  void SetLive(std::string_view name, std::string value);

  /// The raw value, or null; the macro counts as used.
  const std::string* Find(std::string_view name);
  /// Like Find, with the place of the definition; live values have none.
  const Entry* FindEntry(std::string_view name) const;

  /// `text` with all macros and functions replaced. Throws Error: a recursion, a function that fails or is
  /// not supported. $$() is left as it is, but for the macros within.
  std::string Expand(std::string_view text);

  /// Where $RANDOM_CHOICE() and $RANDOM_INTEGER() go on from.
  void SeedRandom(std::uint64_t seed) { random_ = seed; }
  std::uint64_t NextRandom();

  /// Whether a text with $$() was met since the last call.
  bool TakeMatchTime() { return std::exchange(match_time_, false); }

  const Entries& entries() const { return entries_; }

 private:
  class Expansion;

  Entries entries_;
  const std::vector<std::string>& environment_;
  const std::string& directory_;
  std::uint64_t random_ = 0;
  bool match_time_ = false;
};

}  // namespace roost::dag

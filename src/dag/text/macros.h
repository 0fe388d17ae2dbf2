#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "roost/base/text.h"
#include "roost/dag/source.h"

namespace roost::dag {

/// The macros of a submit description: raw texts under case-insensitive names, expanded when they are used.
/// Job attributes (+Attr, My.Attr) are kept among them as "MY.Attr".
class MacroSet {
 public:
  struct Entry {
    std::string name;  ///< as first written
    std::string value;
    SourceLine where;   ///< line 0: not from a file
    bool used = false;  ///< something asked for it
  };
  using Entries = std::map<std::string, Entry, LessIgnoreCase>;

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
  /// not supported.
  std::string Expand(std::string_view text);

  const Entries& entries() const { return entries_; }

 private:
  class Expansion;

  Entries entries_;
  std::map<std::string, std::string, LessIgnoreCase> live_;
  const std::vector<std::string>& environment_;
  const std::string& directory_;
};

}  // namespace roost::dag

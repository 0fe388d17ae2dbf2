#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "roost/base/text.h"
#include "roost/dag/source.h"

namespace roost::dag {

/// What stands in a submit file, read without expanding anything: which line says what, and which names it
/// mentions.
class SubmitOutline {
 public:
  /// `lines_before`: those of `file` above the text, where it stands in a DAG file.
  SubmitOutline(std::string_view text, const std::string& file, int lines_before = 0);

  /// The last assignment to one of these commands, else the file as a whole.
  SourceLine LineOf(std::initializer_list<std::string_view> commands) const;

  /// The assignment to `name` that is made whatever the conditions are, or nothing.
  std::optional<SourceLine> Assigns(std::string_view name) const;

  /// Something other than an assignment to it speaks of `name`: a value, a condition, a queue statement.
  bool Mentions(std::string_view name) const { return mentioned_.contains(name); }

  /// Other files belong to it, which are not looked at here.
  bool includes() const { return includes_; }

 private:
  struct Assignment {
    int line = 0;
    bool always = true;  ///< not within if ... endif
  };
  void Mention(std::string_view text);

  std::string file_;
  std::map<std::string, Assignment, LessIgnoreCase> assignments_;
  std::set<std::string, LessIgnoreCase> mentioned_;
  bool includes_ = false;
};

/// What a text holds that looks like something else: a byte order mark, no-break spaces, quotes of a word
/// processor. They come with text copied from web pages.
Faults OddCharacters(std::string_view text, const std::string& file);

}  // namespace roost::dag

#pragma once

#include <forward_list>
#include <optional>
#include <string>
#include <string_view>

namespace roost::dag {

/// One command of a DAG file: continued lines joined, numbered by the first of them.
struct DagLine {
  int number = 0;
  std::string_view text;  ///< valid until the next command is taken

  /// The submit description behind the command, without the lines that open and close it.
  struct Body {
    std::string_view text;
    int first_line = 0;
    std::string_view after;  ///< what follows on the line that closes it
    bool closed = false;
    std::string closing;  ///< "}" or "@TAG"
  };
  std::optional<Body> body;

  bool unfinished = false;  ///< the file ends inside the continued line
};

/// Cuts a DAG file into commands, from the top: blank and comment lines are dropped, continued lines joined
/// with one space, submit descriptions kept in one piece. The text must outlive what is taken.
class DagLines {
 public:
  explicit DagLines(std::string_view text);

  /// False at the end of the text.
  bool Next(DagLine& line);

 private:
  bool NextPhysical(std::string_view& line);
  bool NextMeant(std::string_view& line);
  std::string_view Join(std::string_view line, DagLine& command);
  DagLine::Body TakeBody(std::string closing);

  std::string_view rest_;
  int number_ = 0;
  std::string joined_;
};

/// Whether `word` is the command or sub-keyword `keyword`: case does not matter, nor '-' against '_'.
bool IsKeyword(std::string_view word, std::string_view keyword);

/// Without the quotes around it, if there are any.
std::string_view Unquoted(std::string_view word);

/// The words of one command, taken from the left. They stay valid as long as both the text and this do.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}
  Words(const Words&) = delete;
  Words& operator=(const Words&) = delete;
  ~Words() = default;

  /// The next word, or nothing at the end of the line. Quoted parts may hold blanks; the quotes stay in the
  /// word and `\x` within them becomes `x`. Throws Error for a quote that is not closed.
  std::optional<std::string_view> Next();

  /// Next() when it is `keyword`; else nothing is taken.
  bool Take(std::string_view keyword);

  /// What was not taken yet.
  std::string_view Rest() const { return rest_; }

 private:
  std::string_view NextQuoted();

  std::string_view rest_;
  std::forward_list<std::string> unescaped_;  ///< the words that are not in the text as they are
};

}  // namespace roost::dag

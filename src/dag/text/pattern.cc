#include "dag/text/pattern.h"

#include <algorithm>
#include <cctype>

#include "roost/base/text.h"

namespace roost::dag {
namespace {

constexpr int kMostNesting = 100;
constexpr std::size_t kMostCode = 20'000;    // repeats of repeats multiply
constexpr std::size_t kMostSteps = 200'000;  // a text that makes the matcher try everything stops here
constexpr std::size_t kMostRepeat = 1000;
constexpr std::size_t kUnlimited = SIZE_MAX;

std::size_t Byte(char c) { return static_cast<unsigned char>(c); }

template <typename Fits>
std::bitset<256> ClassOf(const Fits& fits) {
  std::bitset<256> set;
  for (int c = 0; c < 128; ++c) set[static_cast<std::size_t>(c)] = fits(c) != 0;
  return set;
}

bool IsWord(int c) { return std::isalnum(c) != 0 || c == '_'; }

/// \d, \w, \s and their opposites. Nothing for other letters.
std::optional<std::bitset<256>> Shorthand(char letter) {
  switch (letter) {
    case 'd':
      return ClassOf([](int c) { return std::isdigit(c); });
    case 'D':
      return ~ClassOf([](int c) { return std::isdigit(c); });
    case 'w':
      return ClassOf([](int c) { return IsWord(c); });
    case 'W':
      return ~ClassOf([](int c) { return IsWord(c); });
    case 's':
      return ClassOf([](int c) { return std::isspace(c); });
    case 'S':
      return ~ClassOf([](int c) { return std::isspace(c); });
    default:
      return std::nullopt;
  }
}

/// [:alpha:] and its like.
std::optional<std::bitset<256>> NamedClass(std::string_view name) {
  using Test = int (*)(int);
  constexpr std::pair<std::string_view, Test> kNamed[] = {
      {"alpha", std::isalpha}, {"digit", std::isdigit}, {"alnum", std::isalnum}, {"upper", std::isupper},
      {"lower", std::islower}, {"space", std::isspace}, {"blank", std::isblank}, {"punct", std::ispunct},
      {"print", std::isprint}, {"graph", std::isgraph}, {"cntrl", std::iscntrl}, {"xdigit", std::isxdigit}};
  for (const auto& [known, test] : kNamed) {
    if (name == known) return ClassOf(test);
  }
  return std::nullopt;
}

/// The character that \n, \t, ... stand for; others stand for themselves.
char Escape(char letter) {
  constexpr std::pair<char, char> kEscapes[] = {{'n', '\n'}, {'t', '\t'}, {'r', '\r'},
                                                {'f', '\f'}, {'v', '\v'}, {'e', '\x1B'}};
  for (const auto& [written, meant] : kEscapes) {
    if (letter == written) return meant;
  }
  return letter;
}

}  // namespace

/// Recursive descent from the text to code. Throws Error.
class PatternCompiler {
 public:
  PatternCompiler(std::string_view text, Pattern::Options options) : text_(text) {
    pattern_.options_ = options;
  }

  Pattern Compile() {
    Emit(Kind::kSave, 0);
    Alternatives();
    if (at_ < text_.size()) throw Error("')' closes nothing");
    Emit(Kind::kSave, 1);
    Emit(Kind::kMatch);
    pattern_.registers_ = 2 * pattern_.groups_ + loops_;
    // Loop registers were counted from 0; they live behind those of the groups.
    for (Pattern::Instruction& instruction : pattern_.code_) {
      if (instruction.kind == Kind::kProgress || (instruction.kind == Kind::kSave && instruction.y == 1)) {
        instruction.x += 2 * pattern_.groups_;
      }
    }
    return std::move(pattern_);
  }

 private:
  using Kind = Pattern::Instruction::Kind;
  using Code = std::vector<Pattern::Instruction>;

  std::size_t Emit(Kind kind, std::size_t x = 0, std::size_t y = 0) {
    if (pattern_.code_.size() >= kMostCode) throw Error("it is too large");
    pattern_.code_.push_back({kind, x, y});
    return pattern_.code_.size() - 1;
  }
  bool More() const { return at_ < text_.size(); }
  bool Take(std::string_view sign) {
    if (!text_.substr(at_).starts_with(sign)) return false;
    at_ += sign.size();
    return true;
  }

  void EmitClass(Pattern::Class set) {
    if (pattern_.options_.ignore_case) {
      for (std::size_t lower = 'a'; lower <= 'z'; ++lower) {
        const std::size_t upper = lower - 'a' + 'A';
        const bool either = set[lower] || set[upper];
        set[lower] = set[upper] = either;
      }
    }
    if (pattern_.classes_.empty() || pattern_.classes_.back() != set) pattern_.classes_.push_back(set);
    Emit(Kind::kClass, pattern_.classes_.size() - 1);
  }
  void EmitCharacter(char c) {
    Pattern::Class set;
    set.set(Byte(c));
    EmitClass(set);
  }

  void Alternatives() {
    if (++depth_ > kMostNesting) throw Error("it is nested too deeply");
    const std::size_t begin = pattern_.code_.size();
    std::vector<Code> branches;
    do {
      Sequence();
      branches.push_back(CutFrom(begin));
    } while (Take("|"));
    std::vector<std::size_t> jumps;
    for (std::size_t i = 0; i + 1 < branches.size(); ++i) {
      const std::size_t split = Emit(Kind::kSplit);
      Append(branches[i], begin);
      jumps.push_back(Emit(Kind::kJump));
      Choose(split, false, pattern_.code_.size());
    }
    Append(branches.back(), begin);
    for (const std::size_t jump : jumps) pattern_.code_[jump].x = pattern_.code_.size();
    --depth_;
  }

  /// Takes the code from `begin` on out again, to be appended where and as often as it is needed.
  Code CutFrom(std::size_t begin) {
    Code cut(pattern_.code_.begin() + static_cast<std::ptrdiff_t>(begin), pattern_.code_.end());
    pattern_.code_.erase(pattern_.code_.begin() + static_cast<std::ptrdiff_t>(begin), pattern_.code_.end());
    return cut;
  }

  void Sequence() {
    while (More() && text_[at_] != '|' && text_[at_] != ')') {
      if (pattern_.options_.extended && SkipExtended()) continue;
      const std::size_t begin = pattern_.code_.size();
      Atom();
      Repeats(begin);
    }
  }

  bool SkipExtended() {
    if (std::isspace(static_cast<unsigned char>(text_[at_])) != 0) return ++at_, true;
    if (text_[at_] != '#') return false;
    at_ = std::min(text_.find('\n', at_), text_.size());
    return true;
  }

  void Atom() {
    const char c = text_[at_++];
    switch (c) {
      case '(':
        return Group();
      case '[':
        return EmitClass(Set());
      case '.': {
        Pattern::Class all;
        all.set();
        if (!pattern_.options_.dot_all) all.reset('\n');
        return EmitClass(all);
      }
      case '^':
        Emit(Kind::kLineBegin);
        return;
      case '$':
        Emit(Kind::kLineEnd);
        return;
      case '\\':
        return Escaped();
      case '*':
      case '+':
      case '?':
        throw Error(std::string("'") + c + "' repeats nothing");
      default:
        EmitCharacter(c);
    }
  }

  void Group() {
    if (Take("?i)")) {
      pattern_.options_.ignore_case = true;
      return;
    }
    const bool counts = !Take("?:");
    if (counts && More() && text_[at_] == '?') throw Error("'(?' is only supported as '(?:' and '(?i)'");
    const std::size_t group = counts ? pattern_.groups_++ : 0;
    if (counts) Emit(Kind::kSave, 2 * group);
    Alternatives();
    if (!Take(")")) throw Error("a '(' is not closed");
    if (counts) Emit(Kind::kSave, 2 * group + 1);
  }

  void Escaped() {
    if (!More()) throw Error("it ends with a backslash");
    const char letter = text_[at_++];
    if (const auto shorthand = Shorthand(letter)) return EmitClass(*shorthand);
    if (letter >= '1' && letter <= '9') {
      const auto group = static_cast<std::size_t>(letter - '0');
      if (group >= pattern_.groups_) throw Error(std::string("\\") + letter + " refers to no group");
      Emit(Kind::kGroup, group);
      return;
    }
    switch (letter) {
      case 'b':
      case 'B':
        Emit(Kind::kWordEdge, letter == 'B' ? 1 : 0);
        return;
      case 'A':
        Emit(Kind::kTextBegin);
        return;
      case 'z':
      case 'Z':
        Emit(Kind::kTextEnd);
        return;
      default:
        EmitCharacter(Escape(letter));
    }
  }

  /// What follows '['.
  Pattern::Class Set() {
    const bool inverted = Take("^");
    Pattern::Class set;
    bool first = true;
    while (!More() || text_[at_] != ']' || first) {
      if (!More()) throw Error("a '[' is not closed");
      first = false;
      if (Take("[:")) {
        const auto end = text_.find(":]", at_);
        const auto named = NamedClass(text_.substr(at_, end - at_));
        if (end == std::string_view::npos || !named) throw Error("'[:' begins no class that is known");
        set |= *named;
        at_ = end + 2;
        continue;
      }
      char from = text_[at_++];
      if (from == '\\' && More()) {
        const char letter = text_[at_++];
        if (const auto shorthand = Shorthand(letter)) {
          set |= *shorthand;
          continue;
        }
        from = letter == 'b' ? '\b' : Escape(letter);
      }
      char to = from;
      if (at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']') {
        to = text_[at_ + 1];
        at_ += 2;
        if (to == '\\' && More()) to = Escape(text_[at_++]);
      }
      if (Byte(to) < Byte(from)) throw Error("a range in '[...]' runs backwards");
      for (std::size_t c = Byte(from); c <= Byte(to); ++c) set.set(c);
    }
    ++at_;
    return inverted ? ~set : set;
  }

  /// {m}, {m,} and {m,n}. False where the brace is an ordinary character.
  bool Count(std::size_t& least, std::size_t& most) {
    if (!More() || text_[at_] != '{') return false;
    const auto end = text_.find('}', at_);
    if (end == std::string_view::npos) return false;
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    const auto comma = inside.find(',');
    const auto low = ParseInt(inside.substr(0, comma));
    if (!low || *low < 0) return false;
    std::optional<std::int64_t> high = low;
    const bool open = comma != std::string_view::npos && comma + 1 == inside.size();
    if (comma != std::string_view::npos && !open) high = ParseInt(inside.substr(comma + 1));
    if (!high || *high < *low) return false;
    if (*high > static_cast<std::int64_t>(kMostRepeat)) throw Error("it repeats more than 1000 times");
    at_ = end + 1;
    least = static_cast<std::size_t>(*low);
    most = open ? kUnlimited : static_cast<std::size_t>(*high);
    return true;
  }

  void Repeats(std::size_t begin) {
    std::size_t least = 0;
    std::size_t most = kUnlimited;
    if (Take("+")) {
      least = 1;
    } else if (Take("?")) {
      most = 1;
    } else if (!Take("*") && !Count(least, most)) {
      return;
    }
    const bool lazy = Take("?");
    if (More() && (text_[at_] == '*' || text_[at_] == '+')) throw Error("a repeat of a repeat needs a group");

    const Code once = CutFrom(begin);
    for (std::size_t i = 0; i < least; ++i) Append(once, begin);
    if (most == kUnlimited) {
      const std::size_t loop = loops_++;
      const std::size_t split = Emit(Kind::kSplit);
      Emit(Kind::kSave, loop, 1);
      Append(once, begin);
      Emit(Kind::kProgress, loop);
      Emit(Kind::kJump, split);
      Choose(split, lazy, pattern_.code_.size());
      return;
    }
    std::vector<std::size_t> splits;
    for (std::size_t i = least; i < most; ++i) {
      splits.push_back(Emit(Kind::kSplit));
      Append(once, begin);
    }
    for (const std::size_t split : splits) Choose(split, lazy, pattern_.code_.size());
  }

  /// Greedy: the loop's body first; lazy: what follows first.
  void Choose(std::size_t split, bool lazy, std::size_t behind) {
    pattern_.code_[split].x = lazy ? behind : split + 1;
    pattern_.code_[split].y = lazy ? split + 1 : behind;
  }

  /// A copy of code that was at `from`, at the end.
  void Append(const Code& once, std::size_t from) {
    const std::size_t shift = pattern_.code_.size() - from;
    for (Pattern::Instruction instruction : once) {
      if (instruction.kind == Kind::kSplit || instruction.kind == Kind::kJump) {
        instruction.x += shift;
        if (instruction.kind == Kind::kSplit) instruction.y += shift;
      }
      Emit(instruction.kind, instruction.x, instruction.y);
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::size_t loops_ = 0;
  Pattern pattern_;
};

/// Tries one way after the other, on a stack of its own.
class PatternMatcher {
 public:
  PatternMatcher(const Pattern& pattern, std::string_view text) : pattern_(pattern), text_(text) {}

  Result<Pattern::Found> Find(std::size_t from) {
    Pattern::Found found;
    registers_.assign(pattern_.registers_, kUnlimited);  // a way that fails leaves them as they were
    for (std::size_t begin = from; begin <= text_.size(); ++begin) {
      const bool matches = MatchesAt(begin);
      if (steps_ > kMostSteps) return Error("the regular expression takes too many steps");
      if (!matches) continue;
      found.groups.emplace();
      for (std::size_t group = 0; group < pattern_.groups_; ++group) {
        const std::size_t first = registers_[2 * group];
        const std::size_t last = registers_[2 * group + 1];
        const bool took_part = first != kUnlimited && last != kUnlimited && first <= last;
        found.groups->push_back(took_part ? std::optional(std::pair(first, last)) : std::nullopt);
      }
      break;
    }
    found.steps = steps_;
    return found;
  }

 private:
  using Kind = Pattern::Instruction::Kind;

  /// Where to go on when the present way fails: at `pc` and `place`; or, where `pc` is kUnlimited, a register
  /// to set back first.
  struct Retreat {
    std::size_t pc;
    std::size_t place;
    std::size_t value = 0;
  };

  bool MatchesAt(std::size_t begin) {
    stack_.clear();
    std::size_t pc = 0;
    std::size_t place = begin;
    while (++steps_ <= kMostSteps) {
      const Pattern::Instruction& now = pattern_.code_[pc];
      if (now.kind == Kind::kMatch) return true;
      if (now.kind == Kind::kSplit) {
        stack_.push_back({now.y, place});
        pc = now.x;
      } else if (now.kind == Kind::kJump) {
        pc = now.x;
      } else if (now.kind == Kind::kSave) {
        stack_.push_back({kUnlimited, now.x, registers_[now.x]});
        registers_[now.x] = place;
        ++pc;
      } else if (Fits(now, place)) {
        ++pc;
      } else if (!Return(pc, place)) {
        return false;
      }
    }
    return false;
  }

  bool Return(std::size_t& pc, std::size_t& place) {
    while (!stack_.empty()) {
      const Retreat last = stack_.back();
      stack_.pop_back();
      if (last.pc == kUnlimited) {
        registers_[last.place] = last.value;
        continue;
      }
      pc = last.pc;
      place = last.place;
      return true;
    }
    return false;
  }

  bool WordAt(std::size_t place) const {
    return place < text_.size() && IsWord(static_cast<unsigned char>(text_[place]));
  }

  /// Whether the text fits one instruction; moves on over what was taken.
  bool Fits(const Pattern::Instruction& now, std::size_t& place) const {
    const bool lines = pattern_.options_.lines;
    switch (now.kind) {
      case Kind::kClass:
        if (place >= text_.size() || !pattern_.classes_[now.x][Byte(text_[place])]) return false;
        ++place;
        return true;
      case Kind::kProgress:
        return registers_[now.x] != place;
      case Kind::kLineBegin:
        return place == 0 || (lines && text_[place - 1] == '\n');
      case Kind::kLineEnd:
        return place == text_.size() || (text_[place] == '\n' && (lines || place + 1 == text_.size()));
      case Kind::kTextBegin:
        return place == 0;
      case Kind::kTextEnd:
        return place == text_.size();
      case Kind::kWordEdge:
        return ((place > 0 && WordAt(place - 1)) != WordAt(place)) == (now.x == 0);
      case Kind::kGroup: {
        const std::size_t first = registers_[2 * now.x];
        const std::size_t last = registers_[2 * now.x + 1];
        if (first == kUnlimited || last == kUnlimited || last < first) return false;
        const std::string_view again = text_.substr(first, last - first);
        if (!text_.substr(place).starts_with(again)) return false;
        place += again.size();
        return true;
      }
      case Kind::kSplit:
      case Kind::kJump:
      case Kind::kSave:
      case Kind::kMatch:
        break;
    }
    return false;
  }

  const Pattern& pattern_;
  std::string_view text_;
  std::vector<std::size_t> registers_;
  std::vector<Retreat> stack_;
  std::size_t steps_ = 0;
};

Result<Pattern> Pattern::Compile(std::string_view text, const Options& options) {
  try {
    return PatternCompiler(text, options).Compile();
  } catch (const Error& error) {
    return Error("'" + Printable(text) + "' is no regular expression: " + error.message());
  }
}

Result<Pattern::Found> Pattern::Find(std::string_view text, std::size_t from) const {
  return PatternMatcher(*this, text).Find(from);
}

}  // namespace roost::dag

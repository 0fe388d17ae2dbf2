#include <functional>

#include "dag/text/macros.h"
#include "roost/dag/submit.h"

namespace roost::dag {
namespace {

/// Replaces the $$() of one text. Throws Error.
class MatchTimeExpansion {
 public:
  MatchTimeExpansion(const Ad& job, const Ad& machine) : job_(job), machine_(machine) {}

  void Expand(std::string& text) const {
    if (text.find(kMatchTimeMacro) == std::string::npos) return;
    std::string result;
    std::size_t at = 0;
    while (true) {
      const auto begin = text.find(kMatchTimeMacro, at);
      result.append(text, at, begin - at);
      if (begin == std::string::npos) break;
      const auto end = EndOfMatchTimeMacro(text, begin);
      if (end == std::string::npos) throw Error("'" + text.substr(begin) + "' has no closing ')'");
      result += Replacement(std::string_view(text).substr(begin + 3, end - begin - 4));
      at = end;
    }
    text = std::move(result);
  }

  void Expand(Path& path) const {
    std::string text = path.string();
    Expand(text);
    path = text;
  }

 private:
  std::string Replacement(std::string_view body) const {
    if (body == "DOLLARDOLLAR") return "$$";
    if (body.starts_with('[') && body.ends_with(']')) {
      const std::string text(body.substr(1, body.size() - 2));
      const auto expr = Expr::Parse(text);
      if (!expr) throw Error("$$([" + text + "]): " + expr.error().message());
      const Value value = expr->Evaluate(job_, &machine_);
      if (const auto* failure = std::get_if<Failure>(&value))
        throw Error("$$([" + text + "]): " + failure->why);
      if (value.undefined()) throw Error("$$([" + text + "]) is undefined");
      return Written(value);
    }
    const auto colon = body.find(':');
    const std::string_view name = Trim(body.substr(0, colon));
    const Value value = ValueOf(name);
    if (!value.undefined() && !value.failed()) return Written(value);
    if (colon != std::string_view::npos) return std::string(body.substr(colon + 1));
    throw Error("$$(" + std::string(name) + "): the machine has no attribute '" + std::string(name) + "'");
  }

  Value ValueOf(std::string_view name) const {
    const Expr* found = machine_.Find(name);
    return found == nullptr ? Value(Undefined()) : found->Evaluate(machine_, &job_);
  }

  static std::string Written(const Value& value) {
    const auto* text = std::get_if<std::string>(&value);
    return text != nullptr ? *text : value.Text();
  }

  const Ad& job_;
  const Ad& machine_;
};

}  // namespace

std::size_t EndOfMatchTimeMacro(std::string_view text, std::size_t begin) {
  const bool expression = text.substr(begin + kMatchTimeMacro.size()).starts_with('[');
  if (!expression) {
    const auto close = text.find(')', begin);
    return close == std::string_view::npos ? close : close + 1;
  }
  bool quoted = false;
  for (std::size_t i = begin; i + 1 < text.size(); ++i) {
    if (text[i] == '"' && text[i - 1] != '\\') quoted = !quoted;
    if (!quoted && text[i] == ']' && text[i + 1] == ')') return i + 2;
  }
  return std::string_view::npos;
}

Result<void> ExpandMatchTime(Job& job, const Ad& job_ad, const Ad& machine) {
  if (!job.match_time_macros) return {};
  const MatchTimeExpansion expansion(job_ad, machine);
  try {
    for (Path* path : {&job.executable, &job.input, &job.output, &job.error}) expansion.Expand(*path);
    for (auto* texts : {&job.arguments, &job.environment, &job.transfer_input}) {
      for (std::string& text : *texts) expansion.Expand(text);
    }
    if (job.transfer_output) {
      for (std::string& text : *job.transfer_output) expansion.Expand(text);
    }
    for (auto& [name, place] : job.output_remaps) {
      expansion.Expand(name);
      expansion.Expand(place);
    }
  } catch (const Error& error) {
    return error;
  }
  job.match_time_macros = false;
  return {};
}

}  // namespace roost::dag

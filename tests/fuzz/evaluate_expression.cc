#include "fuzz/guard.h"
#include "fuzz/targets.h"
#include "roost/dag/classad.h"

namespace roost::fuzz {

using namespace dag;  // NOLINT: what is driven below

namespace {

/// A value written as a literal is that value.
void ExpectLiteral(const Value& value) {
  if (value.failed()) return;
  const auto again = Expr::Parse(value.Text());
  Promise(again.ok(), "not an expression: " + value.Text());
  Promise(again->Evaluate(Ad()).Text() == value.Text(), "another value than " + value.Text());
}

}  // namespace

void EvaluateExpression(Bytes bytes) {
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Ad job;
  Ad machine;
  machine.Set("Cpus", Value(std::int64_t{4}));
  machine.Set("Name", Value(std::string("slot1@here")));
  for (const std::string& line : Split(text, '\n')) {
    const auto expression = Expr::Parse(line);
    if (!expression) {
      const std::string& message = expression.error().message();
      Promise(!message.empty() && Printable(message) == message, "not one readable line: " + message);
      continue;
    }
    // Under a name, too: later lines refer to it, and it may refer to itself.
    job.Set("a" + std::to_string(job.attributes().size()), *expression);
    ExpectLiteral(expression->Evaluate(job, &machine, 1'700'000'000));
    expression->Holds(job, &machine);
  }
}

}  // namespace roost::fuzz

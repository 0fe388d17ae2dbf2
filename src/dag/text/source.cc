#include "roost/dag/source.h"

#include <algorithm>

#include "roost/base/text.h"

namespace roost::dag {

std::string Fault::Describe() const {
  std::string text = Printable(where.file);
  if (where.line > 0) text.append(":").append(std::to_string(where.line));
  text.append(severity == Severity::kWarning ? ": warning: " : ": ");
  return text.append(Printable(message));  // it quotes a file that may hold anything
}

void AddError(Faults& faults, SourceLine where, std::string message) {
  faults.push_back(Fault{std::move(where), std::move(message), Fault::Severity::kError});
}

void AddWarning(Faults& faults, SourceLine where, std::string message) {
  faults.push_back(Fault{std::move(where), std::move(message), Fault::Severity::kWarning});
}

bool HasErrors(const Faults& faults) {
  return std::any_of(faults.begin(), faults.end(),
                     [](const Fault& fault) { return fault.severity == Fault::Severity::kError; });
}

Error FaultsError(const Faults& faults) {
  std::string text;
  for (const Fault& fault : faults) {
    if (fault.severity == Fault::Severity::kWarning) continue;
    if (!text.empty()) text.append("\n");
    text.append(fault.Describe());
  }
  return Error(std::move(text), ExitCode::kBadData);
}

}  // namespace roost::dag

#pragma once

#include <string>
#include <vector>

#include "roost/base/error.h"

namespace roost::dag {

/// A place in a text that a person wrote.
struct SourceLine {
  std::string file;
  int line = 0;  ///< from 1; 0 where the fault is about the file as a whole
};

/// Something wrong, or odd, at one place. Parsers collect every fault before they give up.
struct Fault {
  enum class Severity { kError, kWarning };
  SourceLine where;
  std::string message;
  Severity severity = Severity::kError;

  /// "x.dag:12: unknown node 'B'"; warnings read "x.dag:12: warning: ...".
  std::string Describe() const;
};

using Faults = std::vector<Fault>;

void AddError(Faults& faults, SourceLine where, std::string message);
void AddWarning(Faults& faults, SourceLine where, std::string message);

bool HasErrors(const Faults& faults);

/// The faults that are errors as one Error (bad data), a line each.
Error FaultsError(const Faults& faults);

}  // namespace roost::dag

#pragma once

#include <string>

#include "roost/dag/dag.h"
#include "roost/dag/submit.h"

namespace roost::test {

/// What a DAG file was read as, a line per fact: nodes with what was set on them, edges, throttles, faults.
std::string Dump(const dag::DagParse& parse);

/// What a submit file was read as: each job with what is not at its default, then the faults. Paths under
/// `directory` are shown as "./...".
std::string Dump(const dag::Submission& submission, const Path& directory);

/// Compares `actual` with the file beside `input` whose extension is ".expect". With ROOST_UPDATE_CASES in
/// the environment the file is written instead: look at the difference before you commit it.
void ExpectLikeCase(const Path& input, const std::string& actual);

}  // namespace roost::test

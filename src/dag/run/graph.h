#pragma once

#include <string>

#include "dag/report/history.h"

namespace roost::dag {

/// The graph of a DAG in the language of graphviz, its nodes coloured by how they stand where there is a run.
std::string GraphText(const RunRecord& record);

/// The picture that graphviz's dot makes of it. Throws Error where that program is missing or fails.
std::string GraphPicture(const std::string& dot_text);

}  // namespace roost::dag

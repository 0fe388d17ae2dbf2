#pragma once

#include <span>

#include "dag/text/classad_functions.h"

namespace roost::dag {

/// The functions of ClassAd expressions that are about strings: regular expressions, string lists, versions.
std::span<const ClassAdFunction> StringFunctions();

}  // namespace roost::dag

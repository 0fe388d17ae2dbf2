#pragma once

#include <string_view>

namespace roost::dag {

/// What names of the nodes begin with that DAGMan puts between many parents and many children.
inline constexpr std::string_view kJoinNodePrefix = "_condor_join_node";

/// Stands between the name of a splice and that of a node in it.
inline constexpr char kSpliceSeparator = '+';

/// A full name without the splices that it is in.
inline std::string_view LastPart(std::string_view name) {
  const auto separator = name.rfind(kSpliceSeparator);
  return separator == std::string_view::npos ? name : name.substr(separator + 1);
}

}  // namespace roost::dag

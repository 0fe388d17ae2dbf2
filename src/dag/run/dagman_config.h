#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dag/run/dag_run.h"
#include "roost/base/files.h"
#include "roost/base/text.h"
#include "roost/dag/dag.h"

namespace roost::dag {

/// A setting and where it stands, for messages.
struct ConfigValue {
  std::string value;
  SourceLine where;
};

/// The settings of a configuration by name; names have no case.
using Configuration = std::map<std::string, ConfigValue, LessIgnoreCase>;

/// Reads the text of a CONFIG file in HTCondor's configuration language: `NAME = value` lines, comments,
/// lines continued by a backslash, $(NAME) and $(NAME:default) of names set before. What only makes sense in
/// a pool's own configuration (use, include, if) is a fault.
void ReadConfiguration(std::string_view text, const std::string& file, Configuration& configuration,
                       Faults& faults);

/// The DAGMAN_* settings of a run: what the environment says ("_CONDOR_DAGMAN_MAX_JOBS_SUBMITTED=3"), over it
/// the one CONFIG file, named by the DAG files, by -config (`config_option`) or else by
/// _CONDOR_DAGMAN_CONFIG_FILE. Two different files are an error, as are values that cannot be. Names that no
/// DAGMan knows are ignored, with a warning where one looks like a slip.
DagmanKnobs ReadKnobs(const DagPreamble& preamble, const std::optional<Path>& config_option,
                      const std::vector<std::string>& environment, Faults& faults);

}  // namespace roost::dag

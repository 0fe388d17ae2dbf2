#pragma once

#include <functional>
#include <iosfwd>
#include <string>

#include "dag/run/dag_run.h"
#include "roost/base/clock.h"

namespace roost::dag {

/// P.condor.sub: the description with which condor_submit would run DAGMan on these DAG files.
std::string FormatCondorSub(const RunOptions& options);

/// Runs a DAG in place of condor_submit_dag: writes P.condor.sub, P.lib.out, P.lib.err and, in P.dagman.log,
/// the life of the run as that of a job, which condor_wait can wait for. Says on `out` what condor_submit_dag
/// says. Where these files exist already, it says so on `err` and starts nothing (status 1), unless they are
/// to be written over or an earlier run is to be gone on with.
///
/// A run nested in another writes P.condor.sub alone: it is a job of that run, which keeps its log.
///
/// `run` gets the options with the number of the run in them; its result, the exit status of the DAG, is the
/// result here, which condor_submit_dag itself does not wait for. Throws Error.
int RunAsSubmitter(RunOptions options, const Clock& clock, std::ostream& out, std::ostream& err,
                   const std::function<int(const RunOptions&)>& run);

}  // namespace roost::dag

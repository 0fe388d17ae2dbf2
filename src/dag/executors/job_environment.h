#pragma once

#include <map>
#include <string>
#include <vector>

#include "roost/dag/executor.h"

namespace roost::dag {

/// Where one attempt runs on this host.
struct JobPlace {
  Path scratch;           ///< its own folder, private to the attempt
  std::string slot;       ///< "slot1_3"
  std::string run_id;     ///< DAGRUN_RUN_ID: by it a later dagrun finds what this one left running
  std::vector<int> gpus;  ///< device numbers given to it
};

/// The whole environment of a job, "NAME=value": a few basics of dagrun's own environment (`own`), over them
/// what the submit file asks for, over that the facts of `place` (spec: submit language 4.2 and 4.6).
std::vector<std::string> JobEnvironment(const JobAttempt& attempt, const JobPlace& place,
                                        const std::vector<std::string>& own);

/// The file that _CONDOR_JOB_AD names: the job's main attributes as a ClassAd, one per line.
std::string JobAd(const JobAttempt& attempt);

}  // namespace roost::dag

#pragma once

#include <string>
#include <vector>

#include "dag/report/history.h"
#include "dag/report/html_report.h"

namespace roost::dag {

/// Where a job of an attempt wrote.
struct JobFiles {
  JobId id;
  Path output, error, log;  ///< absolute; empty where there is none
};

/// The files of an attempt at a node (the last one for -1), as its submit file says now. Empty where nothing
/// was submitted or the submit file cannot be used any more.
std::vector<JobFiles> FilesOf(const RunRecord& record, NodeIndex node, int attempt,
                              const std::vector<std::string>& environment);

/// The last lines of a file, with what a terminal or a page should not see made harmless; empty where there
/// is none.
std::string TailOfFile(const Path& file, std::size_t lines, std::size_t bytes);

/// What there is to say about the nodes that failed, the first `most` of them.
std::vector<FailedNode> FailuresOf(const RunRecord& record, std::size_t most,
                                   const std::vector<std::string>& environment);

/// Reads the run of `files` and writes the page about it. Throws Error.
void WriteHtmlReport(const std::vector<Path>& files, const DagOptions& options,
                     const std::vector<std::string>& environment, const Path& page, const Clock& clock);

}  // namespace roost::dag

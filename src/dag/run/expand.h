#pragma once

#include <string>
#include <vector>

#include "roost/dag/dag.h"
#include "roost/dag/submit.h"

namespace roost::dag {

/// A node with the jobs that it becomes.
struct ExpandedNode {
  NodeIndex node = -1;
  Submission submission;
};

/// The jobs of a node as its attempt `retry` (from 0) queues them under this cluster number.
Submission JobsOf(const Dag& dag, NodeIndex node, int cluster, int retry,
                  const std::vector<std::string>& environment);

/// The nodes of these names; for no names all that have jobs, parents before children and FINAL last. Throws
/// Error (usage) for a name that is none, with the one that was meant, and for a node without jobs.
std::vector<NodeIndex> ChooseNodes(const Dag& dag, const std::vector<std::string>& names);

/// For people: command, folder, files, environment, resources and policy of each job.
std::string FormatExpandText(const Dag& dag, const ExpandedNode& expanded);

/// One JSON object, in one line.
std::string FormatExpandJson(const Dag& dag, const ExpandedNode& expanded);

/// What a shell script that runs the jobs by hand begins with, and the part of one node. Each job runs in its
/// folder, with its environment and no other, its files where a run would put them. The script ends with the
/// status of the last job that failed.
std::string ShellPrologue();
std::string FormatExpandShell(const Dag& dag, const ExpandedNode& expanded);
std::string ShellEpilogue();

/// `text` as one word of a shell command.
std::string ShellQuoted(std::string_view text);

}  // namespace roost::dag

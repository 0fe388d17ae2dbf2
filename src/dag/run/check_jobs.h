#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dag/run/submit_context.h"
#include "dag/run/submit_outline.h"
#include "roost/dag/dag.h"

namespace roost::dag {

/// Looks at what the nodes of a DAG would run: their submit files, and the files that their jobs and scripts
/// name. Nodes that come to the same jobs are looked at once.
class JobChecks {
 public:
  /// Both outlive the object.
  JobChecks(const Dag& dag, const std::vector<std::string>& environment);

  void Look(NodeIndex index);

  /// After the last Look(): what can be said only when all nodes are known. Returns every fault.
  Faults Finish();

  int jobs() const { return jobs_; }

 private:
  /// A submit description as one folder sees it.
  struct Description {
    std::string file;  ///< as messages call it
    bool readable = true;
    SubmitOutline outline;
    bool names_matter = false;  ///< the jobs depend on which node it is
  };
  /// One kind of fault at one place: of the many nodes that may have it a few are named.
  struct Kind {
    std::size_t count = 0;
    std::size_t last_told = 0;  ///< place in faults_
  };
  struct Writer {
    NodeIndex node = -1;
    int proc = 0;
    SourceLine where;
    bool told = false;
  };
  struct MissingInput {
    NodeIndex node;
    Path file;
    SourceLine where;
    std::string what;
    bool needed;  ///< it is no matter of a shared file system
  };

  const Description& DescriptionOf(const Node& node);
  std::string Signature(const Node& node, const Description& description) const;
  void Say(Fault::Severity severity, const SourceLine& where, const std::string& kind, std::string message);

  void LookAtScripts(NodeIndex index);
  void LookAtVars(const Node& node, const Description& description);
  void LookAtSubmission(NodeIndex index, const Description& description);
  void LookAtJob(NodeIndex index, const Job& job, const Description& description);
  void LookAtProgram(NodeIndex index, const Job& job, const Description& description);
  void LookAtInputs(NodeIndex index, const Job& job, const Description& description);
  void LookAtOutputs(NodeIndex index, const Job& job, const Description& description);
  void LookAtOutput(NodeIndex index, const Job& job, const Path& file, const SourceLine& where,
                    const std::string& what);
  void NoteWriter(NodeIndex index, const Job& job, const Path& file, const SourceLine& where);
  void TellSharedOutputs(NodeIndex first, NodeIndex other);
  void JudgeMissing(const MissingInput& missing);

  /// Something that runs before the jobs of the node may still make what is missing.
  bool SomethingRunsBefore(NodeIndex index) const;
  bool Exists(const Path& path);

  const Dag& dag_;
  const std::vector<std::string>& environment_;
  std::map<std::pair<std::int32_t, std::int32_t>, Description> descriptions_;  ///< by submit and directory
  std::unordered_map<std::string, NodeIndex> looked_at_;                       ///< by signature
  std::set<std::pair<std::int32_t, std::int32_t>> scripts_;                    ///< by script and directory
  std::unordered_map<std::string, bool> exists_;
  std::unordered_map<std::string, Writer> writers_;
  std::unordered_map<NodeIndex, std::vector<std::string>> outputs_of_;
  std::vector<MissingInput> missing_;
  std::set<std::string> unused_;  ///< VARS that were told, with their submit file
  std::map<std::string, Kind> kinds_;
  Faults faults_;
  int cpus_ = 0;
  int jobs_ = 0;
  std::unordered_map<std::string, int> jobs_of_;  ///< by signature
};

}  // namespace roost::dag

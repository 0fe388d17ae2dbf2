#include "dag/run/check.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "dag/report/json.h"
#include "dag/run/check_graph.h"
#include "dag/run/check_jobs.h"

namespace roost::dag {
namespace {

namespace fs = std::filesystem;

/// Works in another folder while it lives: a nested DAG is read where its node would run it.
class WorkIn {
 public:
  explicit WorkIn(const Path& folder) : back_(fs::current_path()) { fs::current_path(folder); }
  WorkIn(const WorkIn&) = delete;
  WorkIn& operator=(const WorkIn&) = delete;
  ~WorkIn() {
    std::error_code ignored;
    fs::current_path(back_, ignored);
  }

 private:
  Path back_;
};

class Checker {
 public:
  explicit Checker(const CheckOptions& options) : options_(options) {}

  CheckResult Check(const std::vector<Path>& files) {
    for (const Path& file : files) open_.insert(fs::absolute(file).lexically_normal());
    Whole(files, {});
    std::stable_sort(result_.faults.begin(), result_.faults.end(), [](const Fault& a, const Fault& b) {
      return std::tie(a.where.file, a.where.line) < std::tie(b.where.file, b.where.line);
    });
    const auto same = [](const Fault& a, const Fault& b) { return a.Describe() == b.Describe(); };
    result_.faults.erase(std::unique(result_.faults.begin(), result_.faults.end(), same),
                         result_.faults.end());
    return std::move(result_);
  }

 private:
  /// `folder`: what goes before the names of files in messages.
  void Whole(const std::vector<Path>& files, const Path& folder) {
    Faults faults;
    for (const Path& file : files) {
      if (const auto text = ReadRegularFile(file)) {
        for (Fault& fault : OddCharacters(*text, file.string())) faults.push_back(std::move(fault));
      }
    }
    DagParse parse = ReadDags(files, options_.parse);
    std::move(parse.faults.begin(), parse.faults.end(), std::back_inserter(faults));
    const Dag& dag = parse.dag;
    result_.nodes += static_cast<int>(dag.nodes.size());
    for (Fault& fault : CheckGraph(dag)) faults.push_back(std::move(fault));
    JobChecks jobs(dag, options_.environment);
    for (NodeIndex node = 0; node < dag.end(); ++node) jobs.Look(node);
    for (Fault& fault : jobs.Finish()) faults.push_back(std::move(fault));
    result_.jobs += jobs.jobs();
    for (Fault& fault : faults) {
      if (!folder.empty()) fault.where.file = (folder / fault.where.file).lexically_normal().string();
      result_.faults.push_back(std::move(fault));
    }
    for (NodeIndex node = 0; node < dag.end(); ++node) {
      if (dag.At(node).kind == NodeKind::kSubdag && !dag.At(node).noop && !dag.At(node).done) {
        Nested(dag, dag.At(node), folder);
      }
    }
  }

  void Nested(const Dag& dag, const Node& node, const Path& folder) {
    SourceLine where = dag.Where(node);
    where.file = (folder / where.file).lexically_normal().string();
    const std::string file = dag.Submit(node).file;
    const Path place = DirectoryOf(dag, node);
    std::error_code ignored;
    if (!fs::exists(place / file, ignored)) {
      const bool may_be_made = node.pre >= 0 || !dag.parents.Of(dag.Find(node.name)).empty();
      result_.faults.push_back({where,
                                "there is no DAG file '" + file + "' (node " + node.name + ")" +
                                    (may_be_made ? ": is it made by what runs before?" : ""),
                                may_be_made ? Fault::Severity::kWarning : Fault::Severity::kError});
      return;
    }
    const Path whole = (place / file).lexically_normal();
    if (checked_.contains(whole)) return;
    if (!open_.insert(whole).second) {
      AddError(result_.faults, where,
               "node " + node.name + " nests '" + file + "' within itself, without end");
      return;
    }
    {
      const WorkIn there(place);
      Whole({file}, folder / dag.Directory(node));
    }
    open_.erase(whole);
    checked_.insert(whole);
  }

  const CheckOptions& options_;
  CheckResult result_;
  std::set<Path> open_;  ///< DAG files that are being looked at, the outer ones first
  std::set<Path> checked_;
};

}  // namespace

CheckResult CheckDags(const std::vector<Path>& files, const CheckOptions& options) {
  return Checker(options).Check(files);
}

std::string FormatCheckJson(const CheckResult& result) {
  JsonText json;
  json.Begin('{').Key("nodes").Number(result.nodes).Key("jobs").Number(result.jobs);
  json.Key("ok").Bool(!HasErrors(result.faults)).Key("faults").Begin('[');
  for (const Fault& fault : result.faults) {
    json.Begin('{').Key("file").String(fault.where.file).Key("line").Number(fault.where.line);
    json.Key("severity").String(fault.severity == Fault::Severity::kError ? "error" : "warning");
    json.Key("message").String(fault.message).End('}');
  }
  json.End(']').End('}');
  return json.Take();
}

}  // namespace roost::dag

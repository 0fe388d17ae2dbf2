#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dag/report/history.h"

namespace roost::dag {

/// Which of the things that a node's jobs leave behind are wanted.
struct LogChoice {
  bool output = false;
  bool error = false;
  bool events = false;         ///< their records in the nodes log
  std::optional<int> attempt;  ///< from 0; nothing: the last one
  std::optional<int> proc;     ///< nothing: all
};

/// Reads what the jobs of a node write, as it grows.
class NodeLogs {
 public:
  /// Throws Error (usage) where the DAG has no such node.
  NodeLogs(std::vector<Path> files, const std::string& node, LogChoice choice,
           std::vector<std::string> environment);

  /// What came since the last call. Where there is more than one file, each piece is headed by the name of
  /// its file.
  std::string More();

  /// As of the last More(): nothing more will come.
  bool over() const { return over_; }
  /// Why there is nothing: what the node waits for.
  std::string WhyNothing() const;

 private:
  void AddFile(std::string& text, const Path& file);
  void AddEvents(std::string& text, const RunRecord& record, NodeIndex node);

  std::vector<Path> files_;
  std::string node_;
  LogChoice choice_;
  std::vector<std::string> environment_;
  std::map<Path, std::uintmax_t> read_;  ///< how much of each file was returned
  std::size_t events_read_ = 0;
  Path last_;  ///< the file that the last piece was of
  bool several_ = false;
  bool over_ = false;
  NodeHistory::State state_ = NodeHistory::State::kWaiting;
};

}  // namespace roost::dag

#include "dag/run/journal.h"

#include <utility>

namespace roost::dag {
namespace {

class NodesLogFile final : public JournalFile {
 public:
  explicit NodesLogFile(const Path& path) : file_(path) {
    SyncDirectory(path.parent_path());  // the best synced file is lost with its name
  }
  Result<void> Append(std::string_view bytes) override { return file_.Append(bytes); }
  Result<void> Sync() override { return file_.Flush(); }

 private:
  AppendFile file_;
};

/// By these events recovery decides what need not run again.
bool EndsSomething(EventType type) {
  return type == EventType::kTerminated || type == EventType::kAborted ||
         type == EventType::kPostScriptTerminated || type == EventType::kPreSkip ||
         type == EventType::kClusterRemove;
}

/// HTCondor's mask of the nodes log.
bool BelongsInNodesLog(EventType type) {
  return type != EventType::kImageSize && type != EventType::kDisconnected &&
         type != EventType::kReconnected && type != EventType::kJobAdInformation &&
         type != EventType::kFileTransfer;
}

}  // namespace

Journal::Journal(const Path& nodes_log) : nodes_log_(std::make_unique<NodesLogFile>(nodes_log)) {}

Journal::~Journal() {
  try {
    WriteOut();
  } catch (const Error&) {  // whoever wanted to know has called Flush()
  }
}

void Journal::Write(const JobEvent& event) { Write(event, Path()).value(); }

Result<void> Journal::Write(const JobEvent& event, const Path& own_log) {
  const std::string text = FormatEvent(event);
  if (BelongsInNodesLog(event.type)) {
    batch_ += text;
    to_sync_ = to_sync_ || EndsSomething(event.type);
  }
  if (own_log.empty()) return {};
  own_logs_.Add(own_log, text);
  if (const auto error = own_logs_.TakeError()) return *error;
  return {};
}

void Journal::WriteOut() {
  // The journal first: where only one of the two is written, recovery must know.
  if (const std::string batch = std::exchange(batch_, {}); !batch.empty()) {
    nodes_log_->Append(batch).value();
  }
  own_logs_.WriteOut();
}

void Journal::Flush() {
  WriteOut();
  if (std::exchange(to_sync_, false)) nodes_log_->Sync().value();
}

}  // namespace roost::dag

#include "dag/run/cluster_numbers.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <limits>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "roost/base/text.h"
#include "roost/dag/event_log.h"

namespace roost::dag {
namespace {

/// Hidden, since people need not look at it.
constexpr const char* kFileName = ".dagrun-clusters";

/// Cluster numbers only grow, so the highest of a log stands near its end, behind it only the ends of jobs
/// that were submitted before and ran longer.
std::string Tail(const Path& file, std::streamoff length) {
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  const std::streamoff size = stream.tellg();
  if (!stream || size <= 0) return {};
  const std::streamoff wanted = std::min(size, length);
  std::string text(static_cast<std::size_t>(wanted), '\0');
  stream.seekg(size - wanted);
  stream.read(text.data(), wanted);
  // Not the rest of an event whose beginning was cut off.
  if (wanted < size) text.erase(0, std::min(text.size(), text.find("\n...\n") + 5));
  return text;
}

int HighestInLogs(const Path& folder) {
  constexpr std::streamoff kTailBytes = 16 << 20;
  int highest = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (!entry.path().string().ends_with(".nodes.log")) continue;
    ParseEvents(Tail(entry.path(), kTailBytes),
                [&](const JobEvent& event) { highest = std::max(highest, event.id.cluster); });
  }
  return highest;
}

/// The lock is gone when the descriptor is closed. Where a file system knows no locks, two runs that start in
/// the same instant are not kept apart; everything else holds.
void LockWhereSupported(int fd) {
  while (::flock(fd, LOCK_EX) != 0 && errno == EINTR) {
  }
}

}  // namespace

ClusterNumbers::ClusterNumbers(Path folder, int block)
    : folder_(folder.empty() ? Path(".") : std::move(folder)), block_(std::max(block, 1)) {
  ReserveBlock();
}

int ClusterNumbers::Next() {
  if (next_ == end_) ReserveBlock();
  return next_++;
}

void ClusterNumbers::ReserveBlock() {
  const Path path = folder_ / kFileName;
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file.valid()) throw ErrnoError(errno, "write", path);
  LockWhereSupported(file.get());

  const std::string text = ReadFile(path).value();
  std::int64_t next = 0;
  if (Trim(text).empty()) {
    next = HighestInLogs(folder_) + 1;
  } else {
    next = ParseInt(Trim(text)).value_or(0);
  }
  if (next < 1 || next > std::numeric_limits<int>::max() - block_) {
    throw Error("'" + path.string() + "' should hold the next cluster number but holds '" +
                    Printable(Trim(text)) + "'",
                ExitCode::kFailed, "Remove it: numbers then go on after those in the nodes logs beside it.");
  }
  next_ = static_cast<int>(next);
  end_ = next_ + block_;

  // In place, so that the lock stays with the file; of one width, so that no old digit is left behind it.
  std::string record = std::to_string(end_);
  record = std::string(11 - record.size(), ' ') + record + "\n";
  if (::pwrite(file.get(), record.data(), record.size(), 0) != static_cast<ssize_t>(record.size()) ||
      ::fsync(file.get()) != 0) {
    throw ErrnoError(errno, "write", path);
  }
  if (text.empty()) SyncDirectory(folder_);  // a power cut must not take the new file's name
}

}  // namespace roost::dag

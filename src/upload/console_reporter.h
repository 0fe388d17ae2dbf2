#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "roost/base/clock.h"
#include "roost/base/terminal.h"
#include "upload/transfer.h"

namespace roost::upload {

struct ConsoleOptions {
  bool json = false;   ///< JSON lines on the output in place of text lines
  bool quiet = false;  ///< no progress and no summary; problems are always told
  bool dry_run = false;
};

/// Speaks to the person or the job log: the manifest on `out`, one line per file; problems, the summary and,
/// where a person watches, a progress line on `err`. Owns neither stream.
class ConsoleReporter final : public TransferReporter {
 public:
  ConsoleReporter(std::FILE* out, std::FILE* err, Terminal err_terminal, const Clock& clock,
                  std::string destination, ConsoleOptions options)
      : out_(out),
        err_(err),
        terminal_(err_terminal),
        clock_(clock),
        destination_(std::move(destination)),
        options_(options) {}

  void Started(std::uint64_t files, std::uint64_t bytes) override;
  void Moved(const std::string& path, std::uint64_t bytes) override;
  void Settled(const Record& record) override;
  void Problem(const std::string& text) override;
  void Finished(const Totals& totals) override;

  /// Whether every line of the manifest reached `out`.
  Result<void> Flush();

 private:
  void DrawProgress(const std::string& path);
  void ClearProgress();

  std::FILE* out_;
  std::FILE* err_;
  Terminal terminal_;
  const Clock& clock_;
  std::string destination_;
  ConsoleOptions options_;

  std::uint64_t files_ = 0;
  std::uint64_t files_settled_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t bytes_settled_ = 0;  ///< of files that are done, sent or not
  std::uint64_t bytes_moved_ = 0;
  std::uint64_t bytes_of_current_ = 0;
  Clock::TimePoint begin_;
  Clock::TimePoint last_drawn_;
  bool drawn_ = false;
};

}  // namespace roost::upload

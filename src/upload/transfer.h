#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "roost/base/clock.h"
#include "roost/base/error.h"
#include "upload/manifest.h"
#include "upload/remotes/remote.h"
#include "upload/source_tree.h"

namespace roost::upload {

struct TransferOptions {
  /// Look and compare; change nothing, anywhere.
  bool dry_run = false;
  /// Remove a local file once the destination has confirmed its digest and the record of that is written. A
  /// link is removed, not what it points to; folders stay.
  bool delete_after_verify = false;
};

/// What a run did, in numbers.
struct Totals {
  std::uint64_t sent = 0;  ///< files, those that replaced another included; in a dry run: would be
  std::uint64_t skipped = 0;
  std::uint64_t failed = 0;
  std::uint64_t half_written = 0;  ///< left out, see SourceTree
  std::uint64_t links = 0;         ///< of `sent` and `skipped`: links that were followed
  std::uint64_t left = 0;          ///< not dealt with, because the run ended early
  std::uint64_t deleted = 0;
  std::uint64_t bytes_sent = 0;
  std::chrono::duration<double> elapsed{0};
};

/// Who is told what happens. Called from the thread that runs the transfer.
class TransferReporter {
 public:
  virtual ~TransferReporter() = default;
  virtual void Started(std::uint64_t files, std::uint64_t bytes) = 0;
  /// `bytes` more of `path` were sent.
  virtual void Moved(const std::string& path, std::uint64_t bytes) = 0;
  /// One file has been dealt with. Exactly once for every file and every unusable entry of the tree, unless
  /// the run ends early.
  virtual void Settled(const Record& record) = 0;
  /// Something a person should know that is not the end of a file: a file that could not be deleted.
  virtual void Problem(const std::string& text) = 0;
  virtual void Finished(const Totals& totals) = 0;
};

/// Brings a tree of files to a remote: each file once, compared first, verified after.
class Transfer {
 public:
  /// `manifest` may be null. `stop` is asked between files and while bytes move; true ends the run.
  Transfer(Remote& remote, TransferReporter& reporter, ManifestFile* manifest, const Clock& clock,
           std::function<bool()> stop, TransferOptions options)
      : remote_(remote),
        reporter_(reporter),
        manifest_(manifest),
        clock_(clock),
        stop_(std::move(stop)),
        options_(options) {}

  /// kOk; kSomeUnusable where sources could not be read; the destination's code (kCannotCreate, kPermission,
  /// ...) where it refused files; kTryAgain where `stop` said so. Throws the Error that made the remote or
  /// the manifest unusable, after the reporter was told what had been done until then.
  ExitCode Run(const SourceTree& tree);

 private:
  void SendAll(const SourceTree& tree);
  Record Deliver(const SourceFile& file);
  Record NotUsable(const Unusable& entry) const;
  Record SourceFailed(Record record, const Error& error);
  Record DestinationFailed(Record record, const Error& error);
  void Settle(const Record& record);
  void DeleteSource(const SourceFile& file);
  void RemoveLeftoversBeside(const std::string& path);

  Remote& remote_;
  TransferReporter& reporter_;
  ManifestFile* manifest_;
  const Clock& clock_;
  std::function<bool()> stop_;
  TransferOptions options_;

  Totals totals_;
  bool stopped_ = false;
  bool source_trouble_ = false;
  std::optional<ExitCode> destination_trouble_;
  std::optional<FileStamp> confirmed_;  ///< of the last file, where it may be deleted
  std::set<std::string> visited_folders_;
};

}  // namespace roost::upload

#pragma once

#include <algorithm>
#include <cerrno>
#include <limits>
#include <memory>
#include <string>

#include "dag/run/journal.h"
#include "roost/base/error.h"

namespace roost::dag {

/// A disk for a Journal: what was written, what of that would survive a power cut, and how much still fits.
struct FakeDisk {
  std::string written;
  std::size_t synced = 0;  ///< so many bytes of it
  int appends = 0;
  int syncs = 0;
  std::size_t room = std::numeric_limits<std::size_t>::max();

  /// The log as a power cut leaves it.
  std::string AfterPowerCut() const { return written.substr(0, synced); }
};

/// `disk` must outlive the file.
class FakeJournalFile final : public JournalFile {
 public:
  explicit FakeJournalFile(FakeDisk& disk) : disk_(disk) {}

  Result<void> Append(std::string_view bytes) override {
    ++disk_.appends;
    const std::size_t fits = std::min(bytes.size(), disk_.room);
    disk_.written += bytes.substr(0, fits);
    disk_.room -= fits;
    if (fits < bytes.size()) return ErrnoError(ENOSPC, "write", "x.dag.nodes.log");
    return {};
  }
  Result<void> Sync() override {
    ++disk_.syncs;
    disk_.synced = disk_.written.size();
    return {};
  }

 private:
  FakeDisk& disk_;
};

}  // namespace roost::dag

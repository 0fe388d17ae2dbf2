#include "upload/transfer.h"

#include <cerrno>
#include <utility>

#include <unistd.h>

namespace roost::upload {

ExitCode Transfer::Run(const SourceTree& tree) {
  const auto begin = clock_.Now();
  std::uint64_t bytes = 0;
  for (const SourceFile& file : tree.files) bytes += file.size;
  reporter_.Started(tree.files.size(), bytes);
  totals_.half_written = tree.half_written.size();
  for (const std::string& pattern : tree.idle_includes) {
    reporter_.Problem("warning: no file matches --include '" + pattern + "'");
  }

  std::optional<Error> end;
  try {
    SendAll(tree);
  } catch (const Error& error) {
    end = error;
  }
  totals_.elapsed = clock_.Now() - begin;
  totals_.left = tree.files.size() + tree.unusable.size() - totals_.sent - totals_.skipped - totals_.failed;
  reporter_.Finished(totals_);

  if (end) throw *end;
  if (stopped_) return ExitCode::kTryAgain;
  if (destination_trouble_) return *destination_trouble_;
  return source_trouble_ ? ExitCode::kSomeUnusable : ExitCode::kOk;
}

void Transfer::SendAll(const SourceTree& tree) {
  if (!options_.dry_run) remote_.Open();
  source_trouble_ = !tree.unusable.empty();
  for (const Unusable& entry : tree.unusable) Settle(NotUsable(entry));
  for (const SourceFile& file : tree.files) {
    if (stopped_ || stop_()) {
      stopped_ = true;
      return;
    }
    const Record record = Deliver(file);
    if (stopped_) return;
    Settle(record);  // on record first: a source is deleted only where something says why
    if (options_.delete_after_verify && !options_.dry_run && record.Confirmed()) DeleteSource(file);
  }
}

/// Compares first, sends where that is needed.
Record Transfer::Deliver(const SourceFile& file) {
  confirmed_.reset();
  Record record{.path = file.path,
                .source = std::filesystem::absolute(file.local).lexically_normal().string(),
                .destination = remote_.Name(),
                .link = file.link,
                .size = file.size};
  auto source = SourceReader::Open(file.local);
  if (!source) return SourceFailed(std::move(record), source.error());
  record.size = source->stamp().size;
  record.mtime_ns = source->stamp().mtime_ns;

  if (!options_.dry_run) RemoveLeftoversBeside(file.path);
  const auto held = remote_.Find(file);
  if (!held) return DestinationFailed(std::move(record), held.error());

  if (held->has_value() && (*held)->size == record.size) {
    const bool may_delete = options_.delete_after_verify && !options_.dry_run;
    const Proof proof = may_delete ? Proof::kOnDisk : Proof::kAsSeen;
    const auto same = (*held)->is_source ? Result<bool>(true) : remote_.Matches(file.path, *source, proof);
    if (!same && source->failed()) return SourceFailed(std::move(record), same.error());
    if (!same) return DestinationFailed(std::move(record), same.error());
    if (*same) {
      const auto digest = source->Sha256();
      if (!digest) return SourceFailed(std::move(record), digest.error());
      record.sha256 = *digest;
      record.size = source->size();
      record.outcome = Outcome::kSkipped;
      if (!(*held)->is_source) confirmed_ = source->stamp();
      return record;
    }
  }
  if (options_.dry_run) {
    record.outcome = held->has_value() ? Outcome::kWouldReplace : Outcome::kWouldSend;
    return record;
  }

  const auto put = remote_.Put(file.path, *source, [&](std::uint64_t bytes) {
    totals_.bytes_sent += bytes;
    reporter_.Moved(file.path, bytes);
    stopped_ = stop_();
    return !stopped_;
  });
  if (!put && source->failed()) return SourceFailed(std::move(record), put.error());
  if (!put) return DestinationFailed(std::move(record), put.error());
  const auto digest = source->Sha256();
  if (!digest) return SourceFailed(std::move(record), digest.error());
  record.sha256 = *digest;
  record.size = source->size();
  record.outcome = held->has_value() ? Outcome::kReplaced : Outcome::kSent;
  confirmed_ = source->stamp();
  return record;
}

Record Transfer::NotUsable(const Unusable& entry) const {
  return {.path = entry.path,
          .source = std::filesystem::absolute(entry.local).lexically_normal().string(),
          .destination = remote_.Name(),
          .error = "'" + entry.local.string() + "': " + entry.reason};
}

Record Transfer::SourceFailed(Record record, const Error& error) {
  source_trouble_ = true;
  record.error = error.message();
  return record;
}

Record Transfer::DestinationFailed(Record record, const Error& error) {
  if (!destination_trouble_) destination_trouble_ = error.code();
  record.error = error.message();
  return record;
}

void Transfer::Settle(const Record& record) {
  switch (record.outcome) {
    case Outcome::kSent:
    case Outcome::kReplaced:
    case Outcome::kWouldSend:
    case Outcome::kWouldReplace:
      ++totals_.sent;
      break;
    case Outcome::kSkipped:
      ++totals_.skipped;
      break;
    case Outcome::kFailed:
      ++totals_.failed;
      break;
  }
  if (record.link && record.outcome != Outcome::kFailed) ++totals_.links;
  reporter_.Settled(record);
  if (manifest_ != nullptr && !options_.dry_run) manifest_->Append(record).value();
}

void Transfer::DeleteSource(const SourceFile& file) {
  const std::string name = "'" + file.local.string() + "'";
  if (!confirmed_) {
    return reporter_.Problem(name + " stays: it is the file at the destination itself");
  }
  if (StampOf(file.local) != confirmed_) {
    source_trouble_ = true;
    return reporter_.Problem(name + " stays: it changed after it was sent");
  }
  if (::unlink(file.local.c_str()) != 0) {
    source_trouble_ = true;
    return reporter_.Problem(name + " stays: " + ErrnoError(errno, "delete", file.local).message());
  }
  ++totals_.deleted;
}

void Transfer::RemoveLeftoversBeside(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
  if (visited_folders_.insert(folder).second) remote_.RemoveLeftovers(folder);
}

}  // namespace roost::upload

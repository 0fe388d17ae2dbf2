#include "upload/console_reporter.h"

#include <algorithm>

#include "roost/base/text.h"

namespace roost::upload {
namespace {

constexpr auto kRedrawEvery = std::chrono::milliseconds(100);

std::string Count(std::uint64_t n, const char* what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::string Rate(std::uint64_t bytes, std::chrono::duration<double> elapsed) {
  const double seconds = std::max(elapsed.count(), 1e-3);
  return FormatBytes(static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds)) + "/s";
}

}  // namespace

void ConsoleReporter::Started(std::uint64_t files, std::uint64_t bytes) {
  files_ = files;
  bytes_ = bytes;
  begin_ = clock_.Now();
}

void ConsoleReporter::Moved(const std::string& path, std::uint64_t bytes) {
  bytes_moved_ += bytes;
  bytes_of_current_ += bytes;
  DrawProgress(path);
}

void ConsoleReporter::Settled(const Record& record) {
  ++files_settled_;
  bytes_settled_ += record.size;
  bytes_of_current_ = 0;
  if (record.outcome == Outcome::kFailed) Problem(record.error);
  ClearProgress();
  const std::string line = options_.json ? JsonLine(record) : TextLine(record);
  std::fwrite(line.data(), 1, line.size(), out_);
  std::fflush(out_);
  DrawProgress(record.path);
}

void ConsoleReporter::Problem(const std::string& text) {
  ClearProgress();
  std::fprintf(err_, "yolo-upload: %s\n", Printable(text).c_str());
}

void ConsoleReporter::Finished(const Totals& totals) {
  ClearProgress();
  if (options_.quiet) return;
  std::string text = options_.dry_run ? "would send " : "sent ";
  text += Count(totals.sent, "file");
  if (totals.bytes_sent > 0) {
    text += " (" + FormatBytes(totals.bytes_sent) + " in " + FormatDuration(totals.elapsed) + ", " +
            Rate(totals.bytes_sent, totals.elapsed) + ")";
  }
  text += " to " + destination_;
  if (totals.skipped > 0) text += ", " + std::to_string(totals.skipped) + " already there";
  if (totals.half_written > 0) text += ", " + std::to_string(totals.half_written) + " half-written left out";
  if (totals.failed > 0) text += ", " + std::to_string(totals.failed) + " failed";
  if (totals.left > 0) text += ", " + std::to_string(totals.left) + " not sent";
  if (totals.links > 0) text += ", " + Count(totals.links, "link") + " followed";
  if (totals.deleted > 0) text += ", " + Count(totals.deleted, "source") + " deleted after verification";
  std::fprintf(err_, "yolo-upload: %s\n", Printable(text).c_str());
}

Result<void> ConsoleReporter::Flush() {
  if (std::fflush(out_) == 0 && std::ferror(out_) == 0) return {};
  return Error("cannot write the manifest to standard output", ExitCode::kCannotCreate);
}

void ConsoleReporter::DrawProgress(const std::string& path) {
  if (!terminal_.interactive || options_.quiet) return;
  const auto now = clock_.Now();
  if (now - last_drawn_ < kRedrawEvery) return;
  last_drawn_ = now;

  const std::uint64_t done = std::min(bytes_settled_ + bytes_of_current_, bytes_);
  const std::chrono::duration<double> elapsed = now - begin_;
  std::string line = std::to_string(files_settled_) + "/" + Count(files_, "file") + "  " + FormatBytes(done) +
                     "/" + FormatBytes(bytes_) + "  " + Rate(bytes_moved_, elapsed);
  if (done > 0 && done < bytes_) {
    line +=
        "  ETA " + FormatDuration(elapsed * (static_cast<double>(bytes_ - done) / static_cast<double>(done)));
  }
  line += "  " + path;
  line.resize(
      std::min<std::size_t>(line.size(), static_cast<std::size_t>(std::max(terminal_.columns - 1, 1))));
  std::fprintf(err_, "\r\033[K%s", Printable(line).c_str());
  std::fflush(err_);
  drawn_ = true;
}

void ConsoleReporter::ClearProgress() {
  if (!drawn_) return;
  std::fprintf(err_, "\r\033[K");
  std::fflush(err_);
  drawn_ = false;
}

}  // namespace roost::upload

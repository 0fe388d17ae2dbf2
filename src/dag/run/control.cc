#include "dag/run/control.h"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include "dag/report/history.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

namespace fs = std::filesystem;
using Action = ControlRequest::Action;

constexpr std::string_view kSuffix = ".request";
constexpr std::uint64_t kLongestRequest = 1 << 16;

Path FolderOf(const Path& dag_file) { return dag_file.string() + ".control"; }

const char* NameOf(Action action) {
  switch (action) {
    case Action::kHold:
      return "hold";
    case Action::kRelease:
      return "release";
    case Action::kRemove:
      return "remove";
  }
  return "";
}

/// Three lines: what, to which jobs, why.
std::string Format(const ControlRequest& request) {
  return std::string(NameOf(request.action)) + "\n" + Printable(request.target) + "\n" +
         Printable(request.reason) + "\n";
}

Result<ControlRequest> Parse(std::string_view text, const Path& file) {
  const std::vector<std::string> lines = Split(text, '\n');
  if (lines.size() >= 3) {
    for (const Action action : {Action::kHold, Action::kRelease, Action::kRemove}) {
      if (lines[0] == NameOf(action)) return ControlRequest{action, lines[1], lines[2]};
    }
  }
  return Error("'" + file.string() + "' is not a request that this dagrun understands");
}

}  // namespace

void SendRequest(const Path& dag_file, const ControlRequest& request) {
  if (!IsRunning(dag_file)) {
    throw Error("no dagrun runs '" + dag_file.string() + "'", ExitCode::kFailed,
                "Requests reach a running dagrun on this host only.");
  }
  // Names in order of time, so that a hold before a release is taken before it.
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string name = std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()) +
                           "-" + std::to_string(::getpid()) + std::string(kSuffix);
  WriteFileAtomically(FolderOf(dag_file) / name, Format(request), AtomicFile::Sync::kNo).value();
}

ControlBox::ControlBox(const Path& dag_file) : folder_(FolderOf(dag_file)) {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);  // requests to a dagrun that is gone
  MakeDirectories(folder_);
}

ControlBox::~ControlBox() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::vector<ControlRequest> ControlBox::Take(std::vector<std::string>& warnings) {
  std::error_code error;
  const fs::file_time_type changed = fs::last_write_time(folder_, error);
  if (error || changed == seen_) return {};
  // A change within the grain of the file system's clock would look like none.
  constexpr std::chrono::milliseconds kGrain{100};
  seen_ = fs::file_time_type::clock::now() - changed > kGrain ? changed : fs::file_time_type::min();

  std::vector<Path> files;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    if (entry.path().extension() == kSuffix && !IsAtomicTemporary(entry.path()))
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<ControlRequest> requests;
  for (const Path& file : files) {
    const auto text = ReadRegularFile(file, kLongestRequest);
    auto request = text ? Parse(*text, file) : Result<ControlRequest>(text.error());
    fs::remove(file, error);
    if (request) {
      requests.push_back(std::move(*request));
    } else {
      warnings.push_back(request.error().message());
    }
  }
  return requests;
}

}  // namespace roost::dag

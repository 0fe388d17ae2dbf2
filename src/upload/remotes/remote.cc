#include "upload/remotes/remote.h"

#include <array>
#include <string_view>

#include "upload/remotes/folder.h"

namespace roost::upload {
namespace {

/// One kind of destination. `make` gets what follows `prefix`; without it the kind is only planned.
struct Kind {
  std::string_view prefix;
  std::string_view form;
  std::unique_ptr<Remote> (*make)(const std::string& rest, const Clock& clock);
};

constexpr std::array<Kind, 4> kKinds = {{
    {"folder:", "folder:PATH", MakeFolder},
    {"drive:", "drive:FOLDER_ID", nullptr},
    {"webdav+https://", "webdav+https://HOST/PATH", nullptr},
    {"s3://", "s3://BUCKET/PREFIX", nullptr},
}};

std::string KnownForms() {
  std::string forms;
  for (const Kind& kind : kKinds) {
    if (kind.make == nullptr) continue;
    forms.append(forms.empty() ? "" : ", ").append(kind.form);
  }
  return forms;
}

}  // namespace

std::unique_ptr<Remote> MakeRemote(const std::string& text, const Clock& clock) {
  for (const Kind& kind : kKinds) {
    if (!text.starts_with(kind.prefix)) continue;
    if (kind.make != nullptr) return kind.make(text.substr(kind.prefix.size()), clock);
    throw Error("--to " + std::string(kind.form) + " is not supported yet", ExitCode::kUsage,
                "This version sends to: " + KnownForms());
  }
  const bool looks_like_path = text.find(':') == std::string::npos && !text.empty();
  throw Error("--to '" + text + "' is not a destination that yolo-upload knows", ExitCode::kUsage,
              looks_like_path ? "For a folder write --to folder:" + text : "Known: " + KnownForms());
}

}  // namespace roost::upload

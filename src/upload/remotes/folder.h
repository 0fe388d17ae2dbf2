#pragma once

#include <memory>
#include <string>

#include "upload/remotes/remote.h"

namespace roost::upload {

/// A folder of this machine or a mounted share. `path` may be relative to the working directory; throws Error
/// (usage) where it is empty.
///
/// A file is written as ".yolo-upload.HOST.PID-START.N.part" beside its name, synced, read back, and renamed.
/// It gets the modification time of its source, and the permissions of any new file (umask). A leftover of
/// that form is removed when its process on this host is gone, or when nobody wrote to it for a day.
/// `clock` outlives the remote.
std::unique_ptr<Remote> MakeFolder(const std::string& path, const Clock& clock);

}  // namespace roost::upload

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "roost/base/error.h"
#include "roost/base/files.h"

namespace roost::upload {

/// One file to send.
struct SourceFile {
  Path local;        ///< where it is read
  std::string path;  ///< where it goes: relative to the destination, '/' between names
  std::uint64_t size = 0;
  bool link = false;  ///< a symbolic link: what it points to is sent, under the name of the link
};

/// Something under a SOURCE that cannot be sent.
struct Unusable {
  Path local;
  std::string path;  ///< where it would have gone
  std::string reason;
};

/// Everything that the SOURCE arguments name.
struct SourceTree {
  std::vector<SourceFile> files;  ///< in order of `path`, each path once
  std::vector<Unusable> unusable;
};

/// Which files are wanted. A pattern is a shell glob (fnmatch(3)): without '/' it is compared with names,
/// with
/// '/' with whole paths below the SOURCE, where '*' does not match '/'. A pattern that matches a folder
/// speaks for everything in it.
struct Filter {
  std::vector<std::string> include;  ///< none = everything
  std::vector<std::string> exclude;  ///< wins over `include`

  /// `path`: of a file, relative to its SOURCE.
  bool Takes(const std::string& path) const;
};

/// One SOURCE argument and its place at the destination.
struct SourceRoot {
  Path local;
  std::string path;  ///< empty: the destination itself takes the content
};

/// Where a SOURCE argument goes: "a/exp" (file or folder) to "exp", the content of "a/exp/" into the
/// destination itself. "." and "a/.." have the name of the folder that they mean. Throws Error where there is
/// no such SOURCE, or no right to read it.
SourceRoot PlaceSource(const std::string& argument);

/// Lists `roots`, folders with everything below them. Symbolic links to files are taken as files; links to
/// folders, dangling links, devices, sockets and folders that cannot be read are `unusable`. Folders are not
/// listed themselves: one without files does not exist for us. `leave_out` names a file that is never listed
/// (the manifest), or is empty. Files whose names say that somebody is still writing them, or was killed at
/// it (IsAtomicTemporary, our own temporaries), are left out. Throws Error (usage) where two files would get
/// the same path.
SourceTree ListSources(const std::vector<SourceRoot>& roots, const Filter& filter, const Path& leave_out);

}  // namespace roost::upload

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
  Path entry;        ///< absolute, its folder without links: one for all ways in which it may be named
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
  /// Left out: their names say that somebody is still writing them, or was killed at it (IsAtomicTemporary,
  /// our own temporaries).
  std::vector<Path> half_written;
  std::vector<std::string> idle_includes;  ///< patterns of Filter::include that no file matches
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

  /// `local` as an absolute name, its folder without links; a link to a folder is that folder. Throws Error.
  Path Entry() const;
};

/// Where a SOURCE argument goes: "a/exp" (file or folder) to "exp", the content of "a/exp/" into the
/// destination itself. "." and "a/.." have the name of the folder that they mean. Throws Error where there is
/// no such SOURCE, or no right to read it.
SourceRoot PlaceSource(const std::string& argument);

/// Throws Error (usage) where one of `roots` is in another, or named twice for two places: when a source is
/// deleted after it was sent, the second place would not get it any more.
void RefuseOverlaps(const std::vector<SourceRoot>& roots);

/// Lists `roots`, folders with everything below them. Symbolic links to files are taken as files; links to
/// folders, dangling links, devices, sockets and folders that cannot be read are `unusable`. Folders are not
/// listed themselves: one without files does not exist for us. `leave_out` names a file that is never listed
/// (the manifest), or is empty. Throws Error (usage) where two files would get the same path.
SourceTree ListSources(const std::vector<SourceRoot>& roots, const Filter& filter, const Path& leave_out);

}  // namespace roost::upload

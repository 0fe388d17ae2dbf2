#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "roost/base/files.h"
#include "yolo/detect/weights.h"

namespace roost::yolo {

/// One thing to look at.
struct Input {
  enum class Kind { kImage, kVideo, kStream };
  Path path;  ///< absolute; of a stream, and before FetchInputs() of a web address: a name fit for files
  Kind kind = Kind::kImage;
  std::string unusable;  ///< why it cannot be used, where that is known without opening it
  /// With --recursive, the folder that the file lies in, seen from its source: results go to the same place
  /// below the output folder. Else empty.
  Path below;
  /// What the user knows it as, where that is not `path`: a web address without password and query, or a
  /// camera number. Else empty.
  std::string origin;
  /// What OpenVideo() opens (streams) or FetchInputs() downloads. May hold a password: not for messages. Of
  /// files empty.
  std::string address;
  /// Tells it from the other inputs of its command line, the same way on every host and whatever else is
  /// there: of what was found in a folder or by a glob its path from there, else what the user wrote (of
  /// addresses without the secrets).
  std::string key;
};

/// What --source names.
struct Inputs {
  std::vector<Input> files;  ///< pictures first, then videos, then streams; each in the order of its sources
  bool from_list = false;    ///< named by a list file: detect.py saves no pictures then
};

struct SourceOptions {
  bool recursive = false;                  ///< folders with everything below them
  std::istream* standard_input = nullptr;  ///< what "-" reads
};

/// Finds what `sources` name, in detect.py's order. A source is
///   - a picture or a video file,
///   - a folder: the pictures and videos in it, sorted, without hidden files; with `recursive` those in its
///     sub-folders, too, without hidden ones, without folders of results of ours and without following links
///     to folders,
///   - a glob with * ? [...] and ** for any depth of folders, sorted; hidden names only where asked for,
///   - a list file (.txt): one of the others per line, or several separated by white space; relative to the
///     working directory; taken in sorted order. Where it holds a NUL character, entries end with NUL, and
///     are taken as they are,
///   - "-": such a list on standard input (find ... -print0 | yolo-detect --source -). Unlike a list file it
///     does not keep annotated pictures from being saved,
///   - an http or https address whose path ends like a picture or video file: to be downloaded,
///   - a live stream: another http(s) address, rtsp://, rtmp://, the number of a camera,
///   - a .streams file: one stream per line (also: a video file, to be played like a stream).
/// What exists under its literal name is never taken for anything else. What several sources name is taken
/// once. Files with other suffixes in a folder or glob are passed over, as are half-written files of other
/// runs. What was named and cannot be used (no such file in a list, another suffix, a folder without
/// pictures) is returned as unusable.
///
/// Throws Error (no input) where a source does not exist or nothing at all is left to do, and Error (usage)
/// for what is no source of ours: the screen, YouTube pages, addresses of other kinds.
Inputs FindInputs(std::vector<std::string> sources, const SourceOptions& options = {});

/// Downloads the pictures and videos that are web addresses into `folder`, and sets their `path`; those that
/// do not come become unusable. `say` is told what takes time. Throws Error, that of the first download,
/// where no input at all is left to use; Error (cannot create) where `folder` cannot be written.
void FetchInputs(std::vector<Input>& inputs, const Fetcher& fetch, const Path& folder,
                 const std::function<void(const std::string&)>& say);

/// Part `index` (from 0, as HTCondor's $(Process)) of `count` parts, in the order of `inputs`. The parts
/// hold each input exactly once. Which part an input is in follows from the name of its results alone, its
/// file name without suffix (and the folder below its source, with `recursive`): neither order nor other
/// inputs nor where the files lie matter, so that jobs on several hosts agree although files come and go
/// between their starts, and inputs that share a label file are in one part. The price is that the parts
/// differ a little in size, and parts of a few inputs may be empty.
std::vector<Input> Shard(std::vector<Input> inputs, std::int64_t index, std::int64_t count);

}  // namespace roost::yolo

#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "roost/base/files.h"
#include "roost/yolo/detection.h"

namespace roost::yolo {

/// One object, as far as summaries of a whole run need it.
struct FoundObject {
  std::int64_t class_id = 0;
  float confidence = 0;
  Box box;  ///< in pixels of the picture
  std::int64_t frame = 0;
};

/// What became of one input.
struct InputRecord {
  std::string input;        ///< its key: see InputKey()
  std::uint64_t size = 0;   ///< of the file, in bytes; 0 for streams
  std::string unusable;     ///< why it could not be used; empty = done
  std::int64_t frames = 0;  ///< pictures seen: 1, or those of a video
  std::int64_t objects = 0;
  std::map<std::string, std::uint64_t> outputs;  ///< files below the output folder, and their sizes
  std::vector<FoundObject> found;                ///< only where a summary is asked for
};

/// How a manifest knows an input again: its path from the working directory where it lies below, since the
/// scratch folder of a batch job is another one after each eviction; else its absolute path.
std::string InputKey(const Path& path, const Path& working_directory);

/// ".roost-manifest.jsonl" in the output folder: which inputs are finished, and which files belong to them.
/// One JSON object a line: for each run a header with its settings, then its records in the order in which
/// they were finished. A record is one append after the files that it names have their names, so that a run
/// that was killed can go on: at worst one input that was finished is not noted, and done again. On going on,
/// files are checked to be there and of the size noted, which also finds those that a power cut took.
///
/// A lock on the file keeps two runs from going on at once; where file systems know no locks there is none.
class Manifest {
 public:
  struct Options {
    Path folder;
    std::string name;  ///< of the shard, where several jobs share the folder: "3of8"
    bool resume = false;
    bool owns_labels = false;  ///< for a new run: every label file in the folder will be ours
  };

  /// Starts a new run, after what is noted of earlier ones; or, with `resume`, goes on with the last one. A
  /// new run beside one that is under way uses a manifest of its own, with the name of host and process in
  /// its name. Throws Error: the run to go on with is under way (try again), or had other settings (usage).
  Manifest(const Options& options, const nlohmann::json& settings);

  /// Inputs of this run that were finished before it was interrupted, and whose files are still what they
  /// were; in the order of the file.
  const std::vector<InputRecord>& finished() const { return finished_; }

  /// Notes, before it is written, that the label file `name` ("labels/a.txt") will be ours: were the process
  /// killed between file and record, nobody would know. Notes nothing where all label files are ours anyway.
  /// Throws Error (cannot create).
  void Claim(const std::string& name);

  /// Throws Error (cannot create).
  void Add(const InputRecord& record);

  /// "-3of8", "-host-4711", or "": what the names of other files about the run carry.
  const std::string& suffix() const { return suffix_; }
  const Path& path() const { return path_; }

  /// Files below the folder ("a.jpg", "labels/a.txt") that runs noted as theirs, in all manifests in it;
  /// `all_labels`: one of them owned all label files.
  struct Ownership {
    bool any = false;  ///< there is a manifest
    bool all_labels = false;
    std::set<std::string> files;
  };
  static Ownership OutputsIn(const Path& folder);

 private:
  Path path_;
  std::string suffix_;
  FileDescriptor file_;
  bool owns_labels_ = false;
  std::vector<InputRecord> finished_;
};

}  // namespace roost::yolo

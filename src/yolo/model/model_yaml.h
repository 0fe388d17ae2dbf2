#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "roost/base/files.h"
#include "roost/yolo/module.h"

namespace roost::yolo {

/// One line of `backbone` or `head`: [from, number, module, args].
struct LayerYaml {
  AttributeList from;  ///< one number, or several where the YAML has a list
  bool reads_several = false;
  std::int64_t number = 1;
  std::string module;  ///< "C3", "nn.Upsample"
  AttributeList args;  ///< with `nc`, `anchors`, None, True and False put in
  int line = 0;        ///< of the file, counted from 1
};

/// A network as YOLOv5's models/*.yaml describe it.
struct ModelYaml {
  std::string file;  ///< for messages
  std::int64_t classes = 0;
  std::int64_t channels = 3;  ///< of the picture
  double depth_multiple = 1, width_multiple = 1;
  Attribute anchors;  ///< a list per level of [width, height, width, height, ...] in pixels, or their number
  std::string activation;  ///< "nn.LeakyReLU(0.1)"; empty: SiLU
  std::vector<LayerYaml> layers;
  /// The file as Python's yaml.safe_load() gives it, with what was changed and `ch`: `yaml` of a model.
  AttributeMap document;

  /// An Error (bad data): "<file>:<line>: <what>".
  Error Wrong(int line, const std::string& what) const;
};

/// What a training sets in place of what the description says.
struct ModelYamlChanges {
  std::optional<std::int64_t> classes;  ///< those of the data
  std::optional<std::int64_t> anchors;  ///< how many per level: their sides are found in the data later
};

/// Throws Error (bad data with file and line; no input) where the file is no such description.
ModelYaml ReadModelYaml(const Path& file, const ModelYamlChanges& changes = {});

/// The description that a model of a checkpoint carries with it (its attribute `yaml`), read like a file.
/// Throws Error (bad data) where it has none.
ModelYaml ModelYamlOf(const Module& model, const ModelYamlChanges& changes = {});

}  // namespace roost::yolo

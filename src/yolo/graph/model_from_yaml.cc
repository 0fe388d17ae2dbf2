#include "yolo/graph/model_from_yaml.h"

#include "roost/yolo/graph.h"
#include "yolo/model/model_builder.h"
#include "yolo/model/model_yaml.h"

namespace roost::yolo {

std::shared_ptr<const Module> ModelFromYaml(const Path& model_yaml) {
  return ModelFromYaml(ReadModelYaml(model_yaml));
}

std::shared_ptr<const Module> ModelFromYaml(const ModelYaml& model_yaml) {
  BuiltModel built = BuildModel(model_yaml);
  try {
    // Strides follow from the shapes of the maps; any will do to get there.
    SetStrides(built, std::vector<double>(static_cast<std::size_t>(built.head->Int("nl")), 1.0));
    SetStrides(built, LevelStrides(Lower(*built.model)));
  } catch (const Error& error) {
    throw Error(model_yaml.file + ": " + error.message(), error.code(), error.hint());
  }
  return built.model;
}

}  // namespace roost::yolo

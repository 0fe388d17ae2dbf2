// What models/yolo.py's parse_model() builds of a YAML. Here is its loop over the layers; the rest of it,
// from the top down:
//   model_builder_layers  which module each name of a YAML means, and with what arguments and channels
//   model_builder_blocks  the constructors of YOLOv5's own blocks
//   model_builder_torch   the constructors of torch.nn's modules, and what all modules are put together from
//   model_builder_args    the arguments of a layer

#include "yolo/model/model_builder.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "yolo/model/model_builder_layers.h"
#include "yolo/model/model_builder_torch.h"

namespace roost::yolo {
namespace {

using build::ModulePtr;

constexpr std::int64_t kMaxRepeats = 1000;

class Parser {
 public:
  explicit Parser(const ModelYaml& yaml) : yaml_(yaml) {}

  BuiltModel Build() {
    std::vector<ModulePtr> layers;
    std::vector<std::int64_t> channels;  // of the layers so far
    for (const LayerYaml& layer : yaml_.layers) {
      const build::Layer built = BuildLayer(layer, channels);
      const auto index = static_cast<std::int64_t>(layers.size());
      if (built.channels < 1 || built.channels > build::kMaxChannels) {
        throw yaml_.Wrong(layer.line, std::to_string(built.channels) + " channels");
      }
      build::Set(built.module, "i", {index});
      build::Set(built.module, "f", layer.reads_several ? Attribute{layer.from} : layer.from.front());
      layers.push_back(built.module);
      channels.push_back(built.channels);
    }
    if (layers.empty()) throw yaml_.Wrong(1, "has no layers");
    const bool segments = layers.back()->class_name == "models.yolo.Segment";
    if (!segments && layers.back()->class_name != "models.yolo.Detect") {
      throw yaml_.Wrong(yaml_.layers.back().line, "the last layer is neither Detect nor Segment");
    }
    BuiltModel built{build::Make(segments ? "models.yolo.SegmentationModel" : "models.yolo.DetectionModel"),
                     layers.back()};
    build::Set(built.model, "yaml", {yaml_.document});
    build::Set(built.model, "nc", {yaml_.classes});
    build::Add(built.model, "model", build::Sequential(layers));
    NamePaths(*built.model);
    return built;
  }

 private:
  /// The trees are ours until they are handed out, also below the top.
  static void NamePaths(const Module& module) {
    for (const auto& [name, child] : module.children) {
      auto& own = const_cast<Module&>(*child);
      own.path = module.path.empty() ? name : module.path + "." + name;
      NamePaths(own);
    }
  }

  std::int64_t ChannelsOf(std::int64_t from, const std::vector<std::int64_t>& channels,
                          const LayerYaml& layer) const {
    const auto count = static_cast<std::int64_t>(channels.size());
    if (from == -1 && count == 0) return yaml_.channels;
    const std::int64_t index = from < 0 ? count + from : from;
    if (index < 0 || index >= count) {
      throw yaml_.Wrong(layer.line,
                        "reads layer " + std::to_string(from) + ", which does not come before it");
    }
    return channels[static_cast<std::size_t>(index)];
  }

  build::Layer BuildLayer(const LayerYaml& layer, const std::vector<std::int64_t>& channels) const {
    std::vector<std::int64_t> in;
    for (const Attribute& from : layer.from) {
      in.push_back(ChannelsOf(std::get<std::int64_t>(from.value), channels, layer));
    }
    if (in.empty()) throw yaml_.Wrong(layer.line, "reads nothing");
    std::int64_t n = layer.number;
    if (n > 1) {  // Python's round() goes to the even neighbour, as nearbyint() does
      n = std::max<std::int64_t>(std::llround(std::nearbyint(static_cast<double>(n) * yaml_.depth_multiple)),
                                 1);
    }
    if (n > kMaxRepeats) throw yaml_.Wrong(layer.line, "repeats its module " + std::to_string(n) + " times");
    return build::MakeLayer(yaml_, layer, in, n);
  }

  const ModelYaml& yaml_;
};

}  // namespace

BuiltModel BuildModel(const ModelYaml& yaml) { return Parser(yaml).Build(); }

void SetStrides(BuiltModel& built, const std::vector<double>& strides) {
  std::optional<Tensor>& buffer = built.head->buffers.front().second;
  const std::int64_t levels = buffer->shape[0];
  if (static_cast<std::int64_t>(strides.size()) != levels) {
    throw built.head->Wrong(std::to_string(strides.size()) + " strides for " + std::to_string(levels) +
                            " levels");
  }
  std::vector<float> anchors = buffer->ToFloats();
  const auto per_level = static_cast<std::ptrdiff_t>(anchors.size() / strides.size());
  const auto area = [&](std::ptrdiff_t level) {
    double sum = 0;
    for (std::ptrdiff_t i = level * per_level; i < (level + 1) * per_level; i += 2) {
      sum += static_cast<double>(anchors[static_cast<std::size_t>(i)]) *
             anchors[static_cast<std::size_t>(i + 1)];
    }
    return sum;
  };
  const double anchors_grow = area(levels - 1) - area(0);
  const double strides_grow = strides.back() - strides.front();
  if (anchors_grow * strides_grow < 0) {
    std::vector<float> flipped;
    for (std::ptrdiff_t level = levels; level-- > 0;) {
      const auto first = anchors.begin() + level * per_level;
      flipped.insert(flipped.end(), first, first + per_level);
    }
    anchors = std::move(flipped);
  }
  for (std::size_t i = 0; i < anchors.size(); ++i) {
    anchors[i] /= static_cast<float>(strides[i / static_cast<std::size_t>(per_level)]);
  }
  buffer = Tensor::FromFloats(buffer->shape, std::move(anchors));
  const std::vector<float> numbers(strides.begin(), strides.end());
  for (const ModulePtr& module : {built.head, built.model}) {
    std::erase_if(module->attributes, [](const auto& attribute) { return attribute.first == "stride"; });
    build::Set(module, "stride", {Tensor::FromFloats({levels}, numbers)});
  }
}

}  // namespace roost::yolo

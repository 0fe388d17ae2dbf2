#include "yolo/model/model_yaml.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <yaml-cpp/yaml.h>

#include "roost/base/text.h"

namespace roost::yolo {
namespace {

// The longest published file has 60 layers and 3 KB.
constexpr std::size_t kMaxFileSize = 1 << 20;
constexpr std::size_t kMaxLayers = 10'000;
constexpr std::size_t kMaxItems = 1000;
constexpr int kMaxDepth = 4;
// Far above any channel count, kernel or stride, and small enough to multiply a few of them.
constexpr std::int64_t kMaxNumber = 1'000'000;

class Reader {
 public:
  /// `name`: of the description, for messages.
  Reader(std::string name, const ModelYamlChanges& changes) : changes_(changes) {
    yaml_.file = std::move(name);
  }

  ModelYaml Read(const std::string& text) {
    if (text.size() > kMaxFileSize) throw yaml_.Wrong(1, "is too large for a model description");
    try {
      return Read(YAML::Load(text));
    } catch (const YAML::Exception& error) {
      throw yaml_.Wrong(std::max(error.mark.line, 0) + 1, error.msg);
    }
  }

  ModelYaml Read(const YAML::Node& root) {
    try {
      if (!root.IsMap()) throw Wrong(root, "is no model description: it has no keys");
      yaml_.classes = changes_.classes.value_or(Whole(Required(root, "nc")));
      yaml_.depth_multiple = Multiple(Required(root, "depth_multiple"));
      yaml_.width_multiple = Multiple(Required(root, "width_multiple"));
      yaml_.anchors = changes_.anchors ? Attribute{*changes_.anchors} : Value(Required(root, "anchors"), 0);
      if (const auto ch = root["ch"]) yaml_.channels = Whole(ch);
      if (const auto activation = root["activation"]) yaml_.activation = activation.as<std::string>();
      for (const char* part : {"backbone", "head"}) {
        const YAML::Node layers = Required(root, part);
        if (!layers.IsSequence()) throw Wrong(layers, std::string(part) + " is no list of layers");
        for (const YAML::Node& layer : layers) yaml_.layers.push_back(Layer(layer));
        if (yaml_.layers.size() > kMaxLayers) throw Wrong(layers, "too many layers");
      }
      yaml_.document = Document(root);
      return std::move(yaml_);
    } catch (const YAML::Exception& error) {
      throw yaml_.Wrong(std::max(error.mark.line, 0) + 1, error.msg);
    }
  }

 private:
  Error Wrong(const YAML::Node& node, const std::string& what) const {
    return yaml_.Wrong(node.Mark().line + 1, what);
  }

  YAML::Node Required(const YAML::Node& root, const char* key) const {
    const YAML::Node node = root[key];
    if (!node) {
      throw yaml_.Wrong(1, "has no '" + std::string(key) + "', so it is no model description");
    }
    return node;
  }

  std::int64_t Whole(const YAML::Node& node) const {
    const auto number = node.as<std::int64_t>();
    if (number < 1 || number > kMaxNumber) throw Wrong(node, std::to_string(number) + " cannot be");
    return number;
  }

  double Multiple(const YAML::Node& node) const {
    constexpr double kMaxMultiple = 100;
    const auto multiple = node.as<double>();
    if (!(multiple > 0 && multiple <= kMaxMultiple)) throw Wrong(node, node.Scalar() + " cannot be");
    return multiple;
  }

  LayerYaml Layer(const YAML::Node& node) const {
    if (!node.IsSequence() || node.size() != 4) {
      throw Wrong(node, "a layer is a list of four: [from, number, module, args]");
    }
    LayerYaml layer;
    layer.line = node.Mark().line + 1;
    const Attribute from = Value(node[0], 0);
    const auto* several = std::get_if<AttributeList>(&from.value);
    layer.reads_several = several != nullptr;
    layer.from = several != nullptr ? *several : AttributeList{from};
    for (const Attribute& one : layer.from) {
      if (!std::holds_alternative<std::int64_t>(one.value))
        throw Wrong(node, "'from' holds no layer numbers");
    }
    layer.number = Whole(node[1]);
    layer.module = node[2].as<std::string>();
    const Attribute args = Value(node[3], 0);
    const auto* list = std::get_if<AttributeList>(&args.value);
    if (list == nullptr) throw Wrong(node, "the arguments of a layer are a list");
    layer.args = *list;
    return layer;
  }

  AttributeMap Document(const YAML::Node& root) const {
    const Attribute as_it_is = Plain(root, 0);
    AttributeMap document = std::get<AttributeMap>(as_it_is.value);
    const auto set = [&](const std::string& key, const Attribute& value) {
      for (AttributeItem& item : document) {
        const auto* text = std::get_if<std::string>(&item.key.value);
        if (text == nullptr || *text != key) continue;
        item.value = value;
        return;
      }
      document.push_back(TextItem(key, value));
    };
    set("nc", {yaml_.classes});
    set("ch", {yaml_.channels});
    if (changes_.anchors) set("anchors", {*changes_.anchors});
    return document;
  }

  /// A value as YAML understands it: names of values ("nc", "None") stay texts.
  Attribute Plain(const YAML::Node& node, int depth) const {
    if (depth > kMaxDepth + 2 || node.size() > kMaxLayers) throw Wrong(node, "a list too deep or too long");
    if (node.IsMap()) {
      AttributeMap map;
      for (const auto& item : node) {
        map.push_back(TextItem(item.first.Scalar(), Plain(item.second, depth + 1)));
      }
      return {std::move(map)};
    }
    if (node.IsSequence()) {
      AttributeList list;
      for (const YAML::Node& item : node) list.push_back(Plain(item, depth + 1));
      return {std::move(list)};
    }
    if (node.IsNull()) return {};
    const std::string& text = node.Scalar();
    const std::string lower = ToLower(text);
    if (lower == "true" || lower == "false") return {lower == "true"};
    if (const auto number = ParseInt(text)) return {*number};
    if (const auto number = ParseDouble(text)) return {*number};
    return {text};
  }

  /// A scalar as YAML and, where that leaves a text, Python understand it; or a list of such.
  Attribute Value(const YAML::Node& node, int depth) const {
    if (node.IsSequence()) {
      if (depth == kMaxDepth || node.size() > kMaxItems) throw Wrong(node, "a list too deep or too long");
      AttributeList list;
      for (const YAML::Node& item : node) list.push_back(Value(item, depth + 1));
      return {std::move(list)};
    }
    if (node.IsNull()) return {};
    if (!node.IsScalar()) throw Wrong(node, "a number, a text or a list was expected");
    const std::string& text = node.Scalar();
    if (text == "None") return {};
    if (text == "nc") return {yaml_.classes};
    if (text == "anchors") return yaml_.anchors;
    const std::string lower = ToLower(text);
    if (lower == "true" || lower == "false") return {lower == "true"};
    if (const auto number = ParseInt(text)) {
      if (*number < -kMaxNumber || *number > kMaxNumber) throw Wrong(node, text + " cannot be");
      return {*number};
    }
    if (const auto number = ParseDouble(text)) return {*number};
    return {text};
  }

  ModelYamlChanges changes_;
  ModelYaml yaml_;
};

/// The way back from Python's values.
YAML::Node NodeOf(const Attribute& attribute) {
  struct Visitor {
    YAML::Node operator()(std::monostate) const { return YAML::Node(YAML::NodeType::Null); }
    YAML::Node operator()(bool value) const { return YAML::Node(value ? "True" : "False"); }
    YAML::Node operator()(std::int64_t value) const { return YAML::Node(std::to_string(value)); }
    YAML::Node operator()(double value) const { return YAML::Node(value); }
    YAML::Node operator()(const std::string& value) const { return YAML::Node(value); }
    YAML::Node operator()(const AttributeList& list) const {
      YAML::Node node(YAML::NodeType::Sequence);
      for (const Attribute& item : list) node.push_back(NodeOf(item));
      return node;
    }
    YAML::Node operator()(const AttributeMap& map) const {
      YAML::Node node(YAML::NodeType::Map);
      for (const auto& [key, value] : map) {
        if (const auto* text = std::get_if<std::string>(&key.value)) node[*text] = NodeOf(value);
      }
      return node;
    }
    YAML::Node operator()(const Tensor& /*value*/) const { return YAML::Node("a tensor"); }
    YAML::Node operator()(const OpaqueObject& value) const { return YAML::Node(value.class_name); }
  };
  return std::visit(Visitor(), attribute.value);
}

}  // namespace

Error ModelYaml::Wrong(int line, const std::string& what) const {
  return Error(file + ":" + std::to_string(line) + ": " + what, ExitCode::kBadData);
}

ModelYaml ReadModelYaml(const Path& file, const ModelYamlChanges& changes) {
  return Reader(file.string(), changes).Read(ReadRegularFile(file, kMaxFileSize).value());
}

ModelYaml ModelYamlOf(const Module& model, const ModelYamlChanges& changes) {
  const Attribute* yaml = model.FindAttribute("yaml");
  if (yaml == nullptr || !std::holds_alternative<AttributeMap>(yaml->value)) {
    throw model.Wrong("does not say how it is built: it has no 'yaml'");
  }
  return Reader("the model's description", changes).Read(NodeOf(*yaml));
}

}  // namespace roost::yolo

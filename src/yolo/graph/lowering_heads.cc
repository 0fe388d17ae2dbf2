// Heads: last layers, which make rows of numbers of feature maps.

#include <array>

#include "yolo/graph/lowering.h"

namespace roost::yolo {
namespace {

/// strides of Detect: a tensor with one number per level.
std::vector<double> StridesOf(const Module& m) {
  const Attribute* attribute = m.FindAttribute("stride");
  const Tensor* tensor =
      attribute != nullptr ? std::get_if<Tensor>(&attribute->value) : m.FindTensor("stride");
  if (tensor == nullptr || tensor->shape.size() != 1) throw m.Wrong("has no strides");
  const Weights strides = Floats(m, "stride", *tensor);
  return {strides->begin(), strides->end()};
}

/// One 1x1 convolution per level, then boxes from all of them, each with `masks` coefficients.
Value LowerBoxes(const Module& m, const std::vector<Value>& inputs, std::int64_t masks, Graph& g) {
  const auto levels = static_cast<std::int64_t>(inputs.size());
  const std::int64_t anchors_per_level = m.Int("na");
  DetectOp op{.classes = m.Int("nc"), .masks = masks, .strides = StridesOf(m), .anchors = {}};

  const Tensor& anchors = m.RequiredTensor("anchors");
  const std::vector<std::int64_t> expected{levels, anchors_per_level, 2};
  const auto heads = static_cast<std::int64_t>(m["m"].children.size());
  if (m.Int("nl") != levels || heads != levels || static_cast<std::int64_t>(op.strides.size()) != levels) {
    throw m.Wrong("nl " + std::to_string(m.Int("nl")) + ", " + std::to_string(levels) + " inputs, " +
                  std::to_string(heads) + " convolutions and " + std::to_string(op.strides.size()) +
                  " strides do not fit together");
  }
  if (anchors.shape != expected) {
    throw m.Wrong("anchors are a tensor of " + Text(anchors.shape) + ", not of " + Text(expected));
  }
  constexpr std::int64_t kMaxClasses = 1 << 20;
  if (op.classes < 1 || op.classes > kMaxClasses || m.Int("no") != op.classes + 5 + masks) {
    throw m.Wrong("no " + std::to_string(m.Int("no")) + " does not fit nc " + std::to_string(op.classes));
  }

  const Weights sizes = Floats(m, "anchors", anchors);  // in units of the stride
  std::vector<Value> outputs;
  std::size_t next = 0;
  for (std::size_t level = 0; level < inputs.size(); ++level) {
    const auto stride = static_cast<float>(op.strides[level]);
    auto& of_level = op.anchors.emplace_back();
    for (std::int64_t a = 0; a < anchors_per_level; ++a, next += 2) {
      of_level.emplace_back((*sizes)[next] * stride, (*sizes)[next + 1] * stride);
    }
    outputs.push_back(Lower(m["m"][m["m"].children[level].first], inputs[level], g));
  }
  return g.Detect(std::move(outputs), std::move(op), m.path);
}

// [n, c_i, h_i, w_i]... -> [n, boxes, 5 + classes]
Value LowerDetect(const Module& m, const std::vector<Value>& inputs, Graph& g) {
  return LowerBoxes(m, inputs, 0, g);
}

// Detect with mask coefficients, and the prototypes that they weigh, from the finest map.
// [n, c_i, h_i, w_i]... -> [n, boxes, 5 + classes + masks] and [n, masks, 2 h_0, 2 w_0]
Value LowerSegment(const Module& m, const std::vector<Value>& inputs, Graph& g) {
  constexpr std::int64_t kMaxMasks = 1 << 16;
  const std::int64_t masks = m.Int("nm");
  if (masks < 1 || masks > kMaxMasks) throw m.Wrong(std::to_string(masks) + " mask coefficients");
  const Value prototypes = Lower(m["proto"], inputs.front(), g);
  if (g.channels(prototypes) != masks) {
    throw m.Wrong(std::to_string(masks) + " mask coefficients for " + std::to_string(g.channels(prototypes)) +
                  " prototypes");
  }
  const Value boxes = LowerBoxes(m, inputs, masks, g);
  g.SetOutputs({boxes, prototypes});
  return boxes;
}

// [n, c, h, w] -> [n, 1, classes]
Value LowerClassify(const Module& m, const std::vector<Value>& inputs, Graph& g) {
  const Value x = inputs.size() == 1 ? inputs.front() : g.Concat(inputs, m.path);
  const Value pooled = Lower(m["drop"], Lower(m["pool"], Lower(m["conv"], x, g), g), g);
  return g.Classify(Lower(m["linear"], pooled, g), m.path);
}

constexpr std::array kBlocks = {
    Block{"models.yolo.Detect", LowerDetect},
    Block{"models.yolo.Segment", LowerSegment},
    Block{"models.common.Classify", LowerClassify},
};

}  // namespace

std::span<const Block> HeadBlocks() { return kBlocks; }

}  // namespace roost::yolo

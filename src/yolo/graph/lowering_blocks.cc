// Blocks of models/common.py and models/experimental.py.

#include <array>
#include <cmath>

#include "yolo/graph/lowering.h"

namespace roost::yolo {
namespace {

// act(bn(conv(x))). A file saved after fuse() has no bn and a bias in conv. [n, c1, h, w] -> [n, c2, h / s, w
// / s]
Value LowerConv(const Module& m, Value x, Graph& g) {
  Value y = Lower(m["conv"], x, g);
  if (const Module* bn = m.FindChild("bn")) y = Lower(*bn, y, g);
  return Lower(m["act"], y, g);
}

// Two convolutions and, where the file says so, a shortcut around them; also CrossConv (1xk, then kx1).
// [n, c1, h, w] -> [n, c2, h, w]
Value LowerBottleneck(const Module& m, Value x, Graph& g) {
  const Value y = Lower(m["cv2"], Lower(m["cv1"], x, g), g);
  return m.Bool("add") ? g.Add(x, y, m.path) : y;
}

// Cross-stage partial bottleneck with plain convolutions on the way around, and a batch norm and activation
// of its own behind the concatenation. [n, c1, h, w] -> [n, c2, h, w]
Value LowerBottleneckCSP(const Module& m, Value x, Graph& g) {
  const Value deep = Lower(m["cv3"], Lower(m["m"], Lower(m["cv1"], x, g), g), g);
  const Value both = g.Concat({deep, Lower(m["cv2"], x, g)}, m.path);
  return Lower(m["cv4"], Lower(m["act"], Lower(m["bn"], both, g), g), g);
}

// Cross-stage partial bottleneck with three convolutions; C3x, C3TR, C3Ghost and C3SPP differ in what m is.
// [n, c1, h, w] -> [n, c2, h, w]
Value LowerC3(const Module& m, Value x, Graph& g) {
  const Value deep = Lower(m["m"], Lower(m["cv1"], x, g), g);
  return Lower(m["cv3"], g.Concat({deep, Lower(m["cv2"], x, g)}, m.path), g);
}

// Spatial pyramid pooling: the map beside max pools of it with growing kernels (5, 9, 13).
// [n, c1, h, w] -> [n, c2, h, w]
Value LowerSPP(const Module& m, Value x, Graph& g) {
  x = Lower(m["cv1"], x, g);
  std::vector<Value> pyramid{x};
  for (const auto& [name, pool] : m["m"].children) pyramid.push_back(Lower(m["m"][name], x, g));
  return Lower(m["cv2"], g.Concat(std::move(pyramid), m.path), g);
}

// The same with one 5x5 pool after another: 5, then 9, then 13 pixels wide. [n, c1, h, w] -> [n, c2, h, w]
Value LowerSPPF(const Module& m, Value x, Graph& g) {
  x = Lower(m["cv1"], x, g);
  const Value pool5 = Lower(m["m"], x, g);
  const Value pool9 = Lower(m["m"], pool5, g);
  const Value pool13 = Lower(m["m"], pool9, g);
  return Lower(m["cv2"], g.Concat({x, pool5, pool9, pool13}, m.path), g);
}

// The four pixels of each 2x2 square become channels, left column first. [n, c, h, w] -> [n, c2, h / 2, w /
// 2]
Value LowerFocus(const Module& m, Value x, Graph& g) {
  std::vector<Value> quarters;
  for (const Pair start : {Pair{0, 0}, Pair{1, 0}, Pair{0, 1}, Pair{1, 1}}) {
    quarters.push_back(g.Slice(x, {.start = start, .step = {2, 2}}, m.path));
  }
  return Lower(m["conv"], g.Concat(std::move(quarters), m.path), g);
}

// Half of the channels by convolution, the other half cheaply from those. [n, c1, h, w] -> [n, c2, h / s, w /
// s]
Value LowerGhostConv(const Module& m, Value x, Graph& g) {
  const Value y = Lower(m["cv1"], x, g);
  return g.Concat({y, Lower(m["cv2"], y, g)}, m.path);
}

// [n, c1, h, w] -> [n, c2, h / s, w / s]
Value LowerGhostBottleneck(const Module& m, Value x, Graph& g) {
  const Value y = Lower(m["conv"], x, g);
  return g.Add(y, Lower(m["shortcut"], x, g), m.path);
}

// Every pixel looks at every other: attention and two matrices, each with a shortcut around it.
// [n, c, h, w] -> [n, c, h, w]
Value LowerTransformerLayer(const Module& m, Value x, Graph& g) {
  const Value attended = Lower(m["ma"], {Lower(m["q"], x, g), Lower(m["k"], x, g), Lower(m["v"], x, g)}, g);
  const Value y = g.Add(attended, x, m.path);
  return g.Add(Lower(m["fc2"], Lower(m["fc1"], y, g), g), y, m.path);
}

// A matrix in place of a position embedding, then the layers `tr`. [n, c1, h, w] -> [n, c2, h, w]
Value LowerTransformerBlock(const Module& m, Value x, Graph& g) {
  if (const Module* conv = m.FindChild("conv")) x = Lower(*conv, x, g);
  return Lower(m["tr"], g.Add(x, Lower(m["linear"], x, g), m.path), g);
}

// Convolutions with several kernel sizes, each for a part of the channels. [n, c1, h, w] -> [n, c2, h / s, w
// / s]
Value LowerMixConv2d(const Module& m, Value x, Graph& g) {
  std::vector<Value> parts;
  for (const auto& [name, conv] : m["m"].children) parts.push_back(Lower(m["m"][name], x, g));
  return Lower(m["act"], Lower(m["bn"], g.Concat(std::move(parts), m.path), g), g);
}

std::int64_t GainOf(const Module& m) {
  constexpr std::int64_t kMaxGain = 32;
  const std::int64_t gain = m.Int("gain");
  if (gain < 1 || gain > kMaxGain) throw m.Wrong("a gain of " + std::to_string(gain));
  return gain;
}

// The pixels of each gain x gain square become channels, row by row. [n, c, h, w] -> [n, c * gain^2, h /
// gain, w / gain]
Value LowerContract(const Module& m, Value x, Graph& g) {
  const std::int64_t gain = GainOf(m);
  std::vector<Value> parts;
  for (std::int64_t row = 0; row < gain; ++row) {
    for (std::int64_t column = 0; column < gain; ++column) {
      parts.push_back(g.Slice(x, {.start = {row, column}, .step = {gain, gain}}, m.path));
    }
  }
  return g.Concat(std::move(parts), m.path);
}

// The inverse. [n, c, h, w] -> [n, c / gain^2, h * gain, w * gain]
Value LowerExpand(const Module& m, Value x, Graph& g) { return g.Expand(x, GainOf(m), m.path); }

// A head that old releases put behind the detection head; ours comes later.
Value LowerNMS(const Module&, Value boxes, Graph&) { return boxes; }

// Small maps become masks in two steps: twice as large, then one channel per mask coefficient.
// [n, c1, h, w] -> [n, masks, 2 h, 2 w]
Value LowerProto(const Module& m, Value x, Graph& g) {
  const Value larger = Lower(m["upsample"], Lower(m["cv1"], x, g), g);
  return Lower(m["cv3"], Lower(m["cv2"], larger, g), g);
}

// Layers with several inputs

// The first input counts once, the others 2 sigmoid(w) times where there are weights.
Value LowerSum(const Module& m, const std::vector<Value>& inputs, Graph& g) {
  const auto others = static_cast<std::int64_t>(inputs.size()) - 1;
  const Weights w = m.Bool("weight") ? PerChannel(m, "w", others) : nullptr;
  Value sum = inputs.front();
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    Value x = inputs[i];
    if (w != nullptr) x = g.Scale(x, 2 / (1 + std::exp(-(*w)[i - 1])), m.path);
    sum = g.Add(sum, x, m.path);
  }
  return sum;
}

Value LowerConcat(const Module& m, const std::vector<Value>& inputs, Graph& g) {
  // -3 counts from the end of [n, c, h, w].
  if (const std::int64_t d = m.Int("d", 1); d != 1 && d != -3) {
    throw m.Wrong("concatenates along dimension " + std::to_string(d) + ", not along the channels");
  }
  return g.Concat(inputs, m.path);
}

constexpr std::array kBlocks = {
    Block{"models.common.Conv", LowerConv},
    Block{"models.common.DWConv", LowerConv},
    Block{"models.common.Bottleneck", LowerBottleneck},
    Block{"models.common.BottleneckCSP", LowerBottleneckCSP},
    Block{"models.common.C3", LowerC3},
    Block{"models.common.C3x", LowerC3},
    Block{"models.common.C3SPP", LowerC3},
    Block{"models.common.C3Ghost", LowerC3},
    Block{"models.common.CrossConv", LowerBottleneck},
    Block{"models.common.SPP", LowerSPP},
    Block{"models.common.SPPF", LowerSPPF},
    Block{"models.common.Focus", LowerFocus},
    Block{"models.common.GhostConv", LowerGhostConv},
    Block{"models.common.GhostBottleneck", LowerGhostBottleneck},
    Block{"models.common.Concat", LowerConcat},
    Block{"models.common.C3TR", LowerC3},
    Block{"models.common.TransformerBlock", LowerTransformerBlock},
    Block{"models.common.TransformerLayer", LowerTransformerLayer},
    Block{"models.common.Contract", LowerContract},
    Block{"models.common.Expand", LowerExpand},
    Block{"models.common.Proto", LowerProto},
    Block{"models.common.NMS", LowerNMS},
    Block{"models.experimental.MixConv2d", LowerMixConv2d},
    Block{"models.experimental.Sum", LowerSum},
    Block{"models.experimental.CrossConv", LowerBottleneck},
    Block{"models.experimental.GhostConv", LowerGhostConv},
    Block{"models.experimental.GhostBottleneck", LowerGhostBottleneck},
};

}  // namespace

std::span<const Block> YoloBlocks() { return kBlocks; }

}  // namespace roost::yolo

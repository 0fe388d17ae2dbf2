#include <algorithm>
#include <set>

#include "dag/report/html.h"
#include "roost/base/text.h"

namespace roost::dag {
namespace {

constexpr std::size_t kMostNodes = 80;
constexpr std::size_t kMostInAColumn = 16;
constexpr double kBoxWidth = 120;
constexpr double kBoxHeight = 26;
constexpr double kGapX = 56;
constexpr double kGapY = 12;

/// Where the boxes are: a column for each step from the first nodes.
struct Layout {
  std::vector<std::vector<NodeIndex>> columns;
  std::vector<double> x, y;  ///< by node
  double width = 0, height = 0;
};

/// The longest way from a node without parents; empty where there is a cycle.
std::vector<int> LevelsOf(const Dag& dag) {
  std::vector<int> levels(dag.nodes.size(), 0);
  std::vector<int> waits_for(dag.nodes.size());
  std::vector<NodeIndex> order;
  for (NodeIndex node = 0; node < dag.end(); ++node) {
    waits_for[static_cast<std::size_t>(node)] = static_cast<int>(dag.parents.Of(node).size());
    if (waits_for[static_cast<std::size_t>(node)] == 0) order.push_back(node);
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (const Edge& child : dag.children.Of(order[i])) {
      levels[child.node] = std::max(levels[child.node], levels[static_cast<std::size_t>(order[i])] + 1);
      if (--waits_for[child.node] == 0) order.push_back(child.index());
    }
  }
  return order.size() == dag.nodes.size() ? levels : std::vector<int>();
}

/// Each node near the middle of its parents, so that fewer lines cross.
Layout Place(const Dag& dag, const std::vector<int>& levels) {
  Layout layout{.x = std::vector<double>(levels.size()), .y = std::vector<double>(levels.size())};
  layout.columns.resize(static_cast<std::size_t>(*std::ranges::max_element(levels)) + 1);
  for (NodeIndex node = 0; node < dag.end(); ++node) {
    layout.columns[static_cast<std::size_t>(levels[static_cast<std::size_t>(node)])].push_back(node);
  }
  std::size_t most = 0;
  for (const auto& column : layout.columns) most = std::max(most, column.size());
  layout.height = static_cast<double>(most) * (kBoxHeight + kGapY) + kGapY;
  for (std::size_t level = 0; level < layout.columns.size(); ++level) {
    auto& column = layout.columns[level];
    const auto middle = [&](NodeIndex node) {
      const auto parents = dag.parents.Of(node);
      double sum = 0;
      for (const Edge& parent : parents) sum += layout.y[parent.node];
      return parents.empty() ? 0 : sum / static_cast<double>(parents.size());
    };
    std::ranges::stable_sort(column, {}, middle);
    const double used = static_cast<double>(column.size()) * (kBoxHeight + kGapY) - kGapY;
    double y = (layout.height - used) / 2;
    for (const NodeIndex node : column) {
      layout.x[static_cast<std::size_t>(node)] = static_cast<double>(level) * (kBoxWidth + kGapX) + 4;
      layout.y[static_cast<std::size_t>(node)] = y;
      y += kBoxHeight + kGapY;
    }
  }
  layout.width = static_cast<double>(layout.columns.size()) * (kBoxWidth + kGapX) - kGapX + 8;
  return layout;
}

std::string Shortened(const std::string& name) {
  constexpr std::size_t kMost = 16;
  if (name.size() <= kMost) return name;
  const auto within_character = [&](std::size_t at) {
    return (static_cast<unsigned char>(name[at]) & 0xC0U) == 0x80U;
  };
  std::size_t end = kMost - 1;
  while (end > 0 && within_character(end)) --end;
  return name.substr(0, end) + "\xE2\x80\xA6";
}

}  // namespace

std::string GraphSvg(const PageFacts& facts) {
  const Dag& dag = facts.record.dag;
  if (dag.nodes.size() < 2 || dag.nodes.size() > kMostNodes) return {};
  const std::vector<int> levels = LevelsOf(dag);
  if (levels.empty()) return {};
  const Layout layout = Place(dag, levels);
  if (std::ranges::any_of(layout.columns,
                          [](const auto& column) { return column.size() > kMostInAColumn; })) {
    return {};
  }
  const std::set<NodeIndex> critical(facts.critical.begin(), facts.critical.end());
  std::string svg = "<svg class=\"graph\" role=\"img\" aria-label=\"The graph\" style=\"max-width:" +
                    Decimal(layout.width) + "px\" viewBox=\"0 0 " + Decimal(layout.width) + " " +
                    Decimal(layout.height) + "\">\n";
  for (NodeIndex node = 0; node < dag.end(); ++node) {
    const auto from = static_cast<std::size_t>(node);
    for (const Edge& child : dag.children.Of(node)) {
      const double x1 = layout.x[from] + kBoxWidth;
      const double y1 = layout.y[from] + kBoxHeight / 2;
      const double x2 = layout.x[child.node];
      const double y2 = layout.y[child.node] + kBoxHeight / 2;
      const double bend = kGapX / 2;
      const bool on_path = critical.contains(node) && critical.contains(child.index());
      svg += std::string("<path class=\"edge") + (on_path ? " critical" : "") +
             (child.weak != 0 ? " weak" : "") + "\" d=\"M" + Decimal(x1) + " " + Decimal(y1) + "C" +
             Decimal(x1 + bend) + " " + Decimal(y1) + " " + Decimal(x2 - bend) + " " + Decimal(y2) + " " +
             Decimal(x2) + " " + Decimal(y2) + "\"/>\n";
    }
  }
  for (NodeIndex node = 0; node < dag.end(); ++node) {
    const auto i = static_cast<std::size_t>(node);
    const NodeHistory& history = facts.record.history->At(node);
    const std::string name = Printable(dag.At(node).name);
    svg += "<g class=\"box " + std::string(NameOf(history.state)) + "\"><title>" + Escaped(name) + ": " +
           std::string(NameOf(history.state)) + "</title><rect x=\"" + Decimal(layout.x[i]) + "\" y=\"" +
           Decimal(layout.y[i]) + "\" width=\"" + Decimal(kBoxWidth) + "\" height=\"" + Decimal(kBoxHeight) +
           "\" rx=\"6\"/><text x=\"" + Decimal(layout.x[i] + kBoxWidth / 2) + "\" y=\"" +
           Decimal(layout.y[i] + kBoxHeight / 2 + 4) + "\">" + Escaped(Shortened(name)) + "</text></g>\n";
  }
  return svg + "</svg>\n";
}

}  // namespace roost::dag

// Which node waits for which: PARENT, WEAK, CONNECT and the pins it connects.

#include <algorithm>
#include <iterator>

#include "dag/text/dag_parser.h"

namespace roost::dag {

/// WEAK PARENT name... CHILD name...
void DagFileParser::Weak(Words& words) {
  if (!words.Take("PARENT")) throw Error("PARENT has to follow");
  Warn("WEAK is known to recent HTCondor only");
  TakeDependencies(words, true);
}

/// PARENT name... CHILD name...
void DagFileParser::TakeDependencies(Words& words, bool weak) {
  std::vector<NodeIndex> parents;
  std::vector<NodeIndex> children;
  bool after_child = false;
  bool known = true;
  bool any_parent = false;
  bool any_child = false;
  while (const auto word = words.Next()) {
    if (!after_child && IsKeyword(*word, "CHILD")) {
      after_child = true;
      continue;
    }
    (after_child ? any_child : any_parent) = true;
    if (!AddNamed(*word, !after_child, after_child ? children : parents)) known = false;
  }
  if (!after_child) throw Error("missing CHILD");
  if (!any_parent) throw Error("no parent is named before CHILD");
  if (!any_child) throw Error("no child is named after CHILD");
  if (known) ConnectNodes(parents, children, weak);
}

/// Adds the node, or the nodes that a splice has at this end. False after a fault.
bool DagFileParser::AddNamed(std::string_view name, bool as_parent, std::vector<NodeIndex>& nodes) {
  if (const NodeIndex node = FindNode(name); node >= 0) {
    if (!Takes(node, kOrdinaryNodes)) return false;
    nodes.push_back(node);
    return true;
  }
  const Splice* splice = FindSplice(name);
  if (splice == nullptr) {
    UnknownNode(name);
    return false;
  }
  const std::vector<NodeIndex>& ends = as_parent ? splice->terminal : splice->initial;
  if (ends.empty() && splice->readable) {
    Fail("splice '" + std::string(name) + "' has no node that could be a " +
         (as_parent ? "parent" : "child"));
  }
  builder_.CountSettings(ends.size());
  nodes.insert(nodes.end(), ends.begin(), ends.end());
  return !ends.empty();
}

Splice* DagFileParser::FindSplice(std::string_view name) {
  if (scope_.splices.empty()) return nullptr;
  const auto it = scope_.splices.find(scope_.dag_number + std::string(name));
  return it == scope_.splices.end() ? nullptr : &it->second;
}

/// DAGMan, too, connects the nodes of one line in the order of their definition.
void DagFileParser::ConnectNodes(std::vector<NodeIndex>& parents, std::vector<NodeIndex>& children,
                                 bool weak) {
  for (std::vector<NodeIndex>* nodes : {&parents, &children}) {
    if (nodes->size() < 2) continue;
    std::ranges::sort(*nodes);
    nodes->erase(std::unique(nodes->begin(), nodes->end()), nodes->end());
  }
  Node join;
  join.name = scope_.splice_prefix;
  join.file = source_;
  join.line = line_.number;
  const NodeIndex node = builder_.Connect(parents, children, weak, join);
  if (node >= 0) scope_.Own(node);
}

/// PIN_IN name number, PIN_OUT name number
void DagFileParser::Pin(Words& words, Pins& pins) {
  const std::string_view name = Need(words, "node name");
  const int number = NeedInt(words, "number of the pin");
  NeedEnd(words);
  if (number < 1) throw Error("pins are numbered from 1");
  const NodeIndex node = FindNode(name);
  if (node < 0) return UnknownNode(name);
  if (Takes(node, kOrdinaryNodes)) pins[number].push_back(node);
}

/// CONNECT splice splice
void DagFileParser::ConnectCommand(Words& words) {
  const std::string from_name(Need(words, "name of the first splice"));
  const std::string to_name(Need(words, "name of the second splice"));
  NeedEnd(words);
  const Splice* from = FindSplice(from_name);
  const Splice* to = FindSplice(to_name);
  for (const auto& [splice, name] : {std::pair(from, from_name), std::pair(to, to_name)}) {
    if (splice == nullptr && scope_.names_unknown) return;
    if (splice == nullptr) throw Error("there is no splice '" + name + "'");
    if (!splice->readable) return;
  }
  if (from->pins_out.empty()) throw Error("splice '" + from_name + "' has no PIN_OUT");
  if (to->pins_in.empty()) throw Error("splice '" + to_name + "' has no PIN_IN");
  if (from->pins_out.size() != to->pins_in.size()) {
    throw Error("splice '" + from_name + "' has " + std::to_string(from->pins_out.size()) + " out pins, '" +
                to_name + "' has " + std::to_string(to->pins_in.size()) + " in pins");
  }
  int expected = 1;
  for (auto out = from->pins_out.begin(), in = to->pins_in.begin(); out != from->pins_out.end();
       ++out, ++in, ++expected) {
    if (out->first != expected)
      throw Error("splice '" + from_name + "' has no PIN_OUT " + std::to_string(expected));
    if (in->first != expected)
      throw Error("splice '" + to_name + "' has no PIN_IN " + std::to_string(expected));
    std::vector<NodeIndex> parents = out->second;
    std::vector<NodeIndex> children = in->second;
    builder_.CountSettings(parents.size() + children.size());
    ConnectNodes(parents, children, false);
  }
  builder_.CountSettings(to->initial.size());
  for (const NodeIndex node : to->initial) {
    if (!builder_.HasParent(node)) {
      throw Error("'" + dag_.At(node).name + "' would have no parent: it needs a PIN_IN");
    }
  }
}

}  // namespace roost::dag

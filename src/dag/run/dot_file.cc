#include "dag/run/dot_file.h"

#include <filesystem>
#include <utility>

namespace roost::dag {
namespace {

namespace fs = std::filesystem;

/// The text within double quotes of the DOT language.
std::string Escaped(std::string_view name) {
  std::string escaped;
  for (const char c : name) {
    if (c == '"' || c == '\\') escaped.push_back('\\');
    escaped.push_back(c);
  }
  return escaped;
}

struct Look {
  std::string_view shape, letter, style;
};

Look LookOf(NodeState state) {
  switch (state) {
    case NodeState::kPre:
      return {"ellipse", "Pre", " style=dotted"};
    case NodeState::kQueued:
      return {"ellipse", "R", " peripheries=2"};
    case NodeState::kPost:
      return {"ellipse", "Post", " style=dotted"};
    case NodeState::kDone:
      return {"ellipse", "Done", " style=bold"};
    case NodeState::kFailed:
      return {"box", "E", ""};
    case NodeState::kUnready:
    case NodeState::kReady:
    case NodeState::kFutile:
      break;
  }
  return {"ellipse", "I", ""};
}

void AddNode(std::string& text, const std::string& name, const Look& look) {
  text.append("    \"").append(name).append("\" [shape=").append(look.shape);
  text.append(" label=\"").append(name);
  if (!look.letter.empty()) text.append(" (").append(look.letter).append(")");
  text.append("\"").append(look.style).append("];\n");
}

void AddInclude(std::string& text, const DotPicture& picture) {
  if (picture.include_name.empty()) return;
  text += "// Beginning of commands included from " + picture.include_name + ".\n" + picture.include_text;
  if (!picture.include_text.empty() && picture.include_text.back() != '\n') text.push_back('\n');
  text += "// End of commands included from " + picture.include_name + ".\n\n";
}

}  // namespace

std::string FormatDot(const Dag& dag, const DotPicture& picture) {
  std::string text = "digraph DAG {\n    label=\"" + Escaped(picture.label) + "\";\n\n";
  AddInclude(text, picture);
  for (NodeIndex node = 0; node < dag.end(); ++node) {
    const Look look = picture.state ? LookOf(picture.state(node)) : Look{"ellipse", "", ""};
    AddNode(text, Escaped(dag.At(node).name), look);
  }
  text += "\n";
  for (NodeIndex node = 0; node < dag.end(); ++node) {
    for (const Edge& edge : dag.children.Of(node)) {
      text +=
          "    \"" + Escaped(dag.At(node).name) + "\" -> \"" + Escaped(dag.At(edge.index()).name) + "\";\n";
    }
  }
  return text + "}\n";
}

DotWriter::DotWriter(DotFile settings, const Clock& clock, std::function<void(const std::string&)> warn)
    : settings_(std::move(settings)), clock_(clock), warn_(std::move(warn)), allowance_(clock) {}

void DotWriter::On(const RunEvent& event, const RunView& run) {
  using Kind = RunEvent::Kind;
  if (event.kind == Kind::kRecoveryStarted) recovering_ = true;
  if (event.kind == Kind::kRecoveryFinished) recovering_ = false;
  if (event.kind == Kind::kRunStarted) {
    drawn_.clear();
    for (NodeIndex node = 0; node < run.plan().dag().end(); ++node) {
      drawn_.push_back(LookOf(run.plan().state(node)).letter);
    }
    return Write(run);
  }
  if (!settings_.update || drawn_.empty()) return;
  if (event.node >= 0) {
    std::string_view& drawn = drawn_[static_cast<std::size_t>(event.node)];
    const std::string_view letter = LookOf(run.plan().state(event.node)).letter;
    changed_ = changed_ || drawn != letter;
    drawn = letter;
  }
  if (!changed_ || recovering_) return;
  if (allowance_.Allows() || event.kind == Kind::kRunEnded) Write(run);
}

void DotWriter::Tick(const RunView& run) {
  if (changed_ && !recovering_ && allowance_.Allows()) Write(run);
}

void DotWriter::Write(const RunView& run) {
  changed_ = false;
  allowance_.Spend([&] {
    DotPicture picture{
        .label = "DAGMan Job status at " + FormatTime(clock_.WallNow(), "%a %b %e %H:%M:%S %Y"),
        .state = [&run](NodeIndex node) { return run.plan().state(node); },
        .include_name = {},
        .include_text = {}};
    if (!settings_.include.empty()) {
      Result<std::string> included = ReadFile(settings_.include);
      if (included) {
        picture.include_name = settings_.include.string();
        picture.include_text = std::move(*included);
      } else {
        Warn(included.error().message());
      }
    }
    const Result<void> written =
        WriteFileAtomically(NextName(), FormatDot(run.plan().dag(), picture), AtomicFile::Sync::kNo);
    if (!written) Warn(written.error().message());
  });
}

Path DotWriter::NextName() {
  if (settings_.overwrite) return settings_.file;
  Path name;
  std::error_code ignored;
  do {
    name = settings_.file.string() + "." + std::to_string(next_number_++);
  } while (fs::exists(name, ignored));
  return name;
}

void DotWriter::Warn(const std::string& why) {
  if (std::exchange(warned_, true)) return;
  warn_("the DOT file is not as it should be: " + why);
}

}  // namespace roost::dag

// From files to a Dag: what ParseDag(), ReadDags() and ApplyRescue() are made of.

#include "dag/text/dag_parser.h"

namespace roost::dag {
namespace {

/// The head of a file that DAGMan wrote as a whole DAG. Names in it are full, with all their prefixes.
bool IsFullRescue(std::string_view text) {
  constexpr std::string_view kVersion = "# Rescue DAG version: ";
  while (text.starts_with('#')) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(kVersion)) return line.find("(full)") != std::string_view::npos;
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return false;
}

void ParseFile(DagBuilder& builder, std::string_view text, const Path& file, const std::string& dag_number) {
  Scope scope;
  scope.dag_number = dag_number;
  scope.name_prefix = dag_number;
  if (builder.options().use_dag_dir) scope.directory = file.parent_path();
  scope.names_in_full = IsFullRescue(text);
  DagFileParser(builder, scope, file, DagFileParser::Origin::kCommandLine).Parse(text);
}

/// Runs `read`, and reports the limit that it may reach.
template <typename Read>
void WithinLimits(DagBuilder& builder, const Path& file, Read&& read) {
  try {
    read();
  } catch (const TooLarge& error) {
    AddError(builder.faults(), {file.string(), 0}, error.message());
  }
}

}  // namespace

DagParse ParseDag(std::string_view text, const std::string& file, const DagOptions& options) {
  DagParse parse;
  parse.dag.files = {Path(file)};
  DagBuilder builder(parse.dag, options);
  WithinLimits(builder, file, [&] { ParseFile(builder, text, file, ""); });
  builder.Finish();
  parse.faults = builder.TakeFaults();
  return parse;
}

DagParse ReadDags(const std::vector<Path>& files, const DagOptions& options) {
  DagParse parse;
  parse.dag.files = files;
  DagBuilder builder(parse.dag, options);
  const bool numbered = files.size() > 1 && options.munge_names;
  for (std::size_t i = 0; i < files.size(); ++i) {
    WithinLimits(builder, files[i], [&] {
      const auto text = options.read(files[i]);
      if (text) {
        ParseFile(builder, *text, files[i], numbered ? std::to_string(i) + "." : std::string());
      } else {
        AddError(builder.faults(), {files[i].string(), 0}, text.error().message());
      }
    });
  }
  builder.Finish();
  parse.faults = builder.TakeFaults();
  return parse;
}

DagParse ReadDag(const Path& file, const DagOptions& options) { return ReadDags({file}, options); }

Faults ApplyRescue(Dag& dag, std::string_view text, const std::string& file, const DagOptions& options) {
  if (IsFullRescue(text)) {
    DagParse parse = ParseDag(text, file, options);
    parse.dag.files = dag.files;
    dag = std::move(parse.dag);
    return std::move(parse.faults);
  }
  DagBuilder builder(dag, options);
  Scope scope;
  scope.names_in_full = true;
  scope.nodes = {{0, dag.end()}};
  WithinLimits(builder, file,
               [&] { DagFileParser(builder, scope, file, DagFileParser::Origin::kRescue).Parse(text); });
  builder.Finish();
  return builder.TakeFaults();
}

}  // namespace roost::dag

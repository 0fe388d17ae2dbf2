// yolo-upload: brings results to where they are kept. Flags, wiring and exit code; the work is in src/upload.

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "roost/base/clock.h"
#include "roost/base/error.h"
#include "roost/base/process.h"
#include "roost/base/terminal.h"
#include "upload/console_reporter.h"
#include "upload/manifest.h"
#include "upload/remotes/remote.h"
#include "upload/source_tree.h"
#include "upload/transfer.h"

namespace roost::upload {
namespace {

constexpr const char* kFooter = R"(
Where things go:
  SOURCE is a folder        DEST/NAME-OF-THE-FOLDER/...   (as cp -r does)
  SOURCE/ ends in a slash   DEST/...                      (only the content)
  SOURCE is a file          DEST/NAME-OF-THE-FILE
A file of the same name and digest is skipped; one with other content is replaced, in one step. Every file is
read back and compared before it appears under its name. The manifest goes to standard output, one line per
file: SHA-256, size, path, outcome (sent, replaced, skipped, failed), with tabs between.

Destinations:
  folder:PATH               a folder or mounted share; created where missing

Examples:
  yolo-upload runs/detect/exp --to folder:/mnt/archive
      makes /mnt/archive/exp with everything in it
  yolo-upload runs/detect/exp* --to folder:/mnt/archive --include labels
      of several runs, the label folders only
  yolo-upload results/detect_12_0 --to folder:/mnt/archive --manifest sent.jsonl --delete-after-verify
      moves: what arrived and was verified is deleted here

Exit status:
  0 all is there   3 some sources could not be read   64 wrong usage   66 no such SOURCE
  73 the destination cannot be written or is full   75 stopped, try again   77 no permission
)";

struct Arguments {
  std::vector<std::string> sources;
  std::string to;
  std::string manifest;
  Filter filter;
  TransferOptions transfer;
  ConsoleOptions console;
};

/// Empty values come from job scripts that name a variable which is not set: never to be taken for "not
/// given", nor "--flag=" for "--flag NEXT".
void RefuseEmptyValues(int argc, char** argv) {
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
    const std::string_view argument = argv[i];
    const bool flag = argument.starts_with("--") && argument.find('=') == argument.size() - 1;
    if (!flag && !argument.empty()) continue;
    const std::string_view before = argv[i - 1];
    const std::string_view of = flag                               ? argument.substr(0, argument.size() - 1)
                                : i > 1 && before.starts_with("-") ? before
                                                                   : "SOURCE";
    throw Error(std::string(of) + " is empty", ExitCode::kUsage,
                "Is a variable not set? See yolo-upload --help.");
  }
}

/// False where help or version was asked for and printed.
bool Parse(int argc, char** argv, Arguments& arguments) {
  CLI::App app("Copies result files to a destination, verified by digest, and skips what is there already.",
               "yolo-upload");
  app.footer(kFooter);
  app.set_version_flag("--version", "yolo-upload (Roost) " ROOST_VERSION);
  app.add_option("SOURCE", arguments.sources, "Folders and files to send")->required();
  app.add_option("--to", arguments.to, "Destination, for example folder:/mnt/archive")
      ->required()
      ->type_name("DEST");
  app.add_option("--include", arguments.filter.include,
                 "Send only files that match, or that are in a folder that matches (may be repeated)")
      ->type_name("GLOB")
      ->allow_extra_args(false);
  app.add_option("--exclude", arguments.filter.exclude,
                 "Leave out what matches; wins over --include (may be repeated). A GLOB without '/' is "
                 "compared with names, one with '/' with paths below SOURCE")
      ->type_name("GLOB")
      ->allow_extra_args(false);
  app.add_option("--manifest", arguments.manifest, "Append the manifest to FILE too, as JSON lines")
      ->type_name("FILE");
  app.add_flag("--delete-after-verify", arguments.transfer.delete_after_verify,
               "Delete each source file once the destination holds it and its digest was confirmed");
  app.add_flag("--dry-run", arguments.transfer.dry_run, "Only say what would be done");
  app.add_flag("--json", arguments.console.json, "Print the manifest as JSON lines");
  app.add_flag("-q,--quiet", arguments.console.quiet, "No progress and no summary on standard error");
  RefuseEmptyValues(argc, argv);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {
    app.exit(request);
    return false;
  } catch (const CLI::ParseError& error) {
    throw Error(error.what(), ExitCode::kUsage, "See yolo-upload --help.");
  }
  arguments.console.dry_run = arguments.transfer.dry_run;
  return true;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  if (!Parse(argc, argv, arguments)) return 0;

  const SystemClock clock;
  const auto remote = MakeRemote(arguments.to, clock);
  std::vector<SourceRoot> roots;
  for (const std::string& source : arguments.sources) {
    roots.push_back(PlaceSource(source));
    remote->CheckSource(roots.back());
  }
  if (arguments.transfer.delete_after_verify) RefuseOverlaps(roots);
  std::unique_ptr<ManifestFile> manifest;
  if (!arguments.manifest.empty() && !arguments.transfer.dry_run) {
    manifest = std::make_unique<ManifestFile>(arguments.manifest);
  }
  const SourceTree tree = ListSources(roots, arguments.filter, arguments.manifest);

  ConsoleReporter reporter(stdout, stderr, Terminal::Detect(STDERR_FILENO), clock, remote->Name(),
                           arguments.console);
  StopSignals signals;
  int signal = 0;
  const auto stop = [&] {
    if (signal == 0) signal = signals.Next();
    return signal != 0;
  };
  const ExitCode code =
      Transfer(*remote, reporter, manifest.get(), clock, stop, arguments.transfer).Run(tree);
  reporter.Flush().value();
  if (signal == 0) return static_cast<int>(code);
  PrintError("yolo-upload", Error("stopped by " + ExitStatus{.signaled = true, .value = signal}.Describe(),
                                  ExitCode::kTryAgain, "The same command goes on where this one stopped."));
  return 128 + signal;
}

}  // namespace
}  // namespace roost::upload

int main(int argc, char** argv) {
  return roost::RunMain("yolo-upload", [&] { return roost::upload::Main(argc, argv); });
}

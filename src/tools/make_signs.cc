// make-signs: renders a dataset of road scenes with signs. Flags, wiring and exit code; the work is in
// src/yolo/scenes.

#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "roost/base/error.h"
#include "roost/yolo/image.h"
#include "yolo/scenes/write_dataset.h"

namespace roost::yolo {
namespace {

constexpr const char* kFooter = R"(
Classes: 0 stop sign, 1 do not enter, 2 pedestrian crossing, 3 yield.

The picture with a number of a split depends on the seed only: the same command gives the same files on any number
of threads, and a larger --count-train begins with the same pictures. Safe to run again.

Examples:
  make-signs --out datasets/signs
      3000 pictures to train with, 500 to choose by, and datasets/signs/data.yaml
  make-signs --out datasets/signs --count-train 0 --count-val 0 --count-test 500
      500 more that nobody has seen

Exit status:
  0 done   64 wrong usage   73 the folder cannot be written or is full   77 no permission
)";

struct Arguments {
  scenes::DatasetPlan plan;
  bool quiet = false;
};

/// False where help or version was asked for and printed.
bool Parse(int argc, char** argv, Arguments& arguments) {
  constexpr std::int64_t kMostPictures = 1'000'000;  // file names have six digits
  scenes::DatasetPlan& plan = arguments.plan;
  std::string out;
  std::int64_t seed = 0;  // CLI11 takes "-3" for an unsigned number
  CLI::App app(
      "Renders road scenes with stop, do-not-enter, pedestrian and yield signs: pictures and YOLO labels.",
      "make-signs");
  app.footer(kFooter);
  app.set_version_flag("--version", "make-signs (Roost) " ROOST_VERSION);
  const CLI::Range pictures(std::int64_t{0}, kMostPictures, "0 to 1000000");
  app.add_option("--out", out, "Folder of the dataset; created where missing")->required()->type_name("DIR");
  app.add_option("--count-train", plan.train, "Pictures to train with")
      ->check(pictures)
      ->capture_default_str();
  app.add_option("--count-val", plan.val, "Pictures to choose a model by")
      ->check(pictures)
      ->capture_default_str();
  app.add_option("--count-test", plan.test, "Pictures to judge it by in the end")
      ->check(pictures)
      ->capture_default_str();
  app.add_option("--seed", seed, "Another seed, other pictures")
      ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max(), "0 or more"))
      ->capture_default_str();
  app.add_option("--size", plan.long_side, "Longer side of a picture in pixels; the ratio varies")
      ->check(CLI::Range(64, 4096))
      ->capture_default_str();
  app.add_option("--background-fraction", plan.background_fraction,
                 "Part of the pictures that have no sign of a class")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--quality", plan.quality, "Best JPEG quality; some pictures are worse, as cameras are")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--workers", plan.workers, "Threads (0: one per CPU)")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_flag("-q,--quiet", arguments.quiet, "No progress and no summary on standard error");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {
    app.exit(request);
    return false;
  } catch (const CLI::ParseError& error) {
    throw Error(error.what(), ExitCode::kUsage, "See make-signs --help.");
  }
  if (out.empty())
    throw Error("--out is empty", ExitCode::kUsage, "Is a variable not set? See make-signs --help.");
  plan.out = out;
  plan.seed = static_cast<std::uint64_t>(seed);
  if (plan.train + plan.val + plan.test == 0) {
    throw Error("no pictures asked for: all counts are 0", ExitCode::kUsage, "See make-signs --help.");
  }
  return true;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  if (!Parse(argc, argv, arguments)) return 0;
  const scenes::DatasetPlan& plan = arguments.plan;
  SetImageThreads(1);  // one picture a thread
  const std::int64_t total = plan.train + plan.val + plan.test;
  const bool terminal = !arguments.quiet && isatty(STDERR_FILENO) == 1;
  const auto progress = [&](std::int64_t done) {
    if (terminal && (done % 20 == 0 || done == total)) {
      std::fprintf(stderr, "\r%lld of %lld pictures", static_cast<long long>(done),
                   static_cast<long long>(total));
    }
  };
  const scenes::DatasetCounts counts = WriteDataset(plan, progress);
  if (terminal) std::fprintf(stderr, "\r\033[K");
  if (!arguments.quiet) {
    std::fprintf(stderr, "%lld pictures, %lld of them background only, with %lld signs: %s\n",
                 static_cast<long long>(counts.pictures), static_cast<long long>(counts.background),
                 static_cast<long long>(counts.signs), (plan.out / "data.yaml").c_str());
  }
  return 0;
}

}  // namespace
}  // namespace roost::yolo

int main(int argc, char** argv) {
  return roost::RunMain("make-signs", [&] { return roost::yolo::Main(argc, argv); });
}

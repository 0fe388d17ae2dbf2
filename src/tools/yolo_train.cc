#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>

#include <unistd.h>

#include "roost/base/error.h"
#include "roost/base/shared_module.h"
#include "roost/base/terminal.h"
#include "tools/find_model.h"
#include "tools/train_flags.h"
#include "yolo/detect/weights.h"
#include "yolo/train/rank.h"
#include "yolo/train/train_module.h"

namespace roost::yolo {
namespace {

/// Two pools of threads that fight for the same CPUs make a step ten times slower: OpenBLAS leaves the work
/// to OpenMP's, and those sleep while they wait. Read when LibTorch is loaded.
void SetThreadPools() {
  ::setenv("OMP_WAIT_POLICY", "passive", /*overwrite=*/0);
  ::setenv("OPENBLAS_NUM_THREADS", "1", /*overwrite=*/0);
}

/// The weights to begin with, where there are any: those that come with Roost where no model is named at all.
std::string FirstWeights(const TrainOptions& options) {
  if (!options.resume.empty() || (options.weights.empty() && !options.cfg.empty())) return {};
  const auto say = [&](const std::string& line) {
    if (!options.quiet) std::cerr << line << '\n';
  };
  return FindWeights(options.weights.empty() ? kBundledWeights : options.weights, say).string();
}

int Main(int argc, char** argv) {
  auto flags = ParseTrainFlags(argc, argv, CurrentEnvironment());
  if (!flags) return 0;
  TrainOptions& options = flags->options;
  if (options.resume.empty() && options.data.empty()) {
    throw Error("there is nothing to train on", ExitCode::kUsage, "name a dataset YAML with --data");
  }
  options.weights = FirstWeights(options);
  if (!options.cfg.empty()) options.cfg = FindModelYaml(options.cfg).string();
  SetThreadPools();
  const auto& module = *static_cast<const TrainModule*>(OpenSharedModule(
      {.file = "roost_train_module.so", .what = "the part that trains", .symbol = kTrainModuleSymbol}));
  return module.run({.options = flags->options,
                     .given = flags->given,
                     .argv = {argv, argv + argc},
                     .nproc = flags->nproc,
                     .terminal = Terminal::Detect(STDERR_FILENO, ParseColorChoice(flags->color)),
                     .json = flags->json});
}

}  // namespace
}  // namespace roost::yolo

int main(int argc, char** argv) {
  return roost::RunMain("yolo-train", [&] { return roost::yolo::Main(argc, argv); });
}

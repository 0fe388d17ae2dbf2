#include "tools/yolo_detect_info.h"

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <vector>

#include <CLI/CLI.hpp>

#include "tools/python_flags.h"
#include "yolo/detect/info.h"

namespace roost::yolo {
namespace {

constexpr const char* kProgram = "yolo-detect info";
constexpr const char* kDescription =
    "Tells what a file with YOLOv5 weights is: task, size, input, anchors, classes, where it comes from.\n"
    "Only reads the file: nothing in it is run, and no engine is loaded.";
constexpr const char* kFooter =
    R"(GFLOPs are billions of operations for one picture of the input size: two for each multiplication in a
convolution or linear layer, and thop's counts for upsampling and for batch norms that stay. Biases,
activations, pooling and attention are not counted.

Examples:
  yolo-detect info yolov5n.pt
  yolo-detect info best.pt --imgsz 1280
  yolo-detect info best.torchscript --json | jq .names

Exit status: 0 all done, 64 wrong flags, 65 unusable weights, 66 no such file, 75 download failed (try again),
77 no permission.)";

Error UsageError(const std::string& message) {
  return Error(message, ExitCode::kUsage, "see yolo-detect info --help");
}

}  // namespace

int InfoMain(int argc, char** argv, const std::function<Path(const std::string& name)>& find_weights) {
  std::string weights;
  std::vector<std::int64_t> imgsz;
  bool json = false;
  CLI::App app(kDescription, kProgram);
  app.footer(kFooter);
  app.add_option("WEIGHTS", weights, "a .pt or .torchscript file, or an official name like yolov5n.pt")
      ->required();
  app.add_option(
         "--imgsz,--img,--img-size", imgsz,
         "input that GFLOPs are for: one side, or height and width (default: 640, of a classification "
         "model 224)")
      ->expected(1, 2);
  app.add_flag("--json", json, "one JSON object instead of text");
  try {
    std::vector<std::string> words = SpellOutFlags(app, {argv + 1, argv + argc});
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the end
    app.parse(std::move(words));
  } catch (const CLI::Success& answered) {
    return app.exit(answered);
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  if (weights.empty()) throw UsageError("WEIGHTS must not be empty");
  constexpr std::int64_t kMaxSide = 65'536;
  for (const std::int64_t side : imgsz) {
    if (side < 1 || side > kMaxSide) throw UsageError("--imgsz takes sides from 1 to 65536 pixels");
  }
  const Size input = imgsz.empty() ? Size{} : Size{imgsz.front(), imgsz.back()};
  const ModelInfo info = Describe(find_weights(weights), input);
  std::cout << (json ? ToJson(info) : ToText(info)) << std::flush;
  if (!std::cout) throw Error("cannot write to stdout", ExitCode::kCannotCreate);
  return 0;
}

}  // namespace roost::yolo

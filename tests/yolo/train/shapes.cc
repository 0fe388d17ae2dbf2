#include "yolo/train/shapes.h"

#include <cstdio>
#include <string>

#include "roost/yolo/image.h"
#include "support/support.h"
#include "yolo/data/random.h"

namespace roost::test {
namespace {

using yolo::Color;
using yolo::Image;
using yolo::Random;

constexpr Color kRed{40, 40, 220}, kBlue{220, 60, 40}, kGreen{60, 200, 60};

struct Square {
  int left = 0, top = 0, side = 0;
};

Square Draw(Image& image, Random& random, const Color& color) {
  const auto all = static_cast<int>(image.size().width);
  Square square{.side = all / 5 + static_cast<int>(random.Below(static_cast<std::size_t>(all / 5)))};
  square.left = static_cast<int>(random.Below(static_cast<std::size_t>(all - square.side)));
  square.top = static_cast<int>(random.Below(static_cast<std::size_t>(all - square.side)));
  for (int y = square.top; y < square.top + square.side; ++y) {
    for (int x = square.left; x < square.left + square.side; ++x) {
      for (std::size_t c = 0; c < 3; ++c) {
        image.pixels()[static_cast<std::size_t>(y * all + x) * 3 + c] = color.at(c);
      }
    }
  }
  return square;
}

}  // namespace

Path WriteShapes(const Path& folder, const ShapesOptions& options) {
  MakeDirectories(folder / "images");
  MakeDirectories(folder / "labels");
  for (int i = 0; i < options.pictures + options.backgrounds; ++i) {
    Random random({7, static_cast<std::uint64_t>(i)});
    Image image({options.side, options.side}, Color{128, 128, 128});
    for (std::uint8_t& value : image.pixels()) value = static_cast<std::uint8_t>(100 + random.Below(60));
    const std::string stem = "picture" + std::to_string(i);
    std::string labels;
    if (i < options.pictures) {
      const int class_id = i % 2;
      const Square square = Draw(image, random, class_id == 0 ? kRed : kBlue);
      const double side = options.side;
      char line[100];
      std::snprintf(line, sizeof line, "%d %.6f %.6f %.6f %.6f\n", class_id,
                    (square.left + square.side / 2.0) / side, (square.top + square.side / 2.0) / side,
                    square.side / side, square.side / side);
      labels = line;
    } else {
      Draw(image, random, kGreen);
    }
    WriteFile(folder / "images" / (stem + ".png"), yolo::EncodeImage(image, ".png").value());
    WriteFile(folder / "labels" / (stem + ".txt"), labels);
  }
  const Path yaml = folder / "shapes.yaml";
  WriteFile(yaml, "path: " + folder.string() + "\ntrain: images\nval: images\nnames: [red, blue]\n");
  return yaml;
}

}  // namespace roost::test

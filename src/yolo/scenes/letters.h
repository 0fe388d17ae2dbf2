#pragma once

#include <string_view>

#include "yolo/scenes/painter.h"

namespace roost::yolo::scenes {

/// How letters look; sizes are parts of the letter's height.
struct LetterStyle {
  float width = 0.6F;  ///< of an ordinary letter
  float stroke = 0.18F;
  float gap = 0.12F;  ///< between letters
};

/// A word of capitals in the manner of road signs, drawn as strokes of our own. Characters that we have no
/// shape for are left out. `height` and `center` are in the painter's units; a word wider than `most_width`
/// is squeezed to it.
void DrawWord(Painter& painter, std::string_view word, cv::Point2f center, float height, const Bgr& color,
              const LetterStyle& style, float most_width = 1e9F);

}  // namespace roost::yolo::scenes

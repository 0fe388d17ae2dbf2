#include "yolo/scenes/letters.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace roost::yolo::scenes {
namespace {

/// An arc of an ellipse, or a straight piece where `rx` is 0: from (x, y) to (to_x, to_y).
struct Piece {
  float x, y;           // centre, or start
  float rx, ry;         // radii; 0 = straight
  float from, to;       // degrees (0 = right, 90 = down), or end
  bool starts = false;  // a new stroke begins here
};

constexpr Piece Line(float x, float y, float to_x, float to_y, bool starts = true) {
  return {x, y, 0, 0, to_x, to_y, starts};
}
constexpr Piece Arc(float x, float y, float rx, float ry, float from, float to, bool starts = false) {
  return {x, y, rx, ry, from, to, starts};
}

struct Glyph {
  std::vector<Piece> pieces;
  float width = 1;  ///< of an ordinary letter's
};

/// In a box of 1 x 1, y down; the middle of the stroke.
std::optional<Glyph> GlyphOf(char letter) {
  switch (letter) {
    case 'A':
      return Glyph{{Line(0, 1, 0.5F, 0), Line(0.5F, 0, 1, 1), Line(0.2F, 0.68F, 0.8F, 0.68F)}, 1.15F};
    case 'C':
      return Glyph{{Arc(0.5F, 0.3F, 0.5F, 0.3F, -15, -180, true), Arc(0.5F, 0.7F, 0.5F, 0.3F, 180, 15)}};
    case 'D':
      return Glyph{{Line(0, 0, 0, 1), Line(0, 0, 0.55F, 0), Arc(0.55F, 0.35F, 0.45F, 0.35F, -90, 0),
                    Arc(0.55F, 0.65F, 0.45F, 0.35F, 0, 90), Line(0.55F, 1, 0, 1, false)}};
    case 'E':
      return Glyph{{Line(1, 0, 0, 0), Line(0, 0, 0, 1), Line(0, 1, 1, 1), Line(0, 0.48F, 0.85F, 0.48F)},
                   0.88F};
    case 'G':
      return Glyph{{Arc(0.5F, 0.3F, 0.5F, 0.3F, -15, -180, true), Arc(0.5F, 0.7F, 0.5F, 0.3F, 180, 0),
                    Line(1, 0.7F, 1, 0.55F, false), Line(1, 0.55F, 0.6F, 0.55F)}};
    case 'H':
      return Glyph{{Line(0, 0, 0, 1), Line(1, 0, 1, 1), Line(0, 0.5F, 1, 0.5F)}};
    case 'I':
      return Glyph{{Line(0.5F, 0, 0.5F, 1)}, 0.3F};
    case 'L':
      return Glyph{{Line(0, 0, 0, 1), Line(0, 1, 1, 1)}, 0.85F};
    case 'N':
      return Glyph{{Line(0, 1, 0, 0), Line(0, 0, 1, 1), Line(1, 1, 1, 0)}};
    case 'O':
      return Glyph{{Arc(0.5F, 0.34F, 0.5F, 0.34F, -180, 0, true), Arc(0.5F, 0.66F, 0.5F, 0.34F, 0, 180),
                    Line(0, 0.66F, 0, 0.34F, false)}};
    case 'P':
      return Glyph{{Line(0, 1, 0, 0), Line(0, 0, 0.6F, 0), Arc(0.6F, 0.27F, 0.4F, 0.27F, -90, 90),
                    Line(0.6F, 0.54F, 0, 0.54F, false)}};
    case 'R':
      return Glyph{{Line(0, 1, 0, 0), Line(0, 0, 0.6F, 0), Arc(0.6F, 0.26F, 0.4F, 0.26F, -90, 90),
                    Line(0.6F, 0.52F, 0, 0.52F, false), Line(0.5F, 0.52F, 1, 1)}};
    case 'S':
      return Glyph{{Arc(0.5F, 0.25F, 0.5F, 0.25F, -12, -270, true), Arc(0.5F, 0.74F, 0.5F, 0.26F, -90, 168)}};
    case 'T':
      return Glyph{{Line(0, 0, 1, 0), Line(0.5F, 0, 0.5F, 1)}, 0.95F};
    case 'W':
      return Glyph{{Line(0, 0, 0.25F, 1), Line(0.25F, 1, 0.5F, 0.1F), Line(0.5F, 0.1F, 0.75F, 1),
                    Line(0.75F, 1, 1, 0)},
                   1.4F};
    case 'X':
      return Glyph{{Line(0, 0, 1, 1), Line(1, 0, 0, 1)}};
    case 'Y':
      return Glyph{{Line(0, 0, 0.5F, 0.52F), Line(1, 0, 0.5F, 0.52F), Line(0.5F, 0.5F, 0.5F, 1)}, 1.05F};
    case '4':
      return Glyph{{Line(0.7F, 1, 0.7F, 0), Line(0.7F, 0, 0, 0.7F), Line(0, 0.7F, 1, 0.7F)}};
    case '-':
      return Glyph{{Line(0, 0.5F, 1, 0.5F)}, 0.6F};
    case ' ':
      return Glyph{{}, 0.5F};
    default:
      return std::nullopt;
  }
}

/// The strokes of a glyph as lines with corners.
std::vector<Points> Strokes(const Glyph& glyph) {
  std::vector<Points> strokes;
  for (const Piece& piece : glyph.pieces) {
    if (piece.starts || strokes.empty()) strokes.emplace_back();
    Points& stroke = strokes.back();
    if (piece.rx <= 0) {
      stroke.emplace_back(piece.x, piece.y);
      stroke.emplace_back(piece.from, piece.to);
      continue;
    }
    constexpr int kSteps = 14;
    for (int i = 0; i <= kSteps; ++i) {
      const float angle =
          (piece.from + (piece.to - piece.from) * static_cast<float>(i) / kSteps) * 3.14159265F / 180;
      stroke.emplace_back(piece.x + piece.rx * std::cos(angle), piece.y + piece.ry * std::sin(angle));
    }
  }
  return strokes;
}

/// Moves the ends outwards by `by`: the strokes of sign letters are cut square at the edge of their box.
void Lengthen(Points& stroke, float by) {
  const auto push = [by](cv::Point2f& end, cv::Point2f inner) {
    const cv::Point2f out = end - inner;
    const float length = std::hypot(out.x, out.y);
    if (length > 0) end += out * (by / length);
  };
  if (stroke.size() < 2) return;
  push(stroke.front(), stroke[1]);
  push(stroke.back(), stroke[stroke.size() - 2]);
}

}  // namespace

void DrawWord(Painter& painter, std::string_view word, cv::Point2f center, float height, const Bgr& color,
              const LetterStyle& style, float most_width) {
  float total = 0;
  for (const char letter : word) {
    if (const auto glyph = GlyphOf(letter)) total += glyph->width * style.width + style.gap;
  }
  total = (total - style.gap) * height;
  if (total <= 0) return;
  const float squeeze = std::min(1.F, most_width / total);
  const float stroke_width = style.stroke * height;
  const float half = stroke_width / 2;
  float left = center.x - total * squeeze / 2;
  const float top = center.y - height / 2;
  for (const char letter : word) {
    const auto glyph = GlyphOf(letter);
    if (!glyph) continue;
    const float width = glyph->width * style.width * height * squeeze;
    for (Points& stroke : Strokes(*glyph)) {
      for (cv::Point2f& point : stroke) {
        point = {left + half + point.x * std::max(0.F, width - stroke_width),
                 top + half + point.y * (height - stroke_width)};
      }
      Lengthen(stroke, half * 0.98F);
      painter.Stroke(stroke, stroke_width, color);
    }
    left += width + style.gap * height * squeeze;
  }
}

}  // namespace roost::yolo::scenes

#include "yolo/scenes/sign_faces.h"

#include <string>

#include "roost/base/error.h"
#include "yolo/scenes/letters.h"

namespace roost::yolo::scenes {
namespace {

Bgr SignRed(Random& random) {
  return FromHsv(random.Uniform(-10, 8) + 360, random.Uniform(0.78, 1), random.Uniform(0.58, 0.92));
}
Bgr SignWhite(Random& random) { return Vary(Grey(random.Uniform(222, 255)), 8, random); }
Bgr SignYellow(Random& random) {
  return FromHsv(random.Uniform(40, 53), random.Uniform(0.82, 1), random.Uniform(0.85, 1));
}
Bgr SignBlack(Random& random) { return Vary(Grey(random.Uniform(10, 40)), 6, random); }

Points Scaled(Points points, float by, cv::Point2f about = {}) {
  for (cv::Point2f& point : points) point = about + (point - about) * by;
  return points;
}

LetterStyle Highway(Random& random) {
  return {
      .width = random.Real(0.46, 0.62), .stroke = random.Real(0.15, 0.21), .gap = random.Real(0.08, 0.17)};
}

Face Stop(float scale, Random& random) {
  const Bgr red = SignRed(random), white = SignWhite(random);
  const float circumradius = 1 / std::cos(3.14159265F / 8);
  const Points octagon = RegularPolygon(8, circumradius, 22.5F);
  const float corner = random.Real(0.02, 0.09);
  Face face({1, 1}, scale, white);
  Painter paint = face.Paint();
  // A white border inside the edge; on some a thin red rim outside of it.
  const float border = random.Real(0.045, 0.085);
  if (random.Chance(0.12)) {
    paint.Rect(-1.1F, -1.1F, 1.1F, 1.1F, red);
    paint.Polygon(Rounded(Scaled(octagon, 0.97F), corner), white);
    paint.Polygon(Rounded(Scaled(octagon, 0.97F - border), corner), red);
  } else {
    paint.Polygon(Rounded(Scaled(octagon, 1 - border), corner), red);
  }
  // Mostly the English word: others appear where the shape alone should be known.
  const int word = random.Weighted({0.86, 0.04, 0.04, 0.04, 0.02});
  constexpr std::array<std::string_view, 5> kWords{"STOP", "ARRET", "PARE", "ALTO", ""};
  const float height = random.Real(0.6, 0.76);
  LetterStyle style = Highway(random);
  style.gap = random.Real(0.07, 0.13);
  if (random.Chance(0.1)) {  // two languages
    DrawWord(paint, "STOP", {0, -0.3F}, height * 0.62F, white, style, 1.5F);
    DrawWord(paint, kWords.at(static_cast<std::size_t>(random.Int(1, 3))), {0, 0.3F}, height * 0.62F, white,
             style, 1.5F);
  } else {
    const float spread = random.Real(1.5, 1.72);
    // Letters fill the width: a word of four at 0.7 of the half height does that with the standard's
    // proportions.
    style.width = random.Real(0.5, 0.62);
    DrawWord(paint, kWords.at(static_cast<std::size_t>(word)), {0, random.Real(-0.03, 0.03)}, height, white,
             style, spread);
  }
  face.Cut(Rounded(octagon, corner));
  return face;
}

Face DoNotEnter(float scale, Random& random) {
  const Bgr red = SignRed(random), white = SignWhite(random);
  if (random.Chance(0.35)) {  // the disc of the Vienna Convention
    Face face({1, 1}, scale, random.Chance(0.7) ? white : red);
    Painter paint = face.Paint();
    paint.Disc({}, random.Real(0.92, 0.985), red);
    const float half = random.Real(0.12, 0.19), length = random.Real(0.68, 0.8);
    paint.Polygon(Rounded(Rectangle(-length, -half, length, half), random.Chance(0.4) ? half * 0.3F : 0),
                  white);
    face.Cut(RegularPolygon(96, 1, 0));
    return face;
  }
  Face face({1, 1}, scale, white);
  Painter paint = face.Paint();
  if (random.Chance(0.3)) {  // a thin line around the plate
    const Bgr line = random.Chance(0.5) ? SignBlack(random) : red;
    paint.Polygon(Rounded(Rectangle(-0.96F, -0.96F, 0.96F, 0.96F), 0.1F), line);
    paint.Polygon(Rounded(Rectangle(-0.935F, -0.935F, 0.935F, 0.935F), 0.09F), white);
  }
  paint.Disc({}, random.Real(0.86, 0.95), red);
  const float half = random.Real(0.11, 0.16), length = random.Real(0.66, 0.76);
  paint.Polygon(Rectangle(-length, -half, length, half), white);
  if (random.Chance(0.9)) {
    LetterStyle style = Highway(random);
    style.stroke = random.Real(0.15, 0.19);
    const float height = random.Real(0.21, 0.27);
    DrawWord(paint, "DO NOT", {0, -0.44F}, height, white, style, 1.15F);
    DrawWord(paint, "ENTER", {0, 0.44F}, height, white, style, 1.1F);
  }
  face.Cut(Rounded(Rectangle(-1, -1, 1, 1), random.Real(0.04, 0.14)));
  return face;
}

/// A person who walks, in a box of about 1 x 1 around (0, 0).
void DrawWalker(Painter& paint, cv::Point2f at, float size, const Bgr& color, Random& random) {
  const float turn = random.Chance(0.5) ? 1.F : -1.F;
  const auto point = [&](float x, float y) { return at + cv::Point2f(x * turn, y) * size; };
  const float limb = size * random.Real(0.1, 0.135);
  const float step = random.Real(0.85, 1.2);
  paint.Disc(point(0.05F, -0.46F), size * random.Real(0.085, 0.11), color);
  const Points body{point(-0.11F, -0.32F), point(0.14F, -0.33F), point(0.12F, 0.05F), point(-0.08F, 0.06F)};
  paint.Polygon(Rounded(body, size * 0.04F), color);
  const Points front_leg{point(0.06F, 0), point(0.17F * step, 0.24F), point(0.24F * step, 0.52F)};
  paint.Stroke(front_leg, limb, color, true);
  const Points back_leg{point(-0.01F, 0), point(-0.07F * step, 0.27F), point(-0.26F * step, 0.5F)};
  paint.Stroke(back_leg, limb, color, true);
  const Points front_arm{point(0.1F, -0.27F), point(0.22F * step, -0.1F), point(0.34F * step, -0.02F)};
  paint.Stroke(front_arm, limb * 0.7F, color, true);
  const Points back_arm{point(-0.08F, -0.27F), point(-0.2F * step, -0.1F), point(-0.24F * step, 0.06F)};
  paint.Stroke(back_arm, limb * 0.7F, color, true);
}

Face PedestrianCrossing(float scale, Random& random) {
  const Bgr yellow = random.Chance(0.4)
                         ? FromHsv(random.Uniform(63, 78), random.Uniform(0.75, 1), random.Uniform(0.88, 1))
                         : SignYellow(random);
  const Bgr black = SignBlack(random);
  const Points diamond = RegularPolygon(4, 1.06F, -90);
  Face face({1.06F, 1.06F}, scale, yellow);
  Painter paint = face.Paint();
  const float corner = random.Real(0.04, 0.12);
  const float inset = random.Real(0.9, 0.955), border = random.Real(0.028, 0.05);
  if (random.Chance(0.93)) {
    paint.Polygon(Rounded(Scaled(diamond, inset), corner * 0.8F), black);
    paint.Polygon(Rounded(Scaled(diamond, inset - border), corner * 0.7F), yellow);
  }
  const int look = random.Weighted({0.72, 0.16, 0.12});
  if (look == 1) {  // two children of a school crossing
    DrawWalker(paint, {-0.2F, -0.05F}, 0.72F, black, random);
    DrawWalker(paint, {0.24F, 0.06F}, 0.6F, black, random);
  } else {
    DrawWalker(paint, {0, -0.02F}, random.Real(0.86, 1.05), black, random);
  }
  if (look == 2) {  // the lines of the crossing
    for (const float x : {-0.3F, 0.3F}) {
      const Points line{{x * 0.7F, 0.36F}, {x * 1.1F, 0.6F}};
      paint.Stroke(line, 0.04F, black);
    }
  }
  face.Cut(Rounded(diamond, corner));
  return face;
}

Face Yield(float scale, Random& random) {
  const bool old = random.Chance(0.2);
  const Bgr white = SignWhite(random);
  const Bgr border = old ? SignBlack(random) : SignRed(random);
  const Bgr inner = old ? SignYellow(random) : random.Chance(0.12) ? SignYellow(random) : white;
  // Point down; as wide as an equilateral triangle of height 2 would be, less what rounding takes.
  const float half = random.Real(1.06, 1.16);
  const Points triangle{{-half, -1}, {half, -1}, {0, 1}};
  const cv::Point2f middle(0, -1.F / 3);
  const float corner = random.Real(0.05, 0.16);
  Face face({half, 1}, scale, old ? inner : border);
  Painter paint = face.Paint();
  if (old) {
    paint.Polygon(Rounded(Scaled(triangle, 0.93F, middle), corner * 0.8F), border);
    paint.Polygon(Rounded(Scaled(triangle, 0.87F, middle), corner * 0.7F), inner);
    LetterStyle style = Highway(random);
    if (random.Chance(0.85)) DrawWord(paint, "YIELD", {0, -0.52F}, 0.36F, border, style, 1.05F);
  } else {
    if (random.Chance(0.6)) {  // a white rim outside of the red
      paint.Rect(-2, -2, 2, 2, white);
      paint.Polygon(Rounded(Scaled(triangle, random.Real(0.93, 0.97), middle), corner * 0.9F), border);
    }
    const float part = random.Real(0.42, 0.68);
    paint.Polygon(Rounded(Scaled(triangle, part, middle), corner * part), inner);
    if (part < 0.6F && random.Chance(0.85)) {
      LetterStyle style = Highway(random);
      style.stroke = 0.17F;
      DrawWord(paint, "YIELD", {0, -1 + (1 - part) * 0.75F + 0.13F}, 0.2F,
               random.Chance(0.7) ? border : white, style, 0.75F);
    }
  }
  face.Cut(Rounded(triangle, corner));
  return face;
}

}  // namespace

Face MakeSign(SignKind kind, float scale, Random& random) {
  switch (kind) {
    case SignKind::kStop:
      return Stop(scale, random);
    case SignKind::kDoNotEnter:
      return DoNotEnter(scale, random);
    case SignKind::kPedestrianCrossing:
      return PedestrianCrossing(scale, random);
    case SignKind::kYield:
      return Yield(scale, random);
  }
  ROOST_CHECK(false, "every kind of sign has its face");
}

}  // namespace roost::yolo::scenes

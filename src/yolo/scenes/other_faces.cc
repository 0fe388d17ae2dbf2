#include <algorithm>
#include <cmath>
#include <string>

#include <opencv2/imgproc.hpp>

#include "roost/base/error.h"
#include "yolo/scenes/letters.h"
#include "yolo/scenes/sign_faces.h"

namespace roost::yolo::scenes {
namespace {

Bgr Red(Random& random) {
  return FromHsv(random.Uniform(348, 370), random.Uniform(0.75, 1), random.Uniform(0.55, 0.95));
}
Bgr White(Random& random) { return Vary(Grey(random.Uniform(215, 255)), 8, random); }
Bgr Black(Random& random) { return Vary(Grey(random.Uniform(5, 45)), 6, random); }
Bgr AnyColor(Random& random) {
  return FromHsv(random.Uniform(0, 360), random.Uniform(0.2, 1), random.Uniform(0.2, 1));
}

/// OpenCV's stroke font: any text, `height` units tall, its middle at `center`.
void Print(Face& face, const std::string& text, cv::Point2f center, float height, const Bgr& color,
           double weight) {
  const double font_scale = height * face.scale() / 21;  // Hershey's capitals are 21 pixels tall
  const int thickness = std::max(1, static_cast<int>(std::lround(height * face.scale() * weight)));
  int base = 0;
  const cv::Size size = cv::getTextSize(text, cv::FONT_HERSHEY_SIMPLEX, font_scale, thickness, &base);
  const cv::Point2f at = center * face.scale() + face.middle();
  cv::putText(
      face.color(), text, {static_cast<int>(at.x) - size.width / 2, static_cast<int>(at.y) + size.height / 2},
      cv::FONT_HERSHEY_SIMPLEX, font_scale, cv::Scalar(color[0], color[1], color[2]), thickness, cv::LINE_AA);
}

void Arrow(Painter& paint, const Points& line, float width, const Bgr& color) {
  paint.Stroke(line, width, color);
  const cv::Point2f tip = line.back();
  cv::Point2f along = tip - line[line.size() - 2];
  along /= std::hypot(along.x, along.y);
  const cv::Point2f side(-along.y, along.x);
  const Points head{tip + along * (width * 1.6F), tip + side * (width * 1.4F), tip - side * (width * 1.4F)};
  paint.Polygon(head, color);
}

std::string RandomWord(Random& random, int shortest, int longest) {
  std::string word;
  const int length = random.Int(shortest, longest);
  for (int i = 0; i < length; ++i) word += static_cast<char>('A' + random.Int(0, 25));
  return word;
}

Face SpeedLimit(float scale, Random& random) {
  const std::string number = std::to_string(random.Int(1, 13) * 5 + (random.Chance(0.5) ? 0 : 30));
  if (random.Chance(0.5)) {  // a red ring
    Face face({1, 1}, scale, White(random));
    Painter paint = face.Paint();
    paint.Disc({}, 0.97F, Red(random));
    paint.Disc({}, random.Real(0.68, 0.82), White(random));
    if (random.Chance(0.85)) Print(face, number, {}, 0.6F, Black(random), 0.17);
    face.Cut(RegularPolygon(96, 1, 0));
    return face;
  }
  Face face({0.8F, 1}, scale, White(random));
  Painter paint = face.Paint();
  const Bgr black = Black(random);
  paint.Polygon(Rounded(Rectangle(-0.76F, -0.96F, 0.76F, 0.96F), 0.08F), black);
  paint.Polygon(Rounded(Rectangle(-0.72F, -0.92F, 0.72F, 0.92F), 0.07F), White(random));
  Print(face, random.Chance(0.5) ? "SPEED" : RandomWord(random, 3, 6), {0, -0.62F}, 0.24F, black, 0.15);
  Print(face, random.Chance(0.5) ? "LIMIT" : RandomWord(random, 3, 6), {0, -0.25F}, 0.24F, black, 0.15);
  Print(face, number, {0, 0.4F}, 0.66F, black, 0.17);
  face.Cut(Rounded(Rectangle(-0.8F, -1, 0.8F, 1), 0.08F));
  return face;
}

Face NoParking(float scale, Random& random) {
  const bool blue = random.Chance(0.5);
  Face face({1, 1}, scale, White(random));
  Painter paint = face.Paint();
  const Bgr red = Red(random);
  paint.Disc({}, 0.97F, red);
  paint.Disc({}, 0.78F, blue ? FromHsv(215, 0.9, random.Uniform(0.45, 0.8)) : White(random));
  if (!blue) Print(face, "P", {}, 0.9F, Black(random), 0.17);
  const Points slash{{-0.6F, -0.6F}, {0.6F, 0.6F}};
  paint.Stroke(slash, 0.17F, red);
  if (random.Chance(0.3)) {
    const Points other{{-0.6F, 0.6F}, {0.6F, -0.6F}};
    paint.Stroke(other, 0.17F, red);
  }
  face.Cut(random.Chance(0.7) ? RegularPolygon(96, 1, 0) : Rounded(Rectangle(-1, -1, 1, 1), 0.08F));
  return face;
}

Face NoTurn(float scale, Random& random) {
  Face face({1, 1}, scale, White(random));
  Painter paint = face.Paint();
  const Bgr red = Red(random);
  paint.Disc({}, 0.9F, red);
  paint.Disc({}, 0.72F, White(random));
  const float turn = random.Chance(0.5) ? 1.F : -1.F;
  Arrow(paint, {{-0.2F * turn, 0.5F}, {-0.2F * turn, -0.15F}, {0.25F * turn, -0.15F}}, 0.14F, Black(random));
  const Points slash{{-0.55F * turn, -0.55F}, {0.55F * turn, 0.55F}};
  paint.Stroke(slash, 0.14F, red);
  face.Cut(random.Chance(0.6) ? Rounded(Rectangle(-1, -1, 1, 1), 0.08F) : RegularPolygon(96, 0.93F, 0));
  return face;
}

Face Parking(float scale, Random& random) {
  Face face({0.9F, 0.9F}, scale,
            FromHsv(random.Uniform(200, 225), random.Uniform(0.7, 1), random.Uniform(0.4, 0.8)));
  Print(face, random.Pick<std::string>({"P", "H", "i", "M"}), {}, 1.1F, White(random), 0.16);
  face.Cut(random.Chance(0.7) ? Rounded(Rectangle(-0.9F, -0.9F, 0.9F, 0.9F), 0.1F)
                              : RegularPolygon(80, 0.9F, 0));
  return face;
}

Face Board(float scale, const Bgr& base, const Bgr& ink, Random& random, cv::Size2f half) {
  Face face(half, scale, base);
  Painter paint = face.Paint();
  if (random.Chance(0.6)) {
    const float x = half.width - 0.05F, y = half.height - 0.05F;
    paint.Polygon(Rounded(Rectangle(-x, -y, x, y), 0.06F), ink);
    paint.Polygon(Rounded(Rectangle(-x + 0.03F, -y + 0.03F, x - 0.03F, y - 0.03F), 0.05F), base);
  }
  const int lines = random.Int(1, std::max(1, static_cast<int>(half.height * 2.6F)));
  const float pitch = 2 * half.height / static_cast<float>(lines + 1);
  for (int i = 0; i < lines; ++i) {
    const float y = -half.height + pitch * (static_cast<float>(i) + 1);
    const int most = std::max(2, static_cast<int>(half.width * 2 / pitch * 2.2F));
    Print(face, RandomWord(random, std::min(2, most), std::min(most, 12)), {random.Real(-0.05, 0.05), y},
          pitch * 0.5F, ink, random.Uniform(0.1, 0.2));
  }
  face.Cut(Rounded(Rectangle(-half.width, -half.height, half.width, half.height), random.Real(0, 0.1)));
  return face;
}

/// A yellow diamond without anybody on it.
Face Warning(float scale, const Bgr& base, Random& random) {
  const Bgr black = Black(random);
  const Points diamond = RegularPolygon(4, 1.06F, -90);
  Face face({1.06F, 1.06F}, scale, base);
  Painter paint = face.Paint();
  const float corner = random.Real(0.04, 0.12);
  const auto scaled = [&](float by) {
    Points points = diamond;
    for (cv::Point2f& point : points) point *= by;
    return Rounded(points, corner);
  };
  paint.Polygon(scaled(0.93F), black);
  paint.Polygon(scaled(0.89F), base);
  const float turn = random.Chance(0.5) ? 1.F : -1.F;
  switch (random.Int(0, 7)) {
    case 0:  // a curve
      Arrow(paint,
            {{0.15F * turn, 0.55F}, {0.15F * turn, 0.1F}, {-0.15F * turn, -0.15F}, {-0.15F * turn, -0.4F}},
            0.16F, black);
      break;
    case 1:  // a turn
      Arrow(paint, {{-0.15F * turn, 0.5F}, {-0.15F * turn, -0.1F}, {0.3F * turn, -0.1F}}, 0.16F, black);
      break;
    case 2: {  // a side road
      const Points road{{0, 0.55F}, {0, -0.55F}}, side{{0, 0}, {0.42F * turn, 0}};
      paint.Stroke(road, 0.16F, black);
      paint.Stroke(side, 0.14F, black);
      break;
    }
    case 3: {  // signal ahead
      paint.Polygon(Rounded(Rectangle(-0.2F, -0.55F, 0.2F, 0.55F), 0.1F), black);
      paint.Disc({0, -0.34F}, 0.13F, {40, 40, 220});
      paint.Disc({0, 0}, 0.13F, {30, 200, 240});
      paint.Disc({0, 0.34F}, 0.13F, {60, 170, 40});
      break;
    }
    case 4: {  // lanes end
      const Points left{{-0.22F, 0.5F}, {-0.22F, -0.5F}},
          right{{0.25F, 0.5F}, {0.25F, 0.1F}, {0.02F, -0.2F}, {0.02F, -0.5F}};
      paint.Stroke(left, 0.12F, black);
      paint.Stroke(right, 0.12F, black);
      break;
    }
    case 5:  // words
      Print(face, RandomWord(random, 3, 6), {0, -0.2F}, 0.27F, black, 0.16);
      Print(face, RandomWord(random, 3, 6), {0, 0.2F}, 0.27F, black, 0.16);
      break;
    case 6: {  // stop ahead: a small octagon and an arrow
      paint.Polygon(RegularPolygon(8, 0.34F, 22.5F, {0, 0.18F}), Red(random));
      Arrow(paint, {{0, -0.2F}, {0, -0.5F}}, 0.12F, black);
      break;
    }
    default:  // a bump, a deer, something
      for (int i = 0; i < 4; ++i) {
        paint.Ellipse({random.Real(-0.3, 0.3), random.Real(-0.25, 0.35)},
                      {random.Real(0.08, 0.35), random.Real(0.05, 0.15)}, random.Real(-40, 40), black);
      }
  }
  face.Cut(Rounded(diamond, corner));
  return face;
}

Face Chevron(float scale, Random& random) {
  const bool red = random.Chance(0.4);
  const Bgr base = red ? White(random) : FromHsv(48, 0.95, 0.95), ink = red ? Red(random) : Black(random);
  Face face({0.75F, 1}, scale, base);
  Painter paint = face.Paint();
  const float turn = random.Chance(0.5) ? 1.F : -1.F;
  const Points arrow{{-0.4F * turn, -0.95F}, {0.1F * turn, -0.95F}, {0.6F * turn, 0},
                     {0.1F * turn, 0.95F},   {-0.4F * turn, 0.95F}, {0.1F * turn, 0}};
  paint.Polygon(arrow, ink);
  face.Cut(Rectangle(-0.75F, -1, 0.75F, 1));
  return face;
}

Face OneWay(float scale, Random& random) {
  const Bgr black = random.Chance(0.7) ? Black(random) : FromHsv(215, 0.9, 0.6), white = White(random);
  Face face({1.2F, 0.45F}, scale, black);
  Painter paint = face.Paint();
  const float turn = random.Chance(0.5) ? 1.F : -1.F;
  const Points arrow{{-1.05F * turn, -0.2F}, {0.55F * turn, -0.2F}, {0.5F * turn, -0.36F}, {1.08F * turn, 0},
                     {0.5F * turn, 0.36F},   {0.55F * turn, 0.2F},  {-1.05F * turn, 0.2F}};
  paint.Polygon(arrow, white);
  DrawWord(paint, "ONE WAY", {-0.15F * turn, 0}, 0.24F, black, {}, 1.2F);
  face.Cut(Rounded(Rectangle(-1.2F, -0.45F, 1.2F, 0.45F), 0.06F));
  return face;
}

Face RedDisc(float scale, Random& random) {
  const Bgr red = Red(random);
  Face face({1, 1}, scale, red);
  Painter paint = face.Paint();
  switch (random.Int(0, 3)) {
    case 0:  // a target
      paint.Disc({}, 0.7F, White(random));
      paint.Disc({}, 0.36F, red);
      break;
    case 1:  // a balloon, a lamp
      paint.Disc({-0.3F, -0.35F}, 0.22F, Blend(red, Grey(255), 0.6));
      break;
    case 2:
      Print(face, RandomWord(random, 1, 4), {}, random.Real(0.3, 0.7), White(random), 0.15);
      break;
    default:
      break;
  }
  face.Cut(RegularPolygon(90, 1, 0));
  return face;
}

Face Priority(float scale, Random& random) {
  Face face({1, 1}, scale, White(random));
  const Points inner = RegularPolygon(4, 0.72F, -90);
  face.Paint().Polygon(inner, FromHsv(48, 0.95, 0.98));
  face.Cut(Rounded(RegularPolygon(4, 1, -90), 0.06F));
  return face;
}

Face Hexagon(float scale, Random& random) {
  // Plates with corners that have no eight of them, in any colour, and octagons in other colours than red.
  const int corners = random.Pick({5, 6, 6, 8, 12});
  Bgr base = AnyColor(random);
  if (corners == 8) base = FromHsv(random.Uniform(60, 280), random.Uniform(0.3, 1), random.Uniform(0.2, 0.9));
  Face face({1, 1}, scale, White(random));
  face.Paint().Polygon(RegularPolygon(corners, 0.9F, corners == 8 ? 22.5F : -90), base);
  Print(face, RandomWord(random, 2, 5), {}, 0.45F, White(random), 0.15);
  face.Cut(Rounded(RegularPolygon(corners, 1, corners == 8 ? 22.5F : -90), 0.05F));
  return face;
}

/// Point up: danger ahead. Never point down, which would be a yield sign.
Face WarningTriangle(float scale, Random& random) {
  const Points triangle{{-1.1F, 0.95F}, {1.1F, 0.95F}, {0, -0.95F}};
  const Points inner{{-0.68F, 0.7F}, {0.68F, 0.7F}, {0, -0.47F}};
  Face face({1.1F, 0.95F}, scale, random.Chance(0.7) ? Red(random) : FromHsv(22, 0.95, 0.95));
  face.Paint().Polygon(inner, random.Chance(0.7) ? White(random) : FromHsv(48, 0.9, 0.95));
  if (random.Chance(0.8)) face.Paint().Ellipse({0, 0.3F}, {random.Real(0.06, 0.25), 0.3F}, 0, Black(random));
  face.Cut(Rounded(triangle, 0.1F));
  return face;
}

Face Clock(float scale, Random& random) {
  Face face({1, 1}, scale, Black(random));
  Painter paint = face.Paint();
  paint.Disc({}, 0.9F, White(random));
  const Points hand{{}, {random.Real(-0.6, 0.6), random.Real(-0.6, 0.6)}};
  paint.Stroke(hand, 0.06F, Black(random));
  const Points other{{}, {random.Real(-0.4, 0.4), random.Real(-0.4, 0.4)}};
  paint.Stroke(other, 0.08F, Black(random));
  face.Cut(RegularPolygon(80, 1, 0));
  return face;
}

}  // namespace

Face MakeOther(OtherKind kind, float scale, Random& random) {
  const auto half = [&](double low, double high) { return random.Real(low, high); };
  switch (kind) {
    case OtherKind::kSpeedLimit:
      return SpeedLimit(scale, random);
    case OtherKind::kNoParking:
      return NoParking(scale, random);
    case OtherKind::kNoTurn:
      return NoTurn(scale, random);
    case OtherKind::kParking:
      return Parking(scale, random);
    case OtherKind::kInformation:
      return Board(scale,
                   FromHsv(random.Pick({150.0, 160.0, 215.0, 30.0}), random.Uniform(0.6, 1),
                           random.Uniform(0.25, 0.6)),
                   White(random), random, {half(0.7, 2), half(0.5, 1.2)});
    case OtherKind::kWarning:
      return Warning(scale, FromHsv(random.Uniform(40, 53), random.Uniform(0.8, 1), random.Uniform(0.8, 1)),
                     random);
    case OtherKind::kWorks:
      return Warning(scale, FromHsv(random.Uniform(18, 30), random.Uniform(0.85, 1), random.Uniform(0.85, 1)),
                     random);
    case OtherKind::kChevron:
      return Chevron(scale, random);
    case OtherKind::kOneWay:
      return OneWay(scale, random);
    case OtherKind::kStreetName:
      return Board(
          scale,
          FromHsv(random.Pick({150.0, 215.0, 0.0}), random.Chance(0.8) ? 0.8 : 0, random.Uniform(0.3, 0.9)),
          White(random), random, {half(0.9, 1.6), half(0.17, 0.26)});
    case OtherKind::kBillboard:
      return Board(scale, AnyColor(random), AnyColor(random), random, {half(1, 2.5), half(0.6, 1.4)});
    case OtherKind::kRedDisc:
      return RedDisc(scale, random);
    case OtherKind::kRedBoard:
      return Board(scale, Red(random), White(random), random, {half(0.5, 2), half(0.3, 1.2)});
    case OtherKind::kBackOfSign: {
      const int corners = random.Pick({3, 4, 8, 8, 80});
      const float first = corners == 3 ? 90.F : corners == 8 ? 22.5F : random.Chance(0.5) ? 45.F : 0.F;
      return MakeBack(Rounded(RegularPolygon(corners, 1, first), 0.04F), {1, 1}, scale, random);
    }
    case OtherKind::kPriority:
      return Priority(scale, random);
    case OtherKind::kHexagon:
      return Hexagon(scale, random);
    case OtherKind::kWarningTriangle:
      return WarningTriangle(scale, random);
    case OtherKind::kClock:
      return Clock(scale, random);
  }
  ROOST_CHECK(false, "every kind of sign has its face");
}

Face MakePlate(SignKind above, float scale, Random& random) {
  const Bgr white = White(random);
  if (above == SignKind::kStop) {
    const Bgr red = Red(random);
    Face face({random.Real(0.5, 0.75), 0.22F}, scale, random.Chance(0.7) ? red : white);
    Painter paint = face.Paint();
    const bool on_red = face.color().at<cv::Vec3b>(0, 0)[0] < 150;
    const float width = face.half().width;
    DrawWord(paint, random.Chance(0.6) ? "ALL WAY" : "4-WAY", {}, 0.24F, on_red ? white : red, {},
             2 * width * 0.85F);
    face.Cut(Rounded(Rectangle(-width, -0.22F, width, 0.22F), 0.05F));
    return face;
  }
  if (above == SignKind::kDoNotEnter && random.Chance(0.6)) {
    Face face({1.1F, 0.4F}, scale, Red(random));
    Painter paint = face.Paint();
    DrawWord(paint, "WRONG WAY", {}, 0.34F, white, {}, 1.95F);
    face.Cut(Rounded(Rectangle(-1.1F, -0.4F, 1.1F, 0.4F), 0.06F));
    return face;
  }
  if (above == SignKind::kPedestrianCrossing) {
    Face face({0.75F, 0.36F}, scale, random.Chance(0.5) ? FromHsv(48, 0.95, 0.96) : FromHsv(70, 0.9, 0.97));
    Painter paint = face.Paint();
    if (random.Chance(0.5)) {
      const float turn = random.Chance(0.5) ? 1.F : -1.F;
      Arrow(paint, {{-0.35F * turn, -0.18F}, {0.25F * turn, 0.14F}}, 0.12F, Black(random));
    } else {
      DrawWord(paint, "XING", {}, 0.36F, Black(random), {}, 1.2F);
    }
    face.Cut(Rounded(Rectangle(-0.75F, -0.36F, 0.75F, 0.36F), 0.05F));
    return face;
  }
  return Board(scale, white, Black(random), random, {random.Real(0.5, 0.9), random.Real(0.25, 0.45)});
}

Face MakeBack(const Points& outline, cv::Size2f half, float scale, Random& random) {
  Face face(half, scale, Vary(Grey(random.Uniform(95, 190)), 8, random));
  Painter paint = face.Paint();
  const float width = random.Real(0.05, 0.12);
  paint.Rect(-width, -half.height, width, half.height, Grey(random.Uniform(70, 150)));
  for (const float y : {-0.5F, 0.5F}) paint.Disc({0, y * half.height}, 0.04F, Grey(60));
  face.Cut(outline);
  return face;
}

}  // namespace roost::yolo::scenes

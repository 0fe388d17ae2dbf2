#include "yolo/scenes/backdrop.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "yolo/scenes/noise.h"
#include "yolo/scenes/things.h"

namespace roost::yolo::scenes {
namespace {

/// Rows `from`..`to` change from one colour to the other.
void PaintGradient(cv::Mat& picture, int from, int to, const Bgr& first, const Bgr& last) {
  for (int y = std::max(0, from); y < std::min(picture.rows, to); ++y) {
    const Bgr color = Blend(first, last, static_cast<double>(y - from) / std::max(1, to - from));
    picture.row(y).setTo(cv::Scalar(color[0], color[1], color[2]));
  }
}

void PaintSky(cv::Mat& picture, int horizon, Random& random) {
  Bgr top, low;
  switch (random.Weighted({0.5, 0.35, 0.15})) {
    case 0:  // clear
      top = FromHsv(random.Uniform(200, 220), random.Uniform(0.35, 0.75), random.Uniform(0.55, 0.92));
      low = FromHsv(random.Uniform(195, 215), random.Uniform(0.05, 0.35), random.Uniform(0.8, 1));
      break;
    case 1:  // overcast
      top = Vary(Grey(random.Uniform(150, 235)), 8, random);
      low = Vary(Grey(random.Uniform(190, 250)), 8, random);
      break;
    default:  // low sun
      top = FromHsv(random.Uniform(210, 250), random.Uniform(0.2, 0.6), random.Uniform(0.3, 0.7));
      low = FromHsv(random.Uniform(15, 45), random.Uniform(0.2, 0.7), random.Uniform(0.75, 1));
  }
  PaintGradient(picture, 0, horizon + 2, top, low);
  if (horizon < 8 || !random.Chance(0.7)) return;
  cv::Mat sky = picture.rowRange(0, std::min(picture.rows, horizon));
  cv::Mat clouds = CloudNoise(sky.size(), picture.cols * random.Uniform(0.12, 0.4), 5, 0.55, random);
  const double start = random.Uniform(0.35, 0.6);
  Threshold(clouds, start, start + random.Uniform(0.15, 0.5));
  clouds *= random.Uniform(0.4, 1);
  Tint(sky, clouds, Vary(Grey(random.Uniform(190, 250)), 8, random));
}

Bgr GroundColor(Random& random) {
  switch (random.Weighted({0.55, 0.2, 0.15, 0.1})) {
    case 0:  // grass
      return FromHsv(random.Uniform(55, 115), random.Uniform(0.25, 0.65), random.Uniform(0.25, 0.6));
    case 1:  // sand, earth
      return FromHsv(random.Uniform(20, 45), random.Uniform(0.15, 0.5), random.Uniform(0.35, 0.75));
    case 2:  // paving
      return Vary(Grey(random.Uniform(110, 190)), 10, random);
    default:  // snow
      return Vary(Grey(random.Uniform(195, 240)), 8, random);
  }
}

/// A point of the ground, `side` metres right of the road's middle and `distance` away.
cv::Point2f Ground(const View& view, float side, float distance) {
  return {view.vanishing + view.focal * side / distance, view.GroundRow(distance)};
}

void PaintStrip(Painter& paint, const View& view, float left, float right, float near, float far,
                const Bgr& color) {
  paint.Polygon(Points{Ground(view, left, near), Ground(view, right, near), Ground(view, right, far),
                       Ground(view, left, far)},
                color);
}

/// Grass, fallen leaves, stones: smaller the farther away.
void PaintLitter(cv::Mat& picture, const View& view, const Bgr& ground, Random& random) {
  Painter paint(picture);
  const float rows = static_cast<float>(picture.rows) - view.horizon;
  const bool blades = random.Chance(0.5);
  const float size = random.Real(0.008, 0.035), variety = random.Real(15, 60);
  const Bgr other = Vary(ground, 40, random);
  const int count = random.Int(500, 4500);
  for (int i = 0; i < count; ++i) {
    const float down = rows * std::sqrt(random.Real(0, 1));
    const float length = std::max(1.F, down * size * random.Real(0.4, 1.6));
    const Bgr color = Vary(random.Chance(0.7) ? ground : other, variety, random);
    paint.Crumb({random.Real(0, picture.cols), view.horizon + down}, length * (blades ? 1.8F : 1.F),
                length * (blades ? 0.3F : 0.6F), blades ? random.Real(60, 120) : random.Real(-30, 30), color);
  }
}

/// Cracks, patches and stains.
void PaintWear(cv::Mat& picture, const View& view, const Bgr& asphalt, Random& random) {
  Painter paint(picture);
  const int patches = random.Int(0, 4);
  for (int i = 0; i < patches; ++i) {
    const float left = random.Real(-4, 3), near = random.Real(3, 25);
    PaintStrip(paint, view, left, left + random.Real(0.4, 3), near, near + random.Real(0.6, 8),
               asphalt * random.Real(0.7, 1.2));
  }
  const int cracks = random.Int(0, 6);
  for (int i = 0; i < cracks; ++i) {
    float side = random.Real(-4, 4), distance = random.Real(3, 25);
    const float drift = random.Real(-0.5, 0.5);
    Points crack;
    for (int step = 0; step < 14; ++step) {
      crack.push_back(Ground(view, side, distance));
      side += drift + random.Real(-0.3, 0.3);
      distance = std::max(2.F, distance + random.Real(-0.8, 0.8));
    }
    paint.Stroke(crack, random.Real(0.7, 2), asphalt * 0.5F);
  }
}

void PaintGround(cv::Mat& picture, const View& view, Random& random) {
  const int horizon = static_cast<int>(view.horizon);
  if (horizon >= picture.rows - 2) return;
  const Bgr ground = GroundColor(random);
  PaintGradient(picture, horizon, picture.rows, Blend(ground, Grey(170), 0.3), ground);
  if (random.Chance(0.75)) PaintLitter(picture, view, ground, random);
  Painter paint(picture);
  const float near = std::max(
      0.3F, view.focal * view.camera_height / (static_cast<float>(picture.rows) * 1.2F - view.horizon));
  constexpr float kFar = 400;
  const float half = random.Real(2.8, 7), offset = random.Real(-4, 4);
  const Bgr asphalt = Vary(Grey(random.Uniform(55, 150)), 8, random);
  if (random.Chance(0.6)) {  // kerb and pavement
    const Bgr paving = Vary(Grey(random.Uniform(120, 200)), 10, random);
    PaintStrip(paint, view, offset - half - random.Real(1.5, 4), offset + half + random.Real(1.5, 4), near,
               kFar, paving);
    PaintStrip(paint, view, offset - half - 0.2F, offset + half + 0.2F, near, kFar, paving * 0.75F);
  }
  PaintStrip(paint, view, offset - half, offset + half, near, kFar, asphalt);
  PaintWear(picture, view, asphalt, random);
  const Bgr line = random.Chance(0.3) ? FromHsv(48, 0.8, 0.85) : Grey(random.Uniform(180, 235));
  if (random.Chance(0.7)) {
    if (random.Chance(0.5)) {
      PaintStrip(paint, view, offset - 0.08F, offset + 0.08F, near, kFar, line);
    } else {
      const float pitch = random.Real(6, 12);
      for (float at = near + random.Real(0, 4); at < 90; at += pitch) {
        PaintStrip(paint, view, offset - 0.08F, offset + 0.08F, at, at + pitch * 0.4F, line);
      }
    }
  }
  if (random.Chance(0.5)) {
    for (const float x : {-half + 0.3F, half - 0.3F}) {
      PaintStrip(paint, view, offset + x - 0.06F, offset + x + 0.06F, near, kFar, line);
    }
  }
  if (random.Chance(0.35)) {  // a stop line, or the bars of a crossing
    const float at = random.Real(5, 22);
    const Bgr white = Grey(random.Uniform(175, 235));
    if (random.Chance(0.5)) {
      PaintStrip(paint, view, offset - half + 0.3F, offset + half - 0.3F, at, at + 0.5F, white);
    } else {
      for (float x = -half + 0.4F; x < half - 0.6F; x += 1)
        PaintStrip(paint, view, offset + x, offset + x + 0.5F, at, at + 3, white);
    }
  }
  cv::Mat below = picture.rowRange(horizon, picture.rows);
  Shade(below, CloudNoise(below.size(), random.Uniform(40, 200), 3, 0.6, random), random.Uniform(0.02, 0.12));
  Shade(below, CloudNoise(below.size(), random.Uniform(4, 12), 2, 0.9, random), random.Uniform(0.02, 0.15));
  Shade(below, Grain(below.size(), random), random.Uniform(0.03, 0.25));
  if (random.Chance(0.5)) {  // shadows on the ground
    cv::Mat shadow = CloudNoise(cv::Size(below.cols, below.rows), random.Uniform(40, 160), 3, 0.5, random);
    const double edge = random.Uniform(0.5, 0.7);
    Threshold(shadow, edge, edge + 0.12);
    shadow *= random.Uniform(0.3, 0.6);
    Tint(below, shadow, {20, 15, 12});
  }
}

void PaintHills(cv::Mat& picture, const View& view, Random& random) {
  Painter paint(picture);
  const int ridges = random.Int(1, 3);
  for (int ridge = 0; ridge < ridges; ++ridge) {
    const float height =
        static_cast<float>(picture.rows) * random.Real(0.02, 0.2) / static_cast<float>(ridge + 1);
    Points line{{-5, view.horizon + 3}};
    float up = random.Real(0.2, 1);
    for (float x = -5; x < static_cast<float>(picture.cols) + 20; x += 12) {
      up = std::clamp(up + random.Real(-0.16, 0.16), 0.05F, 1.2F);
      line.emplace_back(x, view.horizon - up * height);
    }
    line.emplace_back(static_cast<float>(picture.cols) + 20, view.horizon + 3);
    const Bgr far = FromHsv(random.Uniform(80, 220), random.Uniform(0.05, 0.4), random.Uniform(0.25, 0.65));
    paint.Polygon(line, far);
  }
}

void PaintTreeLine(cv::Mat& picture, const View& view, Random& random) {
  const float height = static_cast<float>(picture.rows) * random.Real(0.05, 0.4);
  float x = random.Real(-40, 0);
  while (x < static_cast<float>(picture.cols) + 40) {
    const float radius = height * random.Real(0.4, 0.9);
    PaintFoliage(picture, {x, view.horizon - height * random.Real(0.2, 0.5)},
                 {radius, height * random.Real(0.5, 0.9)}, random);
    x += radius * random.Real(0.7, 2);
  }
}

void PaintStreetFronts(cv::Mat& picture, const View& view, Random& random) {
  for (const float side : {-1.F, 1.F}) {
    if (random.Chance(0.3)) continue;
    const float line = side * random.Real(7, 16);
    float distance = random.Real(50, 90);
    while (distance > 6) {
      const float length = random.Real(8, 22), near = std::max(3.F, distance - length),
                  height = random.Real(4, 18);
      const cv::Point2f near_foot = Ground(view, line, near), far_foot = Ground(view, line, distance);
      PaintBuilding(picture,
                    {near_foot.x, near_foot.y - view.focal * height / near, near_foot.y, far_foot.x,
                     far_foot.y - view.focal * height / distance, far_foot.y},
                    random);
      distance = near - random.Real(0, 4);
    }
  }
}

void PaintFacade(cv::Mat& picture, const View& view, Random& random) {
  float x = random.Real(-80, 0);
  const auto width = static_cast<float>(picture.cols);
  while (x < width) {
    const float next = x + width * random.Real(0.15, 0.6);
    const float foot = view.horizon + static_cast<float>(picture.rows) * random.Real(0.0, 0.06);
    const float top = foot - static_cast<float>(picture.rows) * random.Real(0.15, 0.7);
    PaintBuilding(picture, {x, top, foot, next, top + random.Real(-8, 8), foot}, random);
    x = next + (random.Chance(0.3) ? random.Real(5, 60) : 0);
  }
}

void PaintWires(cv::Mat& picture, const View& view, Random& random) {
  Painter paint(picture);
  const int wires = random.Int(1, 5);
  const auto width = static_cast<float>(picture.cols);
  for (int i = 0; i < wires; ++i) {
    const float from = random.Real(0, view.horizon), to = from + random.Real(-60, 60),
                sag = random.Real(2, 25);
    Points line;
    for (int step = 0; step <= 12; ++step) {
      const float part = static_cast<float>(step) / 12;
      line.emplace_back(part * width, from + (to - from) * part + sag * 4 * part * (1 - part));
    }
    paint.Stroke(line, random.Real(0.6, 1.6), Grey(random.Uniform(15, 60)));
  }
}

void PaintThings(cv::Mat& picture, const View& view, Random& random) {
  const int count = random.Int(2, 11);
  std::vector<float> distances;
  for (int i = 0; i < count; ++i) distances.push_back(static_cast<float>(random.LogUniform(5, 70)));
  std::sort(distances.rbegin(), distances.rend());
  for (const float distance : distances) {
    const float metre = view.focal / distance;
    const float side = (random.Chance(0.5) ? 1.F : -1.F) * random.Real(2, 12);
    const cv::Point2f foot = Ground(view, side, distance);
    switch (random.Weighted({0.34, 0.2, 0.22, 0.05, 0.09, 0.05, 0.05})) {
      case 0:
        PaintTree(picture, Ground(view, side * 1.3F, distance), metre * random.Real(3.5, 11), random);
        break;
      case 1:
        PaintFoliage(picture, foot - cv::Point2f(0, metre * 0.5F),
                     cv::Size2f(random.Real(0.6, 2.2), random.Real(0.5, 1.2)) * metre, random);
        break;
      case 2:
        PaintCar(picture, Ground(view, side * 0.7F, distance), metre * random.Real(1.7, 3.8), random);
        break;
      case 3:
        PaintTruck(picture, foot, metre * 2.4F, random);
        break;
      case 4:
        PaintPerson(picture, foot, metre * random.Real(1.5, 1.9), random);
        break;
      case 5:
        PaintTrafficLight(picture, foot, metre * random.Real(3, 5), random);
        break;
      default:
        PaintLamp(picture, foot, metre * random.Real(5, 9), random);
    }
  }
}

/// Bare branches that divide and divide again.
void PaintTwig(Painter& paint, cv::Point2f from, float degrees, float length, float width, const Bgr& color,
               Random& random) {
  if (length < 4 || width < 0.3F) return;
  const float turn = degrees * 3.14159265F / 180;
  const cv::Point2f to = from + cv::Point2f(std::cos(turn), std::sin(turn)) * length;
  paint.Stroke(Points{from, to}, width, color);
  const int branches = random.Int(1, 3);
  for (int i = 0; i < branches; ++i) {
    PaintTwig(paint, from + (to - from) * random.Real(0.5, 1), degrees + random.Real(-45, 45),
              length * random.Real(0.5, 0.85), width * random.Real(0.5, 0.8), color, random);
  }
}

void PaintTwigs(cv::Mat& picture, Random& random) {
  Painter paint(picture);
  const int count = random.Int(1, 5);
  const auto width = static_cast<float>(picture.cols), height = static_cast<float>(picture.rows);
  const Bgr color = FromHsv(random.Uniform(15, 40), random.Uniform(0, 0.4), random.Uniform(0.08, 0.4));
  for (int i = 0; i < count; ++i) {
    const bool left = random.Chance(0.5);
    const cv::Point2f from(left ? -5.F : width + 5, random.Real(0, height * 0.8));
    PaintTwig(paint, from, (left ? 0.F : 180.F) + random.Real(-50, 50), width * random.Real(0.08, 0.22),
              random.Real(1.5, 7), color, random);
  }
}

/// Textured things of all sizes upon one another, small ones more often than large ones: what photographs
/// have in common, whatever they show ("dead leaves", Lee, Mumford and Huang 2001).
void PaintHeap(cv::Mat& picture, Random& random) {
  Painter paint(picture);
  const auto width = static_cast<float>(picture.cols), height = static_cast<float>(picture.rows);
  const double hue = random.Uniform(0, 360), spread = random.Uniform(20, 180),
               most = random.Uniform(0.2, 0.9);
  const int corners_least = random.Int(3, 5), corners_most = corners_least + random.Int(0, 5);
  const int count = random.Int(250, 900);
  for (int i = 0; i < count; ++i) {
    // Large ones first, so that some small ones stay in sight.
    const double part = static_cast<double>(i) / count;
    const auto radius =
        static_cast<float>(width * 0.3 * std::pow(1 - part, 2.5) * random.Uniform(0.4, 1) + 2);
    const cv::Point2f at(random.Real(0, width), random.Real(0, height));
    const Bgr color = FromHsv(hue + random.Uniform(-spread, spread) + 360, random.Uniform(0, most),
                              random.Uniform(0.05, 1));
    const float turn = random.Real(0, 360), squeeze = random.Real(0.3, 1);
    if (random.Chance(0.4)) {
      paint.Ellipse(at, {radius, radius * squeeze}, turn, color);
      if (radius > 12)
        paint.Ellipse(at - cv::Point2f(radius, radius) * 0.12F, {radius * 0.7F, radius * squeeze * 0.7F},
                      turn, Vary(color, 25, random));
      continue;
    }
    Points shape = RegularPolygon(random.Int(corners_least, corners_most), radius, turn, at);
    for (cv::Point2f& corner : shape)
      corner += cv::Point2f(random.Real(-0.4, 0.4), random.Real(-0.4, 0.4)) * radius;
    paint.Polygon(shape, color);
    if (radius < 15) continue;
    const int stripes = random.Chance(0.5) ? random.Int(2, 9) : 0;
    for (int stripe = 0; stripe < stripes; ++stripe) {
      const cv::Point2f along(std::cos(turn), std::sin(turn)), aside(-along.y, along.x);
      const cv::Point2f middle =
          at + aside * (radius * (static_cast<float>(stripe) / static_cast<float>(stripes) - 0.5F));
      paint.Stroke(Points{middle - along * (radius * 0.5F), middle + along * (radius * 0.5F)}, radius * 0.05F,
                   color * 0.6F);
    }
  }
}

/// Something dark and near at the edge: a dashboard, a window frame, somebody's shoulder.
void PaintFrame(cv::Mat& picture, Random& random) {
  Painter paint(picture);
  const auto width = static_cast<float>(picture.cols), height = static_cast<float>(picture.rows);
  const Bgr color = Vary(Grey(random.Uniform(8, 70)), 10, random);
  if (random.Chance(0.5)) {
    const float row = height * random.Real(0.8, 0.95);
    paint.Polygon(Points{{-5, row + random.Real(-15, 25)},
                         {width * 0.5F, row},
                         {width + 5, row + random.Real(-15, 25)},
                         {width + 5, height + 5},
                         {-5, height + 5}},
                  color);
  } else {
    const float side = random.Chance(0.5) ? 0 : width,
                reach = width * random.Real(0.04, 0.16) * (side > 0 ? -1.F : 1.F);
    paint.Polygon(Points{{side, -5},
                         {side + reach, -5},
                         {side + reach * random.Real(0.4, 1.4), height + 5},
                         {side, height + 5}},
                  color);
  }
}

void PaintShapes(cv::Mat& picture, Random& random) {
  Painter paint(picture);
  const int count = random.Int(5, 60);
  const auto width = static_cast<float>(picture.cols), height = static_cast<float>(picture.rows);
  for (int i = 0; i < count; ++i) {
    const cv::Point2f at(random.Real(0, width), random.Real(0, height));
    const auto size = static_cast<float>(random.LogUniform(8, width * 0.4));
    const Bgr color = FromHsv(random.Uniform(0, 360), random.Uniform(0, 1), random.Uniform(0.05, 1));
    switch (random.Int(0, 3)) {
      case 0:
        paint.Ellipse(at, {size, size * random.Real(0.2, 1)}, random.Real(0, 180), color);
        break;
      case 1:
        paint.Polygon(RegularPolygon(random.Pick({4, 4, 5, 6}), size, random.Real(0, 90), at), color);
        break;
      case 2:
        paint.Rect(at.x - size, at.y - size * random.Real(0.1, 1), at.x + size,
                   at.y + size * random.Real(0.1, 1), color);
        break;
      default:
        paint.Stroke(Points{at, at + cv::Point2f(random.Real(-2, 2), random.Real(-2, 2)) * size},
                     size * random.Real(0.02, 0.3), color);
    }
  }
}

void PaintRoom(cv::Mat& picture, Random& random) {
  const int floor = static_cast<int>(static_cast<float>(picture.rows) * random.Real(0.5, 0.95));
  const Bgr wall = FromHsv(random.Uniform(0, 360), random.Uniform(0, 0.35), random.Uniform(0.3, 0.95));
  const Bgr boards = FromHsv(random.Uniform(10, 45), random.Uniform(0.1, 0.6), random.Uniform(0.2, 0.7));
  PaintGradient(picture, 0, floor, wall, wall * random.Real(0.6, 1));
  PaintGradient(picture, floor, picture.rows, boards * 0.7F, boards);
  Painter paint(picture);
  const auto width = static_cast<float>(picture.cols), height = static_cast<float>(picture.rows);
  const int things = random.Int(3, 14);
  for (int i = 0; i < things; ++i) {
    const float left = random.Real(-0.1, 0.95) * width, top = random.Real(0, 0.8) * height;
    const float right = left + random.Real(0.05, 0.4) * width, bottom = top + random.Real(0.05, 0.5) * height;
    const Bgr color = FromHsv(random.Uniform(0, 360), random.Uniform(0, 0.8), random.Uniform(0.1, 0.95));
    paint.Rect(left + 4, top + 5, right + 4, bottom + 5, wall * 0.5F);
    paint.Rect(left, top, right, bottom, color);
    if (random.Chance(0.6)) paint.Rect(left + 5, top + 5, right - 5, bottom - 5, Vary(color, 60, random));
  }
}

}  // namespace

void PaintRoad(cv::Mat& picture, const View& view, Random& random) {
  PaintSky(picture, static_cast<int>(view.horizon), random);
  if (random.Chance(0.5)) PaintHills(picture, view, random);
  switch (random.Weighted({0.35, 0.25, 0.25, 0.15})) {
    case 0:
      PaintTreeLine(picture, view, random);
      break;
    case 1:
      PaintFacade(picture, view, random);
      break;
    case 2:
      PaintFacade(picture, view, random);
      PaintTreeLine(picture, view, random);
      break;
    default:
      break;
  }
  PaintGround(picture, view, random);
  if (random.Chance(0.35)) PaintStreetFronts(picture, view, random);
  if (random.Chance(0.3)) PaintWires(picture, view, random);
  PaintThings(picture, view, random);
  if (random.Chance(0.2)) PaintTwigs(picture, random);
  if (random.Chance(0.1)) PaintFrame(picture, random);
  // Nothing outside is of one colour.
  Shade(picture, CloudNoise(picture.size(), random.LogUniform(12, 80), 4, 0.7, random),
        random.Uniform(0.01, 0.06));
}

void PaintAnything(cv::Mat& picture, Random& random) {
  const auto color = [&] {
    return FromHsv(random.Uniform(0, 360), random.Uniform(0, 0.9), random.Uniform(0.05, 1));
  };
  PaintGradient(picture, 0, picture.rows, color(), color());
  switch (random.Weighted({0.1, 0.15, 0.15, 0.15, 0.1, 0.35})) {
    case 0:  // fields of colour
      for (int i = 0; i < 3; ++i) {
        cv::Mat weights =
            CloudNoise(picture.size(), random.LogUniform(8, 200), 4, random.Uniform(0.4, 0.9), random);
        Threshold(weights, random.Uniform(0.2, 0.5), random.Uniform(0.55, 0.9));
        Tint(picture, weights, color());
      }
      break;
    case 1:
      PaintShapes(picture, random);
      break;
    case 2:
      PaintRoom(picture, random);
      break;
    case 3:  // leaves all over
      for (int i = 0; i < 14; ++i) {
        const float radius = random.Real(0.15, 0.45) * static_cast<float>(picture.cols);
        PaintFoliage(picture, {random.Real(0, picture.cols), random.Real(0, picture.rows)},
                     {radius, radius * random.Real(0.5, 1)}, random);
      }
      break;
    case 4: {
      PaintShapes(picture, random);
      Shade(picture, CloudNoise(picture.size(), random.LogUniform(6, 100), 4, 0.8, random),
            random.Uniform(0.2, 0.7));
      break;
    }
    default:
      PaintHeap(picture, random);
      if (random.Chance(0.3)) cv::GaussianBlur(picture, picture, {}, random.LogUniform(1.5, 16));
  }
  Shade(picture, CloudNoise(picture.size(), random.Uniform(20, 90), 4, 0.8, random),
        random.Uniform(0.05, 0.25));
}

}  // namespace roost::yolo::scenes

#include "yolo/scenes/things.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "yolo/scenes/noise.h"

namespace roost::yolo::scenes {
namespace {

Bgr LeafColor(Random& random) {
  switch (random.Weighted({0.75, 0.15, 0.1})) {
    case 0:
      return FromHsv(random.Uniform(60, 125), random.Uniform(0.25, 0.7), random.Uniform(0.2, 0.55));
    case 1:
      return FromHsv(random.Uniform(15, 55), random.Uniform(0.4, 0.8), random.Uniform(0.3, 0.7));
    default:
      return FromHsv(random.Uniform(20, 40), random.Uniform(0.1, 0.4), random.Uniform(0.2, 0.45));
  }
}

Bgr PaintColor(Random& random) {
  const double saturation = random.Chance(0.55) ? random.Uniform(0, 0.12) : random.Uniform(0.4, 0.95);
  return FromHsv(random.Chance(0.4) ? random.Uniform(-12, 12) + 360 : random.Uniform(0, 360), saturation,
                 random.Uniform(0.12, 0.92));
}

}  // namespace

void PaintFoliage(cv::Mat& picture, cv::Point2f center, cv::Size2f radii, Random& random) {
  const cv::Point2f reach(radii.width * 1.1F, radii.height * 1.1F);
  const cv::Point2f first = center - reach, last = center + reach;
  const cv::Rect area = cv::Rect(cv::Point(static_cast<int>(first.x), static_cast<int>(first.y)),
                                 cv::Point(static_cast<int>(last.x) + 2, static_cast<int>(last.y) + 2)) &
                        cv::Rect(cv::Point(), picture.size());
  if (area.empty()) return;
  const Bgr leaf = LeafColor(random);
  const double radius = std::max(radii.width, radii.height);
  const double leaf_size = std::clamp(radius * random.Uniform(0.03, 0.1), 1.5, 9.0);
  const cv::Mat coarse =
      CloudNoise(area.size(), std::max(4.0, radius * random.Uniform(0.3, 0.7)), 3, 0.6, random);
  const cv::Mat fine = CloudNoise(area.size(), std::max(2.5, leaf_size * 1.5), 2, 0.9, random);
  const float ragged = random.Real(0.3, 0.8), holes = random.Real(0.1, 0.5), contrast = random.Real(0.9, 1.9);
  const Bgr lit = Blend(leaf, {90, 235, 245}, random.Uniform(0.1, 0.4)), dark = leaf * 0.18F;
  const auto inside = [&](int x, int y) {
    const float dx = (static_cast<float>(area.x + x) - center.x) / radii.width;
    const float dy = (static_cast<float>(area.y + y) - center.y) / radii.height;
    return 1 - (dx * dx + dy * dy) - ragged * coarse.at<float>(y, x) - holes * fine.at<float>(y, x);
  };
  const auto color_at = [&](int x, int y, float more) {
    const float dy = (static_cast<float>(area.y + y) - center.y) / radii.height;
    const float light = std::clamp(0.42F + (fine.at<float>(y, x) - 0.5F) * contrast +
                                       (coarse.at<float>(y, x) - 0.5F) * 0.9F - dy * 0.22F + more,
                                   0.F, 1.F);
    return light < 0.5F ? Blend(dark, leaf, light * 2) : Blend(leaf, lit, light * 2 - 1);
  };
  for (int y = 0; y < area.height; ++y) {
    auto* to = picture.ptr<cv::Vec3b>(area.y + y) + area.x;
    for (int x = 0; x < area.width; ++x) {
      const float depth = inside(x, y);
      if (depth < 0) continue;
      const float part = std::min(1.F, depth * 12);
      const Bgr color = color_at(x, y, 0);
      for (int c = 0; c < 3; ++c) {
        to[x][c] = static_cast<uchar>(static_cast<float>(to[x][c]) * (1 - part) + color[c] * part);
      }
    }
  }
  // Single leaves, also a little beyond the edge.
  Painter paint(picture);
  const int leaves = static_cast<int>(std::min(1600.0, area.area() / (leaf_size * leaf_size) * 0.8));
  const float slim = random.Real(0.25, 0.8);
  for (int i = 0; i < leaves; ++i) {
    const int x = random.Int(0, area.width - 1), y = random.Int(0, area.height - 1);
    if (inside(x, y) < -0.06F) continue;
    const float length = static_cast<float>(leaf_size) * random.Real(0.7, 1.7);
    paint.Crumb({static_cast<float>(area.x + x), static_cast<float>(area.y + y)}, length, length * slim,
                random.Real(0, 180), color_at(x, y, random.Real(-0.35, 0.45)));
  }
}

void PaintTree(cv::Mat& picture, cv::Point2f foot, float height, Random& random) {
  Painter paint(picture);
  const Bgr bark = FromHsv(random.Uniform(15, 40), random.Uniform(0.1, 0.45), random.Uniform(0.12, 0.45));
  const float width = height * random.Real(0.025, 0.07);
  const cv::Point2f top = foot - cv::Point2f(height * random.Real(-0.05, 0.05), height * 0.7F);
  const Points trunk{foot + cv::Point2f(-width, 0), foot + cv::Point2f(width, 0),
                     top + cv::Point2f(width * 0.4F, 0), top - cv::Point2f(width * 0.4F, 0)};
  paint.Polygon(trunk, bark);
  const Points shade{foot, foot + cv::Point2f(width, 0), top + cv::Point2f(width * 0.4F, 0), top};
  paint.Polygon(shade, bark * 0.7F);
  const int branches = random.Int(4, 11);
  for (int i = 0; i < branches; ++i) {
    const float along = random.Real(0.4, 1);
    const cv::Point2f from = foot + (top - foot) * along;
    const float reach = height * random.Real(0.12, 0.35), lean = random.Real(-1.2, 1.2);
    const cv::Point2f middle = from + cv::Point2f(std::sin(lean), -std::cos(lean)) * (reach * 0.5F);
    const Points branch{from, middle,
                        middle + cv::Point2f(std::sin(lean * 0.6F), -std::cos(lean * 0.6F)) * (reach * 0.6F)};
    paint.Stroke(branch, std::max(0.6F, width * random.Real(0.2, 0.6)), bark * random.Real(0.7, 1));
  }
  if (random.Chance(0.12)) return;  // winter
  const int crowns = random.Int(1, 4);
  for (int i = 0; i < crowns; ++i) {
    const cv::Point2f at = top + cv::Point2f(random.Real(-0.15, 0.15), random.Real(-0.2, 0.2)) * height;
    PaintFoliage(picture, at, cv::Size2f(random.Real(0.18, 0.36), random.Real(0.2, 0.36)) * height, random);
  }
}

void PaintCar(cv::Mat& picture, cv::Point2f foot, float width, Random& random) {
  const Bgr body = PaintColor(random), glass = Vary({60, 50, 42}, 25, random),
            tyre = Grey(random.Uniform(12, 40));
  Painter paint(picture, width, foot);
  paint.Ellipse({0, -0.01F}, {0.54F, 0.05F}, 0, Grey(28));
  if (random.Chance(0.5)) {  // from the side
    const float turn = random.Chance(0.5) ? 1.F : -1.F, roof = random.Real(-0.36, -0.28);
    const auto at = [turn](float x, float y) { return cv::Point2f(x * turn, y); };
    const Points lower{at(-0.5F, -0.06F), at(-0.49F, -0.19F), at(-0.25F, -0.21F),
                       at(0.28F, -0.21F), at(0.48F, -0.17F),  at(0.5F, -0.06F)};
    const Points upper{at(-0.42F, -0.2F), at(-0.3F, roof), at(0.08F, roof), at(0.27F, -0.2F)};
    paint.Polygon(Rounded(upper, 0.03F), body);
    paint.Polygon(Rounded(lower, 0.02F), body);
    const Points window{at(-0.36F, -0.205F), at(-0.27F, roof + 0.025F), at(-0.1F, roof + 0.025F),
                        at(-0.1F, -0.205F)};
    const Points front{at(-0.07F, -0.205F), at(-0.07F, roof + 0.025F), at(0.06F, roof + 0.025F),
                       at(0.21F, -0.205F)};
    paint.Polygon(window, glass);
    paint.Polygon(front, glass);
    paint.Rect(-0.5F, -0.09F, 0.5F, -0.055F, body * 0.5F);
    paint.Polygon(Points{at(-0.49F, -0.19F), at(-0.45F, -0.19F), at(-0.46F, -0.13F), at(-0.495F, -0.13F)},
                  {30, 30, 190});
    paint.Polygon(Points{at(0.44F, -0.17F), at(0.485F, -0.165F), at(0.49F, -0.13F), at(0.45F, -0.13F)},
                  Grey(225));
    for (const float x : {-0.31F, 0.31F}) {
      paint.Disc({x, -0.065F}, 0.078F, tyre);
      paint.Disc({x, -0.065F}, 0.045F, Grey(random.Uniform(90, 190)));
    }
    return;
  }
  // From behind or from the front.
  const bool behind = random.Chance(0.6);
  const float roof = random.Real(-0.85, -0.68), waist = roof * 0.55F;
  paint.Rect(-0.44F, -0.16F, -0.3F, 0.01F, tyre);
  paint.Rect(0.3F, -0.16F, 0.44F, 0.01F, tyre);
  const Points cabin{{-0.4F, waist + 0.03F}, {-0.31F, roof}, {0.31F, roof}, {0.4F, waist + 0.03F}};
  const Points lower{{-0.48F, -0.1F}, {-0.48F, waist}, {0.48F, waist}, {0.48F, -0.1F}};
  paint.Polygon(Rounded(cabin, 0.05F), body * 0.85F);
  paint.Polygon(Rounded(lower, 0.06F), body);
  const Points window{{-0.35F, waist}, {-0.28F, roof + 0.05F}, {0.28F, roof + 0.05F}, {0.35F, waist}};
  paint.Polygon(Rounded(window, 0.03F), glass);
  const Points sheen{
      {-0.3F, waist - 0.02F}, {-0.25F, roof + 0.07F}, {0.02F, roof + 0.07F}, {-0.12F, waist - 0.02F}};
  paint.Polygon(sheen, Blend(glass, Grey(200), random.Uniform(0.05, 0.4)));
  paint.Rect(-0.47F, -0.19F, 0.47F, -0.11F, body * 0.6F);
  const Bgr lamp = behind ? Bgr(35, 30, random.Real(150, 250)) : Grey(random.Uniform(190, 250));
  const float lamp_top = waist + 0.07F, lamp_bottom = lamp_top + random.Real(0.07, 0.15);
  paint.Rect(-0.46F, lamp_top, -0.33F, lamp_bottom, lamp);
  paint.Rect(0.33F, lamp_top, 0.46F, lamp_bottom, lamp);
  paint.Rect(-0.11F, -0.26F, 0.11F, -0.2F, Grey(random.Uniform(170, 240)));
  if (!behind) paint.Rect(-0.26F, waist + 0.1F, 0.26F, waist + 0.2F, Grey(35));
}

void PaintTruck(cv::Mat& picture, cv::Point2f foot, float width, Random& random) {
  Painter paint(picture, width, foot);
  const Bgr body = random.Chance(0.5) ? Grey(random.Uniform(150, 240)) : PaintColor(random);
  const float height = random.Real(0.9, 1.5);
  paint.Rect(-0.46F, -0.2F, 0.46F, 0.01F, Grey(25));
  paint.Rect(-0.5F, -height, 0.5F, -0.14F, body);
  paint.Rect(-0.46F, -height + 0.05F, -0.005F, -0.2F, body * 0.93F);
  paint.Rect(0.005F, -height + 0.05F, 0.46F, -0.2F, body * 0.9F);
  paint.Rect(-0.48F, -0.19F, -0.38F, -0.14F, {30, 30, 200});
  paint.Rect(0.38F, -0.19F, 0.48F, -0.14F, {30, 30, 200});
  if (random.Chance(0.4)) {
    const float middle = -height * random.Real(0.4, 0.7);
    paint.Rect(-0.4F, middle - 0.12F, 0.4F, middle + 0.12F, PaintColor(random));
  }
}

void PaintPerson(cv::Mat& picture, cv::Point2f foot, float height, Random& random) {
  Painter paint(picture, height, foot);
  const Bgr skin = FromHsv(random.Uniform(12, 28), random.Uniform(0.3, 0.6), random.Uniform(0.3, 0.9));
  const Bgr coat = PaintColor(random), legs = PaintColor(random) * 0.6F;
  const float step = random.Real(0, 0.1);
  const Points left{{-0.03F, -0.48F}, {-0.04F - step * 0.5F, -0.24F}, {-0.04F - step, -0.01F}};
  const Points right{{0.03F, -0.48F}, {0.05F + step * 0.5F, -0.24F}, {0.04F + step, -0.01F}};
  paint.Stroke(left, 0.075F, legs, true);
  paint.Stroke(right, 0.075F, legs * 0.85F, true);
  paint.Polygon(Rounded(Points{{-0.11F, -0.8F}, {0.11F, -0.8F}, {0.09F, -0.45F}, {-0.09F, -0.45F}}, 0.04F),
                coat);
  paint.Stroke(Points{{-0.11F, -0.77F}, {-0.14F, -0.6F}, {-0.11F, -0.45F}}, 0.05F, coat * 0.85F, true);
  paint.Stroke(Points{{0.11F, -0.77F}, {0.14F, -0.6F}, {0.12F, -0.45F}}, 0.05F, coat * 0.9F, true);
  paint.Ellipse({0, -0.9F}, {0.055F, 0.07F}, 0, skin);
  paint.Ellipse({0, -0.93F}, {0.057F, 0.05F}, 0, Grey(random.Uniform(10, 110)));
}

void PaintTrafficLight(cv::Mat& picture, cv::Point2f foot, float height, Random& random) {
  Painter paint(picture, height, foot);
  const Bgr metal = Grey(random.Uniform(40, 150));
  paint.Rect(-0.015F, -0.8F, 0.015F, 0, metal);
  const Bgr box = random.Chance(0.4) ? FromHsv(48, 0.9, 0.8) : Grey(random.Uniform(15, 60));
  const int lit = random.Int(0, 2);
  paint.Polygon(Rounded(Rectangle(-0.06F, -1, 0.06F, -0.72F), 0.02F), box);
  const std::array<Bgr, 3> lamps{Bgr{35, 35, 235}, Bgr{40, 180, 250}, Bgr{130, 210, 40}};
  for (int i = 0; i < 3; ++i) {
    const Bgr& lamp = lamps.at(static_cast<std::size_t>(i));
    paint.Disc({0, -0.955F + 0.09F * static_cast<float>(i)}, 0.036F, i == lit ? lamp : lamp * 0.25F);
  }
}

void PaintLamp(cv::Mat& picture, cv::Point2f foot, float height, Random& random) {
  Painter paint(picture, height, foot);
  const Bgr metal = Grey(random.Uniform(50, 170));
  const float turn = random.Chance(0.5) ? 1.F : -1.F;
  const Points pole{{0, 0}, {0, -0.93F}, {0.05F * turn, -0.99F}, {0.22F * turn, -1}};
  paint.Stroke(pole, 0.014F, metal);
  paint.Ellipse({0.24F * turn, -0.995F}, {0.05F, 0.014F}, 0, Grey(random.Uniform(120, 240)));
}

void PaintBuilding(cv::Mat& picture, const Wall& wall, Random& random) {
  Painter paint(picture);
  const Bgr base = random.Chance(0.35)
                       ? FromHsv(random.Uniform(5, 25), random.Uniform(0.3, 0.6), random.Uniform(0.25, 0.6))
                       : FromHsv(random.Uniform(0, 360), random.Uniform(0, 0.25), random.Uniform(0.3, 0.92));
  const auto at = [&](float along, float up) {
    const float x = wall.near_x + (wall.far_x - wall.near_x) * along;
    const float top = wall.near_top + (wall.far_top - wall.near_top) * along;
    const float bottom = wall.near_bottom + (wall.far_bottom - wall.near_bottom) * along;
    return cv::Point2f(x, bottom + (top - bottom) * up);
  };
  const auto patch = [&](float left, float right, float low, float high, const Bgr& color) {
    paint.Polygon(Points{at(left, low), at(right, low), at(right, high), at(left, high)}, color);
  };
  patch(0, 1, 0, 1, base);
  const int courses = random.Chance(0.5) ? random.Int(12, 60) : 0;  // of bricks or boards
  for (int i = 1; i < courses; ++i) {
    const float up = static_cast<float>(i) / static_cast<float>(courses);
    paint.Polygon(Points{at(0, up), at(1, up), at(1, up + 0.12F / static_cast<float>(courses)),
                         at(0, up + 0.12F / static_cast<float>(courses))},
                  base * random.Real(0.7, 0.95));
  }
  const int floors = random.Int(1, 7), columns = random.Int(2, 9);
  const Bgr frame = random.Chance(0.5) ? Grey(random.Uniform(180, 240)) : base * 0.6F;
  const Bgr glass = Vary(Grey(random.Uniform(25, 110)), 18, random);
  const float wide = random.Real(0.35, 0.75), tall = random.Real(0.4, 0.7), border = random.Real(0.03, 0.1);
  if (std::abs(wall.near_x - wall.far_x) > 24) {
    for (int floor = 0; floor < floors; ++floor) {
      for (int column = 0; column < columns; ++column) {
        const float cell_x = 1.F / static_cast<float>(columns), cell_y = 0.94F / static_cast<float>(floors);
        const float left = (static_cast<float>(column) + (1 - wide) / 2) * cell_x,
                    low = (static_cast<float>(floor) + (1 - tall) / 2) * cell_y;
        patch(left - border * cell_x, left + (wide + border) * cell_x, low - border * cell_y,
              low + (tall + border) * cell_y, frame);
        const Bgr pane =
            random.Chance(0.15) ? Vary({120, 190, 220}, 30, random) : glass * random.Real(0.6, 1.5);
        patch(left, left + wide * cell_x, low, low + tall * cell_y, pane);
      }
    }
    if (random.Chance(0.4)) {  // a shop: front and awning
      const float left = random.Real(0, 0.4), right = left + random.Real(0.3, 0.6),
                  top = 0.8F / static_cast<float>(floors + 1);
      patch(left, right, 0, top, Grey(random.Uniform(20, 70)));
      const Bgr cloth = FromHsv(random.Chance(0.5) ? random.Uniform(0, 12) : random.Uniform(0, 360),
                                random.Uniform(0.5, 0.95), random.Uniform(0.35, 0.85));
      const int stripes = random.Int(1, 12);
      for (int i = 0; i < stripes; ++i) {
        const float from = left + (right - left) * static_cast<float>(i) / static_cast<float>(stripes);
        const float to = left + (right - left) * static_cast<float>(i + 1) / static_cast<float>(stripes);
        patch(from, to, top, top * 1.3F, i % 2 == 0 ? cloth : Grey(225));
      }
    }
  }
  patch(0, 1, 0.96F, 1.02F, base * random.Real(0.6, 1.25));
}

}  // namespace roost::yolo::scenes

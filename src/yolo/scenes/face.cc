#include "yolo/scenes/face.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <opencv2/imgproc.hpp>

#include "yolo/scenes/noise.h"

namespace roost::yolo::scenes {
namespace {

constexpr float kMargin = 2;  // pixels around the plate, so that its edge can be smooth

cv::Point2f PointOn(const Face& face, Random& random) {
  return {random.Real(-face.half().width, face.half().width),
          random.Real(-face.half().height, face.half().height)};
}

void Fade(Face& face, double amount, Random& random) {
  // Red and yellow sheeting bleaches towards a pale pink or cream.
  const Bgr pale = Vary(Grey(random.Uniform(150, 215)), 12, random);
  cv::Mat weights = CloudNoise(face.color().size(), face.scale() * random.Uniform(0.4, 1.5), 3, 0.5, random);
  weights.convertTo(weights, CV_32F, 0.35 * amount, random.Uniform(0, 0.4) * amount);
  Tint(face.color(), weights, pale);
}

void Dirt(Face& face, double amount, Random& random) {
  cv::Mat weights =
      CloudNoise(face.color().size(), face.scale() * random.Uniform(0.15, 0.8), 4, 0.65, random);
  const double start = random.Uniform(0.45, 0.75);
  Threshold(weights, start, start + random.Uniform(0.2, 0.5));
  weights *= amount * random.Uniform(0.2, 0.7);
  Tint(face.color(), weights, Vary({40, 55, 70}, 25, random));
}

void Rust(Face& face, Random& random) {
  Painter paint = face.Paint();
  const int spots = random.Int(2, 9);
  for (int i = 0; i < spots; ++i) {
    const cv::Point2f at = PointOn(face, random);
    const Bgr rust = Vary({30, 65, 125}, 22, random);
    const float radius = random.Real(0.015, 0.06);
    for (int blob = 0; blob < 4; ++blob) {
      paint.Disc(at + cv::Point2f(random.Real(-radius, radius), random.Real(-radius, radius)),
                 radius * random.Real(0.4, 1), rust);
    }
    if (random.Chance(0.5)) {  // a run downwards
      const Points run{at, at + cv::Point2f(random.Real(-0.01, 0.01), random.Real(0.1, 0.5))};
      paint.Stroke(run, radius * 0.5F, Blend(rust, {60, 90, 150}, 0.5));
    }
  }
}

void Scratches(Face& face, Random& random) {
  Painter paint = face.Paint();
  const int count = random.Int(3, 14);
  for (int i = 0; i < count; ++i) {
    const cv::Point2f from = PointOn(face, random);
    const Points line{from, from + cv::Point2f(random.Real(-0.5, 0.5), random.Real(-0.3, 0.3))};
    paint.Stroke(line, random.Real(0.004, 0.014), Grey(random.Uniform(90, 230)));
  }
}

void Stickers(Face& face, Random& random) {
  Painter paint = face.Paint();
  const int count = random.Int(1, 4);
  for (int i = 0; i < count; ++i) {
    const cv::Point2f at = PointOn(face, random) * 0.8F;
    const float width = random.Real(0.06, 0.22), height = random.Real(0.05, 0.16), turn = random.Real(-1, 1);
    Points corners = Rectangle(-width, -height, width, height);
    for (cv::Point2f& corner : corners) {
      corner = at + cv::Point2f(corner.x * std::cos(turn) - corner.y * std::sin(turn),
                                corner.x * std::sin(turn) + corner.y * std::cos(turn));
    }
    paint.Polygon(corners, FromHsv(random.Uniform(0, 360), random.Uniform(0, 0.9), random.Uniform(0.1, 1)));
    paint.Ellipse(at, {width * 0.6F, height * 0.5F}, turn * 57,
                  FromHsv(random.Uniform(0, 360), random.Uniform(0, 0.9), random.Uniform(0, 1)));
  }
}

void Graffiti(Face& face, Random& random) {
  Painter paint = face.Paint();
  const Bgr ink = random.Chance(0.6) ? Grey(random.Pick({10.0, 30.0, 240.0}))
                                     : FromHsv(random.Uniform(0, 360), 0.8, random.Uniform(0.3, 0.95));
  const float width = random.Real(0.015, 0.05);
  cv::Point2f at = PointOn(face, random) * 0.6F;
  cv::Point2f velocity(random.Real(-0.05, 0.05), random.Real(-0.05, 0.05));
  Points line;
  const int steps = random.Int(20, 70);
  for (int i = 0; i < steps; ++i) {
    line.push_back(at);
    velocity += cv::Point2f(random.Real(-0.03, 0.035), random.Real(-0.04, 0.04));
    velocity *= 0.93F;
    at += velocity;
  }
  paint.Stroke(line, width, ink, true);
}

void Holes(Face& face, Random& random) {
  Painter paint = face.Paint();
  const int count = random.Int(1, 7);
  for (int i = 0; i < count; ++i) {
    const cv::Point2f at = PointOn(face, random) * 0.85F;
    const float radius = random.Real(0.012, 0.03);
    paint.Disc(at, radius * 2.2F, Grey(random.Uniform(110, 190)));
    paint.Disc(at, radius, Grey(random.Uniform(5, 60)));
  }
}

void Bolts(Face& face, Random& random) {
  Painter paint = face.Paint();
  const float reach = face.half().height * random.Real(0.55, 0.9);
  const Bgr metal = Grey(random.Uniform(80, 210));
  for (const float y : {-reach, reach}) {
    const cv::Point2f at(random.Real(-0.01, 0.01), y);
    paint.Disc(at + cv::Point2f(0.006F, 0.01F), 0.034F, Grey(30));
    paint.Disc(at, 0.03F, metal);
  }
}

void Snow(Face& face, Random& random) {
  cv::Mat weights = CloudNoise(face.color().size(), face.scale() * 0.3, 3, 0.6, random);
  weights += (Ramp(face.color().size(), random.Uniform(-130, -50)) - 0.75) * random.Uniform(1.5, 3);
  Threshold(weights, 0.55, 0.75);
  Tint(face.color(), weights, Vary(Grey(235), 10, random));
}

}  // namespace

Face::Face(cv::Size2f half, float scale, const Bgr& base) : half_(half), scale_(scale) {
  const cv::Size size(static_cast<int>(std::ceil(2 * half.width * scale + 2 * kMargin)) + 1,
                      static_cast<int>(std::ceil(2 * half.height * scale + 2 * kMargin)) + 1);
  middle_ = {static_cast<float>(size.width - 1) / 2, static_cast<float>(size.height - 1) / 2};
  color_ = cv::Mat(size, CV_8UC3, cv::Scalar(base[0], base[1], base[2]));
  alpha_ = cv::Mat::zeros(size, CV_8U);
}

void Face::Cut(Points outline) {
  alpha_.setTo(0);
  Painter(alpha_, scale_, middle_).Polygon(outline, Grey(255));
  outline_ = std::move(outline);
}

void Weather(Face& face, double amount, Random& random) {
  if (random.Chance(0.7)) Bolts(face, random);
  if (random.Chance(0.3 + 0.7 * amount)) Fade(face, amount, random);
  if (random.Chance(0.1 + 0.3 * amount)) Stickers(face, random);
  if (random.Chance(0.06 + 0.25 * amount)) Graffiti(face, random);
  if (random.Chance(0.2 * amount)) Holes(face, random);
  if (random.Chance(0.5 * amount)) Scratches(face, random);
  if (random.Chance(0.4 * amount)) Rust(face, random);
  if (random.Chance(0.2 + 0.8 * amount)) Dirt(face, amount, random);
  if (random.Chance(0.03)) Snow(face, random);
}

void Illuminate(Face& face, double sun, Random& random) {
  const cv::Size size = face.color().size();
  Shade(face.color(), Ramp(size, random.Uniform(0, 360)), random.Uniform(0, 0.25));
  if (random.Chance(0.5))
    Shade(face.color(), SmoothNoise(size, face.scale() * 0.9, random), random.Uniform(0, 0.18));
  if (random.Chance(0.35 * sun)) {  // shadows of leaves and branches
    cv::Mat weights = CloudNoise(size, face.scale() * random.Uniform(0.2, 0.9), 3, 0.6, random);
    const double edge = random.Uniform(0.4, 0.65);
    Threshold(weights, edge, edge + random.Uniform(0.03, 0.2));
    weights *= random.Uniform(0.3, 0.65);
    Tint(face.color(), weights, {25, 15, 12});
  }
  if (random.Chance(0.2 * sun)) {  // the straight shadow of a pole or a roof
    cv::Mat weights = Ramp(size, random.Uniform(0, 360));
    const double edge = random.Uniform(0.3, 0.8);
    Threshold(weights, edge, edge + 0.02);
    weights *= random.Uniform(0.3, 0.65);
    Tint(face.color(), weights, {25, 15, 12});
  }
  if (random.Chance(0.15 + 0.2 * sun)) {  // the sky in the sheeting
    cv::Mat weights = SmoothNoise(size, face.scale() * random.Uniform(0.8, 2), random);
    Threshold(weights, random.Uniform(0.4, 0.6), 1.1);
    weights *= random.Uniform(0.2, 0.7);
    Tint(face.color(), weights, Vary(Grey(240), 15, random));
  }
}

}  // namespace roost::yolo::scenes

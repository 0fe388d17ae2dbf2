#include "yolo/scenes/camera.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "yolo/scenes/noise.h"

namespace roost::yolo::scenes {
namespace {

void AddFog(cv::Mat& picture, double fog, float horizon, Random& random) {
  const Bgr air = Vary(Grey(random.Uniform(165, 225)), 8, random);
  cv::Mat weights(picture.size(), CV_32F);
  for (int y = 0; y < picture.rows; ++y) {
    // The ground comes nearer below the horizon: less air between.
    const double below = std::max(0.0, (y - static_cast<double>(horizon)) / picture.rows);
    weights.row(y).setTo(fog * std::exp(-2.5 * below));
  }
  Tint(picture, weights, air);
}

void AddStreaks(cv::Mat& picture, bool snow, Random& random) {
  cv::Mat drops = cv::Mat::zeros(picture.size(), CV_8U);
  Painter paint(drops);
  const int count = random.Int(60, 500);
  const float slant = random.Real(-0.5, 0.5), length = snow ? 0.F : random.Real(6, 30);
  for (int i = 0; i < count; ++i) {
    const cv::Point2f at(random.Real(0, picture.cols), random.Real(0, picture.rows));
    if (snow) {
      paint.Disc(at, random.Real(0.5, 2.5), Grey(random.Uniform(100, 255)));
    } else {
      const cv::Point2f along = cv::Point2f(slant, 1) * (length * random.Real(0.5, 1));
      paint.Stroke(Points{at, at + along}, random.Real(0.5, 1.3), Grey(random.Uniform(60, 200)));
    }
  }
  cv::GaussianBlur(drops, drops, {}, snow ? 0.9 : 0.6);
  cv::Mat weights;
  drops.convertTo(weights, CV_32F, (snow ? 0.9 : 0.45) / 255);
  Tint(picture, weights, Grey(random.Uniform(170, 240)));
}

void AddNoise(cv::Mat& picture, double deviation, Random& random) {
  if (deviation < 0.5) return;
  cv::RNG generator(random.Next());
  const bool coarse = random.Chance(0.6);  // as a camera's own noise reduction leaves it
  const cv::Size size = coarse ? cv::Size(picture.cols / 2 + 1, picture.rows / 2 + 1) : picture.size();
  cv::Mat grain(size, CV_16SC3);
  generator.fill(grain, cv::RNG::NORMAL, 0, deviation * (coarse ? 1.5 : 1));
  if (coarse) cv::resize(grain, grain, picture.size(), 0, 0, cv::INTER_LINEAR);
  cv::add(picture, grain, picture, cv::noArray(), CV_8U);
}

void AddBlur(cv::Mat& picture, Random& random) {
  switch (random.Weighted({0.4, 0.13, 0.07, 0.4})) {
    case 1:
      cv::GaussianBlur(picture, picture, {}, random.Uniform(0.4, 1.0));
      break;
    case 2: {  // the camera moves
      const int length = random.Int(3, 7);
      const double turn = random.Uniform(0, CV_PI);
      cv::Mat kernel = cv::Mat::zeros(length, length, CV_8U);
      Painter paint(kernel);
      const float middle = static_cast<float>(length - 1) / 2;
      const cv::Point2f along(static_cast<float>(std::cos(turn)) * middle,
                              static_cast<float>(std::sin(turn)) * middle);
      paint.Stroke(Points{cv::Point2f(middle, middle) - along, cv::Point2f(middle, middle) + along}, 1,
                   Grey(255), true);
      cv::Mat weights;
      kernel.convertTo(weights, CV_32F);
      weights /= std::max(1.0, cv::sum(weights)[0]);
      cv::filter2D(picture, picture, -1, weights, {-1, -1}, 0, cv::BORDER_REPLICATE);
      break;
    }
    case 3: {  // sharpened by the camera
      cv::Mat soft;
      cv::GaussianBlur(picture, soft, {}, random.Uniform(0.7, 1.5));
      const double amount = random.Uniform(0.3, 1.3);
      cv::addWeighted(picture, 1 + amount, soft, -amount, 0, picture);
      break;
    }
    default:
      break;
  }
}

/// Exposure, white balance, contrast and tone: one table a channel.
void Expose(cv::Mat& picture, bool night, Random& random) {
  // At night a camera opens up as far as it can.
  const double exposure = std::exp(random.Normal() * 0.16 + (night ? 0.35 : 0)),
               gamma = std::exp(random.Normal() * 0.15);
  const double contrast = random.Uniform(0.9, night ? 1.1 : 1.45), lift = random.Uniform(-8, 16);
  const double warm = random.Normal() * 0.06, green = random.Normal() * 0.025;
  const std::array<double, 3> balance{1 - warm, 1 + green, 1 + warm};
  cv::Mat table(1, 256, CV_8UC3);
  for (int i = 0; i < 256; ++i) {
    for (int c = 0; c < 3; ++c) {
      double value = i / 255.0 * exposure * balance.at(static_cast<std::size_t>(c));
      value = std::pow(std::max(0.0, value), gamma);
      value = (value - 0.5) * contrast + 0.5;
      table.at<cv::Vec3b>(0, i)[c] = cv::saturate_cast<uchar>(value * 255 + lift);
    }
  }
  cv::LUT(picture, table, picture);
  const double saturation = random.Chance(0.025) ? 0 : random.Uniform(0.7, 1.45);
  if (std::abs(saturation - 1) < 0.05) return;
  cv::Mat grey, grey3;
  cv::cvtColor(picture, grey, cv::COLOR_BGR2GRAY);
  cv::cvtColor(grey, grey3, cv::COLOR_GRAY2BGR);
  cv::addWeighted(picture, saturation, grey3, 1 - saturation, 0, picture);
}

void Vignette(cv::Mat& picture, double strength) {
  const double cx = picture.cols / 2.0, cy = picture.rows / 2.0, corner = cx * cx + cy * cy;
  cv::Mat field(picture.size(), CV_32F);
  for (int y = 0; y < picture.rows; ++y) {
    auto* row = field.ptr<float>(y);
    for (int x = 0; x < picture.cols; ++x) {
      const double r2 = ((x - cx) * (x - cx) + (y - cy) * (y - cy)) / corner;
      row[x] = static_cast<float>(0.5 - 0.5 * r2);
    }
  }
  Shade(picture, field, strength);
}

}  // namespace

Lens::Lens(cv::Size size, double bend)
    : size_(size),
      bend_(bend),
      scale_(bend > 0 ? 1 + bend : 1),
      middle_((size.width - 1) / 2.0, (size.height - 1) / 2.0),
      corner_(std::hypot(middle_.x, middle_.y)) {
  if (bend_ == 0) return;
  map_x_.create(size, CV_32F);
  map_y_.create(size, CV_32F);
  for (int y = 0; y < size.height; ++y) {
    auto* to_x = map_x_.ptr<float>(y);
    auto* to_y = map_y_.ptr<float>(y);
    for (int x = 0; x < size.width; ++x) {
      const double dx = x - middle_.x, dy = y - middle_.y;
      const double r2 = (dx * dx + dy * dy) / (corner_ * corner_);
      const double stretch = (1 + bend_ * r2) / scale_;
      to_x[x] = static_cast<float>(middle_.x + dx * stretch);
      to_y[x] = static_cast<float>(middle_.y + dy * stretch);
    }
  }
}

cv::Mat Lens::Show(const cv::Mat& picture, int interpolation) const {
  if (bend_ == 0) return picture;
  cv::Mat shown;
  cv::remap(picture, shown, map_x_, map_y_, interpolation, cv::BORDER_REPLICATE);
  return shown;
}

cv::Point2f Lens::See(cv::Point2f point) const {
  if (bend_ == 0) return point;
  const double dx = point.x - middle_.x, dy = point.y - middle_.y;
  const double radius = std::hypot(dx, dy) / corner_;
  if (radius < 1e-9) return point;
  double seen = radius;
  for (int i = 0; i < 20; ++i) {  // Newton
    const double slope = (1 + 3 * bend_ * seen * seen) / scale_;
    seen -= (Unbent(seen) - radius) / std::max(0.2, slope);
  }
  const double stretch = seen / radius;
  return {static_cast<float>(middle_.x + dx * stretch), static_cast<float>(middle_.y + dy * stretch)};
}

Light AnyLight(Random& random) {
  Light light;
  constexpr std::array<Light::Time, 3> kTimes{Light::Time::kDay, Light::Time::kDusk, Light::Time::kNight};
  light.time = kTimes.at(static_cast<std::size_t>(random.Weighted({0.84, 0.09, 0.07})));
  light.sun = light.time == Light::Time::kDay ? random.Uniform() : 0;
  if (random.Chance(0.1)) light.fog = random.Uniform(0.1, 0.55);
  light.rain = random.Chance(0.06);
  light.snow = !light.rain && random.Chance(0.04);
  return light;
}

void Dim(Stage& stage, const Light& light, Random& random) {
  if (light.time == Light::Time::kDay) return;
  const bool night = light.time == Light::Time::kNight;
  const double around = night ? random.Uniform(0.1, 0.3) : random.Uniform(0.3, 0.6);
  const double signs = night ? random.Uniform(0.45, 1.1) : random.Uniform(0.45, 0.85);
  cv::Mat reflects;
  cv::Mat(stage.owner > 0).convertTo(reflects, CV_32F, 1 / 255.0);
  cv::GaussianBlur(reflects, reflects, {}, 0.8);
  // Headlamps light the ground before the car.
  const cv::Point2d lamp(stage.color.cols * random.Uniform(0.3, 0.7),
                         stage.color.rows * random.Uniform(0.8, 1.1));
  const double reach = stage.color.cols * random.Uniform(0.2, 0.6), beam = night ? random.Uniform(0, 0.5) : 0;
  const Bgr tint = night ? Bgr(1.12F, 0.98F, 0.9F) : Bgr(1.0F, 0.97F, 1.05F);
  for (int y = 0; y < stage.color.rows; ++y) {
    auto* pixel = stage.color.ptr<cv::Vec3b>(y);
    const auto* reflecting = reflects.ptr<float>(y);
    const double dy = (y - lamp.y) / reach * 1.6;
    for (int x = 0; x < stage.color.cols; ++x) {
      const double dx = (x - lamp.x) / reach;
      const double lit = around + beam / (1 + 3 * (dx * dx + dy * dy));
      const double part = reflecting[x];
      for (int c = 0; c < 3; ++c) {
        const double gain = lit * tint[c] * (1 - part) + std::max(lit, signs) * part;
        pixel[x][c] = cv::saturate_cast<uchar>(pixel[x][c] * gain);
      }
    }
  }
  if (!night) return;
  Painter paint(stage.color);
  cv::Mat glow = cv::Mat::zeros(stage.color.size(), CV_8U);
  const int lamps = random.Int(0, 8);
  Painter glowing(glow);
  for (int i = 0; i < lamps; ++i) {
    const cv::Point2f at(random.Real(0, stage.color.cols), random.Real(0, stage.color.rows * 0.6));
    if (stage.owner.at<uchar>(static_cast<int>(at.y), static_cast<int>(at.x)) > 0) continue;
    glowing.Disc(at, random.Real(1.5, 7), Grey(255));
  }
  cv::GaussianBlur(glow, glow, {}, random.Uniform(1, 5));
  cv::Mat weights;
  glow.convertTo(weights, CV_32F, 1 / 255.0);
  Tint(stage.color, weights, Vary({190, 225, 250}, 30, random));
}

void Develop(cv::Mat& picture, const Light& light, float horizon, Random& random) {
  if (light.fog > 0) AddFog(picture, light.fog, horizon, random);
  if (random.Chance(0.05)) {  // the sun in the lens
    cv::Mat flare = Ramp(picture.size(), random.Uniform(180, 360));
    Threshold(flare, random.Uniform(0.4, 0.7), 1.2);
    flare *= random.Uniform(0.3, 0.9);
    Tint(picture, flare, {210, 235, 250});
  }
  Expose(picture, light.time == Light::Time::kNight, random);
  if (random.Chance(0.5)) Vignette(picture, random.Uniform(0.05, 0.3));
  AddBlur(picture, random);
  if (light.rain || light.snow) AddStreaks(picture, light.snow, random);
  const bool dark = light.time != Light::Time::kDay;
  AddNoise(picture, random.Chance(0.6) ? random.Uniform(0, dark ? 9 : 4) : random.Uniform(0, dark ? 18 : 9),
           random);
}

}  // namespace roost::yolo::scenes

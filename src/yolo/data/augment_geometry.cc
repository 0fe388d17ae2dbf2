#include "yolo/data/augment_geometry.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>

namespace roost::yolo {
namespace {

constexpr Matrix3 kIdentity = {1, 0, 0, 0, 1, 0, 0, 0, 1};

Matrix3 operator*(const Matrix3& a, const Matrix3& b) {
  Matrix3 product{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      for (std::size_t i = 0; i < 3; ++i) product[row * 3 + column] += a[row * 3 + i] * b[i * 3 + column];
    }
  }
  return product;
}

double Radians(double degrees) { return degrees * std::numbers::pi / 180; }

struct WideBox {
  double x1, y1, x2, y2;
};

/// The upright box around a moved one. Nothing where a corner went behind the horizon of a strong
/// perspective: its coordinates would be those of a mirror image.
std::optional<WideBox> Moved(const Box& box, const Matrix3& map) {
  WideBox moved{INFINITY, INFINITY, -INFINITY, -INFINITY};
  const double x1 = box.x1;
  const double y1 = box.y1;
  const double x2 = box.x2;
  const double y2 = box.y2;
  const std::array<std::array<double, 2>, 4> corners = {{{x1, y1}, {x2, y2}, {x1, y2}, {x2, y1}}};
  for (const auto& [x, y] : corners) {
    const double depth = map[6] * x + map[7] * y + map[8];
    if (depth <= 0) return std::nullopt;
    const double new_x = (map[0] * x + map[1] * y + map[2]) / depth;
    const double new_y = (map[3] * x + map[4] * y + map[5]) / depth;
    moved = {std::min(moved.x1, new_x), std::min(moved.y1, new_y), std::max(moved.x2, new_x),
             std::max(moved.y2, new_y)};
  }
  return moved;
}

/// box_candidates(): whether the box `after` is still worth learning from.
bool EnoughIsLeft(double width_before, double height_before, const WideBox& after) {
  constexpr double kLeastSide = 2;  // pixels
  constexpr double kLeastArea = 0.1;
  constexpr double kMostAspect = 100;
  constexpr double kEpsilon = 1e-16;
  const double width = after.x2 - after.x1;
  const double height = after.y2 - after.y1;
  const double aspect = std::max(width / (height + kEpsilon), height / (width + kEpsilon));
  return width > kLeastSide && height > kLeastSide &&
         width * height / (width_before * height_before + kEpsilon) > kLeastArea && aspect < kMostAspect;
}

}  // namespace

void PlaceObjects(const std::vector<Label>& labels, float scaled_width, float scaled_height, float left,
                  float top, std::vector<PlacedObject>& objects) {
  for (const Label& label : labels) {
    const float half_width = label.width / 2;
    const float half_height = label.height / 2;
    objects.push_back(
        {label.class_id,
         {scaled_width * (label.x - half_width) + left, scaled_height * (label.y - half_height) + top,
          scaled_width * (label.x + half_width) + left, scaled_height * (label.y + half_height) + top}});
  }
}

void ClipToPicture(std::vector<PlacedObject>& objects, Size size) {
  const auto width = static_cast<float>(size.width);
  const auto height = static_cast<float>(size.height);
  for (PlacedObject& object : objects) {
    Box& box = object.box;
    box = {std::clamp(box.x1, 0.0F, width), std::clamp(box.y1, 0.0F, height), std::clamp(box.x2, 0.0F, width),
           std::clamp(box.y2, 0.0F, height)};
  }
}

PerspectiveDraw DrawPerspective(const Augmentation& augmentation, Random& random) {
  const auto around = [&](double middle, double most) {
    return random.Uniform(middle - most, middle + most);
  };
  PerspectiveDraw draw;
  draw.perspective_x = around(0, augmentation.perspective);
  draw.perspective_y = around(0, augmentation.perspective);
  draw.degrees = around(0, augmentation.degrees);
  draw.scale = around(1, augmentation.scale);
  draw.shear_x = around(0, augmentation.shear);
  draw.shear_y = around(0, augmentation.shear);
  draw.translate_x = around(0.5, augmentation.translate);
  draw.translate_y = around(0.5, augmentation.translate);
  return draw;
}

Matrix3 PerspectiveMap(const PerspectiveDraw& draw, Size from, Size to) {
  Matrix3 centre = kIdentity;
  centre[2] = -static_cast<double>(from.width) / 2;
  centre[5] = -static_cast<double>(from.height) / 2;

  Matrix3 perspective = kIdentity;
  perspective[6] = draw.perspective_x;
  perspective[7] = draw.perspective_y;

  const double cosine = draw.scale * std::cos(Radians(draw.degrees));
  const double sine = draw.scale * std::sin(Radians(draw.degrees));
  const Matrix3 rotation = {cosine, sine, 0, -sine, cosine, 0, 0, 0, 1};

  Matrix3 shear = kIdentity;
  shear[1] = std::tan(Radians(draw.shear_x));
  shear[3] = std::tan(Radians(draw.shear_y));

  Matrix3 translation = kIdentity;
  translation[2] = draw.translate_x * static_cast<double>(to.width);
  translation[5] = draw.translate_y * static_cast<double>(to.height);

  return translation * shear * rotation * perspective * centre;
}

std::vector<PlacedObject> MoveObjects(const std::vector<PlacedObject>& objects, const Matrix3& map,
                                      double scale, Size to) {
  std::vector<PlacedObject> kept;
  const auto width = static_cast<double>(to.width);
  const auto height = static_cast<double>(to.height);
  for (const PlacedObject& object : objects) {
    auto moved = Moved(object.box, map);
    if (!moved) continue;
    const WideBox clipped{std::clamp(moved->x1, 0.0, width), std::clamp(moved->y1, 0.0, height),
                          std::clamp(moved->x2, 0.0, width), std::clamp(moved->y2, 0.0, height)};
    const double scaled_width = (object.box.x2 - object.box.x1) * scale;
    const double scaled_height = (object.box.y2 - object.box.y1) * scale;
    if (!EnoughIsLeft(scaled_width, scaled_height, clipped)) continue;
    kept.push_back({object.class_id,
                    {static_cast<float>(clipped.x1), static_cast<float>(clipped.y1),
                     static_cast<float>(clipped.x2), static_cast<float>(clipped.y2)}});
  }
  return kept;
}

Label ToLabel(const PlacedObject& object, Size size) {
  constexpr double kEpsilon = 1e-3;  // the reference keeps corners this far inside, in pixels
  const auto width = static_cast<float>(size.width);
  const auto height = static_cast<float>(size.height);
  const auto right = static_cast<float>(static_cast<double>(size.width) - kEpsilon);
  const auto bottom = static_cast<float>(static_cast<double>(size.height) - kEpsilon);
  const Box box{std::clamp(object.box.x1, 0.0F, right), std::clamp(object.box.y1, 0.0F, bottom),
                std::clamp(object.box.x2, 0.0F, right), std::clamp(object.box.y2, 0.0F, bottom)};
  return {object.class_id, (box.x1 + box.x2) / 2 / width, (box.y1 + box.y2) / 2 / height,
          (box.x2 - box.x1) / width, (box.y2 - box.y1) / height};
}

}  // namespace roost::yolo

#include "yolo/scenes/scene.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <utility>

#include <opencv2/imgproc.hpp>

#include "yolo/image/mat.h"
#include "yolo/scenes/backdrop.h"
#include "yolo/scenes/camera.h"
#include "yolo/scenes/sign_faces.h"
#include "yolo/scenes/things.h"

namespace roost::yolo::scenes {
namespace {

constexpr double kLeastVisible = 0.4;
constexpr double kLeastSide = 8;  // pixels
constexpr int kFirstOther = 100;  // owners from here on have no label

/// Something flat to be put up, and where.
struct Plan {
  bool labelled = true;
  SignKind kind = SignKind::kStop;
  OtherKind other = OtherKind::kRedDisc;
  float height = 0;  ///< pixels of an ordinary sign
  cv::Point2f center;
  Pose pose;
};

struct Placed {
  SignKind kind;
  std::uint8_t owner;
  Points outline;  ///< before the lens
};

/// Paints something in front of all that is there: what it covers belongs to nobody any more.
void PaintOver(Stage& stage, const std::function<void(cv::Mat&)>& paint) {
  const cv::Mat before = stage.color.clone();
  paint(stage.color);
  cv::Mat difference, changed;
  cv::absdiff(before, stage.color, difference);
  cv::inRange(difference, cv::Scalar::all(0), cv::Scalar::all(10), changed);
  stage.owner.setTo(0, changed == 0);
}

View AnyView(cv::Size size, Random& random) {
  View view;
  view.size = size;
  view.horizon = static_cast<float>(size.height) * random.Real(0.35, 0.8);
  view.focal = static_cast<float>(size.width) * random.Real(0.7, 1.6);
  view.camera_height = random.Real(1.1, 2.4);
  view.vanishing = static_cast<float>(size.width) * random.Real(0.1, 0.9);
  return view;
}

cv::Size AnySize(int long_side, Random& random) {
  const double ratio = random.Pick({4.0 / 3, 4.0 / 3, 4.0 / 3, 3.0 / 2, 3.0 / 2, 16.0 / 9, 1.0, 0.75});
  if (ratio >= 1) return {long_side, static_cast<int>(std::lround(long_side / ratio))};
  return {static_cast<int>(std::lround(long_side * ratio)), long_side};
}

float AnyHeight(cv::Size size, Random& random) {
  const double most = std::min(size.width, size.height);
  switch (random.Weighted({0.02, 0.32, 0.44, 0.22})) {
    case 0:
      return static_cast<float>(random.LogUniform(0.035, 0.06) * most);
    case 1:
      return static_cast<float>(random.LogUniform(0.06, 0.2) * most);
    case 2:
      return static_cast<float>(random.LogUniform(0.2, 0.5) * most);
    default:
      return static_cast<float>(random.LogUniform(0.5, 0.85) * most);
  }
}

Pose AnyPose(Random& random) {
  Pose pose;
  // Most signs are turned towards those who should read them.
  pose.yaw = random.Chance(0.6) ? random.Normal() * 14 : random.Uniform(-55, 55);
  pose.yaw = std::clamp(pose.yaw, -58.0, 58.0);
  pose.pitch = std::clamp(random.Normal() * 8, -25.0, 25.0);
  pose.roll = std::clamp(random.Normal() * (random.Chance(0.1) ? 14 : 3.5), -35.0, 35.0);
  pose.distance = random.LogUniform(3.5, 30);
  return pose;
}

/// Somewhere that most of the sign is inside the picture and not upon another one. Nothing after some tries.
std::optional<cv::Point2f> FindPlace(const std::vector<Plan>& others, float height, cv::Size size,
                                     Random& random) {
  const float half = height * 0.55F;
  const bool cut = random.Chance(0.1);
  for (int attempt = 0; attempt < 24; ++attempt) {
    const float margin = cut ? -half * 0.15F : half + 2;
    const auto width = static_cast<float>(size.width), rows = static_cast<float>(size.height);
    if (2 * margin >= rows || 2 * margin >= width) {
      if (attempt == 0) return cv::Point2f(width / 2, rows / 2);
      return std::nullopt;
    }
    // Signs stand rather in the upper part of a picture.
    const float up = random.Chance(0.7) ? random.Real(0, 0.65) : random.Real(0, 1);
    const cv::Point2f at(random.Real(margin, width - margin), margin + up * (rows - 2 * margin));
    const bool free = std::all_of(others.begin(), others.end(), [&](const Plan& other) {
      const float apart = half + other.height * 0.55F;
      const bool under = std::abs(at.x - other.center.x) < std::max(half, other.height * 0.55F) &&
                         (height > other.height ? at.y < other.center.y : other.center.y < at.y);
      return !under && (std::abs(at.x - other.center.x) > apart || std::abs(at.y - other.center.y) > apart);
    });
    if (free) return at;
  }
  return std::nullopt;
}

std::vector<Plan> MakePlans(cv::Size size, bool background, Random& random) {
  std::vector<Plan> plans;
  const int signs = background ? 0 : 1 + random.Weighted({0.56, 0.27, 0.12, 0.05});
  const int others = background ? random.Int(0, 7) : random.Weighted({0.4, 0.3, 0.2, 0.1});
  for (int i = 0; i < signs + others; ++i) {
    Plan plan;
    plan.labelled = i < signs;
    plan.kind = static_cast<SignKind>(random.Weighted({0.4, 0.2, 0.2, 0.2}));
    plan.other = static_cast<OtherKind>(random.Int(0, kOtherKinds - 1));
    plan.height = AnyHeight(size, random);
    if (i > 0 && random.Chance(0.25)) plan.height = std::min(plan.height, AnyHeight(size, random));
    plan.pose = AnyPose(random);
    const auto place = FindPlace(plans, plan.height, size, random);
    if (!place) continue;
    plan.center = *place;
    plans.push_back(plan);
  }
  // Far ones first.
  std::sort(plans.begin(), plans.end(), [](const Plan& a, const Plan& b) { return a.height < b.height; });
  return plans;
}

void PaintPost(cv::Mat& picture, const Plan& plan, const View& view, Random& random) {
  Painter paint(picture);
  const float unit = plan.height / 2;
  // A sign of 0.75 m tells how far away it is, and so where its post meets the ground.
  const float distance = view.focal * 0.75F / plan.height;
  const float foot_row = std::max(view.GroundRow(distance), plan.center.y + unit * random.Real(2, 6));
  const float lean = std::tan(static_cast<float>(plan.pose.roll) * 3.14159265F / 180) * 0.6F;
  const float top_row = plan.center.y - unit * random.Real(0.6, 1.25);
  const auto at = [&](float row) { return cv::Point2f(plan.center.x - lean * (row - plan.center.y), row); };
  const cv::Point2f top = at(top_row), foot = at(foot_row);
  const int look = random.Weighted({0.45, 0.3, 0.25});
  const float width = unit * (look == 2 ? random.Real(0.16, 0.28) : random.Real(0.08, 0.2));
  const Bgr color =
      look == 2 ? FromHsv(random.Uniform(18, 38), random.Uniform(0.2, 0.55), random.Uniform(0.25, 0.65))
      : random.Chance(0.15) ? FromHsv(150, 0.6, 0.3)
                            : Vary(Grey(random.Uniform(80, 190)), 8, random);
  paint.Polygon(Points{top - cv::Point2f(width / 2, 0), top + cv::Point2f(width / 2, 0),
                       foot + cv::Point2f(width / 2, 0), foot - cv::Point2f(width / 2, 0)},
                color);
  const float side = random.Chance(0.5) ? 1.F : -1.F;  // the side away from the light
  paint.Polygon(
      Points{top, top + cv::Point2f(side * width / 2, 0), foot + cv::Point2f(side * width / 2, 0), foot},
      color * random.Real(0.6, 0.9));
  if (look == 0 && width > 2.5F) {  // holes all the way down
    for (float row = top_row + width; row < std::min(foot_row, static_cast<float>(view.size.height));
         row += width * 0.9F) {
      paint.Disc(at(row), width * 0.16F, color * 0.35F);
    }
  }
}

/// Something in front of a part of a sign: a branch, a pole, another plate.
void Hide(Stage& stage, const Plan& plan, Random& random) {
  const float unit = plan.height / 2;
  const float direction = random.Real(0, 6.283);
  const cv::Point2f edge =
      plan.center + cv::Point2f(std::cos(direction), std::sin(direction)) * (unit * random.Real(0.8, 1.3));
  const std::uint64_t seed = random.Next();
  PaintOver(stage, [&](cv::Mat& picture) {
    Random own(seed);
    Painter paint(picture);
    switch (own.Weighted({0.5, 0.25, 0.25})) {
      case 0:
        PaintFoliage(picture, edge, cv::Size2f(own.Real(0.4, 1.1), own.Real(0.3, 0.9)) * unit, own);
        break;
      case 1: {  // a pole
        const float x = edge.x, width = unit * own.Real(0.08, 0.35);
        const Bgr color = Vary(Grey(own.Uniform(40, 180)), 12, own);
        paint.Rect(x - width / 2, -10, x + width / 2, static_cast<float>(picture.rows) + 10, color);
        paint.Rect(x, -10, x + width / 2, static_cast<float>(picture.rows) + 10, color * 0.8F);
        break;
      }
      default: {  // twigs
        for (int i = 0; i < 5; ++i) {
          const cv::Point2f along(own.Real(-1.3, 1.3), own.Real(-1.3, 1.3));
          paint.Stroke(Points{edge, edge + along * (unit * 0.6F),
                              edge + along * (unit * 0.9F) + cv::Point2f(0, unit * 0.3F)},
                       std::max(0.8F, unit * own.Real(0.015, 0.05)), Grey(own.Uniform(20, 70)));
        }
      }
    }
  });
}

/// A plate close above or below the sign.
void AddPlate(Stage& stage, const Plan& plan, const cv::Matx33d& sign_to_picture, const Face& sign,
              const Bgr& light, std::uint8_t owner, Random& random) {
  Face plate = MakePlate(plan.kind, sign.scale(), random);
  Illuminate(plate, 0.3, random);
  const bool above = plan.kind != SignKind::kStop && random.Chance(0.15);
  const float gap = random.Real(0.02, 0.15);
  const float shift = (sign.half().height + plate.half().height + gap) * (above ? -1.F : 1.F) * sign.scale();
  const cv::Point2f move = sign.middle() - plate.middle();
  const cv::Matx33d to_sign(1, 0, move.x, 0, 1, move.y + shift, 0, 0, 1);
  Stick(stage, plate, sign_to_picture * to_sign, light, owner);
}

std::optional<Placed> PutUp(Stage& stage, const Plan& plan, const View& view, const Light& light,
                            std::uint8_t owner, Random& random) {
  constexpr float kMostScale = 420;  // pixels a unit
  const float unit = plan.height / 2;
  const float scale = std::min(kMostScale, unit * (plan.height < 80 ? 4.F : 2.F));
  Face face = plan.labelled ? MakeSign(plan.kind, scale, random) : MakeOther(plan.other, scale, random);
  Weather(face, std::max(0.0, random.Uniform(-0.6, 1)), random);
  Illuminate(face, light.sun, random);
  const Bgr lamp = Grey(random.Uniform(0.62, 1.1));
  const cv::Matx33d to_picture = Place(face, plan.pose, plan.center, unit);
  if (random.Chance(0.85)) {
    const std::uint64_t seed = random.Next();
    PaintOver(stage, [&](cv::Mat& picture) {
      Random own(seed);
      PaintPost(picture, plan, view, own);
    });
  }
  // A thin dark edge behind the plate: its thickness, its shadow on what is behind.
  if (random.Chance(0.5)) {
    const cv::Matx33d aside(1, 0, unit * random.Uniform(-0.02, 0.02), 0, 1,
                            unit * random.Uniform(-0.01, 0.02), 0, 0, 1);
    Face back = MakeBack(face.outline(), face.half(), scale, random);
    Stick(stage, back, aside * to_picture, lamp * 0.6F, 0);
  }
  Stick(stage, face, to_picture, lamp, owner);
  if (plan.labelled && random.Chance(0.25)) {
    AddPlate(stage, plan, to_picture, face, lamp, kFirstOther, random);
  }
  if (!plan.labelled) return std::nullopt;
  return Placed{plan.kind, owner, Project(face, to_picture)};
}

/// The label of a sign as the finished picture shows it; nothing where too little of it is to be seen.
std::optional<Label> LabelOf(const Placed& sign, const Lens& lens, const cv::Mat& owner) {
  Points seen;
  for (const cv::Point2f point : sign.outline) seen.push_back(lens.See(point));
  double left = 1e9, top = 1e9, right = -1e9, bottom = -1e9;
  for (const cv::Point2f point : seen) {
    left = std::min(left, point.x + 0.5);
    right = std::max(right, point.x + 0.5);
    top = std::min(top, point.y + 0.5);
    bottom = std::max(bottom, point.y + 0.5);
  }
  const double width = owner.cols, height = owner.rows;
  left = std::clamp(left, 0.0, width), right = std::clamp(right, 0.0, width);
  top = std::clamp(top, 0.0, height), bottom = std::clamp(bottom, 0.0, height);
  if (right - left < kLeastSide || bottom - top < kLeastSide) return std::nullopt;
  const double visible = cv::countNonZero(owner == sign.owner);
  if (visible < kLeastVisible * cv::contourArea(seen)) return std::nullopt;
  return Label{static_cast<std::int64_t>(sign.kind), static_cast<float>((left + right) / 2 / width),
               static_cast<float>((top + bottom) / 2 / height), static_cast<float>((right - left) / width),
               static_cast<float>((bottom - top) / height)};
}

/// Nothing where a sign came out too hidden or too small to have a label, but is still there.
std::optional<Scene> TryToRender(Random random, const SceneOptions& options) {
  const cv::Size size = AnySize(options.long_side, random);
  const View view = AnyView(size, random);
  const Light light = AnyLight(random);
  Stage stage(size);
  Random scenery = random.Fork(1), placing = random.Fork(2), drawing = random.Fork(3),
         taking = random.Fork(4);
  if (scenery.Chance(0.82)) {
    PaintRoad(stage.color, view, scenery);
  } else {
    PaintAnything(stage.color, scenery);
  }
  if (scenery.Chance(0.15)) {  // out of focus behind the signs
    cv::GaussianBlur(stage.color, stage.color, {}, scenery.Uniform(0.8, 4));
  }
  std::vector<Placed> signs;
  int next = 1, next_other = kFirstOther + 1;
  for (const Plan& plan : MakePlans(size, options.background, placing)) {
    const auto owner = static_cast<std::uint8_t>(plan.labelled ? next++ : next_other++);
    if (auto placed = PutUp(stage, plan, view, light, owner, drawing)) signs.push_back(*placed);
    if (drawing.Chance(0.14)) Hide(stage, plan, drawing);
  }
  Dim(stage, light, taking);
  const Lens lens(size, taking.Chance(0.4) ? taking.Uniform(-0.08, 0.3) : 0);
  cv::Mat picture = lens.Show(stage.color, cv::INTER_LINEAR);
  const cv::Mat owner = lens.Show(stage.owner, cv::INTER_NEAREST);
  Scene scene;
  for (const Placed& sign : signs) {
    const auto label = LabelOf(sign, lens, owner);
    if (!label) return std::nullopt;
    scene.labels.push_back(*label);
  }
  Develop(picture, light, view.horizon, taking);
  scene.image = FromMat(std::move(picture));
  scene.quality = taking.Chance(0.75) ? taking.Int(80, 95) : taking.Int(45, 80);
  return scene;
}

}  // namespace

Scene RenderScene(std::uint64_t seed, const SceneOptions& options) {
  const Random random(seed);
  for (std::uint64_t attempt = 0;; ++attempt) {
    if (auto scene = TryToRender(random.Fork(attempt), options)) return std::move(*scene);
  }
}

}  // namespace roost::yolo::scenes

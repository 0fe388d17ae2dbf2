#include "yolo/data/augment_picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace roost::yolo {
namespace {

constexpr Color kGrey = {114, 114, 114};  // the reference trains with this padding

/// Makes `image` one of that size; what it shows is undefined.
void Reshape(Image& image, Size size) {
  if (!(image.size() == size)) image = Image(size, kGrey);
}

/// Makes a part of `canvas` grey.
void Clear(Image& canvas, const Region& part) {
  const auto row_bytes = static_cast<std::size_t>(canvas.size().width * 3);
  if (part.left >= part.right) return;
  for (std::int64_t y = part.top; y < part.bottom; ++y) {
    std::uint8_t* row = canvas.pixels().data() + static_cast<std::size_t>(y) * row_bytes;
    std::memset(row + part.left * 3, kGrey[0], static_cast<std::size_t>(part.right - part.left) * 3);
  }
}

/// Copies a picture to (`left`, `top`) of `canvas`, as far as that is within `part`.
void Paste(const Image& picture, std::int64_t left, std::int64_t top, const Region& part, Image& canvas) {
  const std::int64_t first_x = std::max(left, part.left);
  const std::int64_t end_x = std::min(left + picture.size().width, part.right);
  const std::int64_t first_y = std::max(top, part.top);
  const std::int64_t end_y = std::min(top + picture.size().height, part.bottom);
  if (first_x >= end_x) return;
  for (std::int64_t y = first_y; y < end_y; ++y) {
    const std::uint8_t* from =
        picture.pixels().data() + ((y - top) * picture.size().width + first_x - left) * 3;
    std::uint8_t* to = canvas.pixels().data() + (y * canvas.size().width + first_x) * 3;
    std::memcpy(to, from, static_cast<std::size_t>(end_x - first_x) * 3);
  }
}

/// `image` becomes the weighted mean of both, cut off to whole numbers.
void Mix(Image& image, const Image& other, double weight) {
  std::array<double, 256> parts{};
  std::array<double, 256> other_parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i] = static_cast<double>(i) * weight;
    other_parts[i] = static_cast<double>(i) * (1 - weight);
  }
  const auto pixels = image.pixels();
  const auto other_pixels = other.pixels();
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<std::uint8_t>(parts[pixels[i]] + other_parts[other_pixels[i]]);
  }
}

/// How a picture of the store is put into a batch's; without `grow` it is only ever made smaller.
Result<LetterboxPlan> PlanFor(Size picture, Size size, bool grow) {
  if (!grow && picture.height <= size.height && picture.width <= size.width) {
    // As if it had been scaled: the padding follows from the size it has.
    LetterboxPlan plan;
    plan.original = plan.scaled = picture;
    const auto before = [](std::int64_t room) { return std::llrint(static_cast<double>(room) / 2 - 0.1); };
    plan.top = before(size.height - picture.height);
    plan.left = before(size.width - picture.width);
    plan.bottom = size.height - picture.height - plan.top;
    plan.right = size.width - picture.width - plan.left;
    return plan;
  }
  return PlanLetterbox(picture, size, /*stride=*/1, Padding::kWhole);
}

}  // namespace

PictureMaker::PictureMaker(const Dataset& dataset, PictureStore& store, const Options& options)
    : dataset_(dataset), store_(store), options_(options) {}

std::vector<Label> PictureMaker::Make(std::size_t sample, Size size, std::span<const std::size_t> order,
                                      Random& random, std::span<std::uint8_t> planes) {
  const Augmentation& augmentation = options_.augmentation;
  picture_.objects.clear();
  if (options_.augment && options_.mosaic && random.Chance(augmentation.mosaic)) {
    Mosaic(sample, order, random, picture_);
    if (random.Chance(augmentation.mixup)) {
      other_.objects.clear();
      Mosaic(random.Below(dataset_.samples.size()), order, random, other_);
      constexpr double kMixupShape = 32;
      Mix(picture_.image, other_.image, random.Beta(kMixupShape));
      picture_.objects.insert(picture_.objects.end(), other_.objects.begin(), other_.objects.end());
    }
  } else {
    Single(sample, size, random, picture_);
  }

  std::vector<Label> labels;
  labels.reserve(picture_.objects.size());
  for (const PlacedObject& object : picture_.objects)
    labels.push_back(ToLabel(object, picture_.image.size()));
  Finish finish;
  if (options_.augment) {
    if (augmentation.hsv_h != 0 || augmentation.hsv_s != 0 || augmentation.hsv_v != 0) {
      const double hue = 1 + augmentation.hsv_h * random.Uniform(-1, 1);
      const double saturation = 1 + augmentation.hsv_s * random.Uniform(-1, 1);
      const double value = 1 + augmentation.hsv_v * random.Uniform(-1, 1);
      finish.gains = {hue, saturation, value};
    }
    finish.upside_down = random.Chance(augmentation.flipud);
    finish.mirrored = random.Chance(augmentation.fliplr);
  }
  for (Label& label : labels) {
    if (finish.upside_down) label.y = 1 - label.y;
    if (finish.mirrored) label.x = 1 - label.x;
  }
  ToBytePlanes(picture_.image, finish, planes);
  return labels;
}

std::shared_ptr<const Image> PictureMaker::Load(std::size_t sample) { return store_.Load(sample).value(); }

/// load_mosaic(): four pictures around a point, on a canvas of twice the size, of which the warp then shows a
/// part. Only that part is drawn.
void PictureMaker::Mosaic(std::size_t sample, std::span<const std::size_t> order, Random& random,
                          Canvas& canvas) {
  const std::int64_t side = options_.imgsz;
  const Size whole{2 * side, 2 * side};
  const Size shown{side, side};
  const auto coordinate = [&] {
    return static_cast<std::int64_t>(
        random.Uniform(0.5 * static_cast<double>(side), 1.5 * static_cast<double>(side)));
  };
  const std::int64_t centre_y = coordinate();
  const std::int64_t centre_x = coordinate();
  std::array<std::size_t, 4> tiles = {sample};
  for (std::size_t i = 1; i < tiles.size(); ++i) tiles.at(i) = order[random.Below(order.size())];
  random.Shuffle(tiles);
  const PerspectiveDraw draw = DrawPerspective(options_.augmentation, random);
  const Matrix3 map = PerspectiveMap(draw, whole, shown);

  const Region part = ReadByWarp(map, whole, shown);
  Reshape(unwarped_, whole);
  Clear(unwarped_, part);
  std::vector<PlacedObject> objects;
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    const auto picture = Load(tiles.at(i));
    const auto [height, width] = picture->size();
    const std::int64_t left = i % 2 == 0 ? centre_x - width : centre_x;
    const std::int64_t top = i < 2 ? centre_y - height : centre_y;
    Paste(*picture, left, top, part, unwarped_);
    PlaceObjects(dataset_.samples.at(tiles.at(i)).labels, static_cast<float>(width),
                 static_cast<float>(height), static_cast<float>(left), static_cast<float>(top), objects);
  }
  ClipToPicture(objects, whole);
  Reshape(canvas.image, shown);
  Warp(unwarped_, map, canvas.image);
  canvas.objects = MoveObjects(objects, map, draw.scale, shown);
}

void PictureMaker::Single(std::size_t sample, Size size, Random& random, Canvas& canvas) {
  const auto picture = Load(sample);
  const auto planned = PlanFor(picture->size(), size, options_.augment);
  if (!planned) {
    throw Error("'" + dataset_.samples.at(sample).image.string() + "': " + planned.error().message(),
                ExitCode::kBadData);
  }
  const LetterboxPlan& plan = *planned;
  canvas.image = Letterbox(*picture, plan);
  // The reference adds the padding before it is rounded.
  const auto pad = [](std::int64_t room) { return static_cast<float>(static_cast<double>(room) / 2); };
  const auto height = static_cast<double>(picture->size().height);
  const auto width = static_cast<double>(picture->size().width);
  const double fit =
      std::min(static_cast<double>(size.height) / height, static_cast<double>(size.width) / width);
  const double ratio = options_.augment ? fit : std::min(fit, 1.0);
  PlaceObjects(dataset_.samples.at(sample).labels, static_cast<float>(ratio * width),
               static_cast<float>(ratio * height), pad(size.width - plan.scaled.width),
               pad(size.height - plan.scaled.height), canvas.objects);
  if (!options_.augment) return;
  const PerspectiveDraw draw = DrawPerspective(options_.augmentation, random);
  const Matrix3 map = PerspectiveMap(draw, size, size);
  if (map != Matrix3{1, 0, 0, 0, 1, 0, 0, 0, 1}) {
    Reshape(unwarped_, size);
    std::swap(unwarped_, canvas.image);
    Warp(unwarped_, map, canvas.image);
  }
  canvas.objects = MoveObjects(canvas.objects, map, draw.scale, size);
}

}  // namespace roost::yolo

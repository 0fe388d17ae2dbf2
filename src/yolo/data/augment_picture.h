#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "yolo/data/augment_geometry.h"
#include "yolo/data/cache.h"

namespace roost::yolo {

/// Makes training pictures, one at a time, as the reference's LoadImagesAndLabels.__getitem__ does. Each
/// thread has one of its own: it keeps the canvases from picture to picture.
class PictureMaker {
 public:
  struct Options {
    std::int64_t imgsz = 640;
    Augmentation augmentation;
    bool augment = true;
    bool mosaic = true;  ///< with `augment`, four pictures in one, as often as `augmentation` says
  };

  /// `dataset` and `store` must outlive it.
  PictureMaker(const Dataset& dataset, PictureStore& store, const Options& options);

  /// The picture of a sample, with the size `size` (without mosaic; else imgsz x imgsz), into `planes`: 3 *
  /// height * width bytes, RGB. `order` are the samples that others of a mosaic are drawn from. Returns its
  /// objects. Throws Error where a picture cannot be read.
  std::vector<Label> Make(std::size_t sample, Size size, std::span<const std::size_t> order, Random& random,
                          std::span<std::uint8_t> planes);

 private:
  /// A picture on its way, with its objects.
  struct Canvas {
    Image image;
    std::vector<PlacedObject> objects;
  };

  std::shared_ptr<const Image> Load(std::size_t sample);
  void Mosaic(std::size_t sample, std::span<const std::size_t> order, Random& random, Canvas& canvas);
  void Single(std::size_t sample, Size size, Random& random, Canvas& canvas);

  const Dataset& dataset_;
  PictureStore& store_;
  Options options_;
  Canvas picture_;
  Canvas other_;    ///< what is mixed into it
  Image unwarped_;  ///< what is warped into them
};

}  // namespace roost::yolo

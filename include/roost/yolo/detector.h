#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "roost/base/error.h"
#include "roost/base/files.h"
#include "roost/yolo/detection.h"
#include "roost/yolo/engine.h"
#include "roost/yolo/image.h"
#include "roost/yolo/mask.h"
#include "roost/yolo/nms.h"

namespace cv {
class Mat;
}

/// The library for other programs: load a model, give it pictures, get plain structs.
///
///   const auto detector = roost::yolo::Detector::Load({.weights = {"yolov5n.pt"}});
///   const auto found = detector.DetectFile("bus.jpg").value();
///   for (const auto& d : found.detections) std::cout << detector.names()[d.class_id] << '\n';
namespace roost::yolo {

/// What a model sees in one picture.
struct Findings {
  LetterboxPlan letterbox;            ///< how the picture was fitted into the network input
  std::vector<Detection> detections;  ///< best first; boxes in pixels of the picture, clipped, not rounded
  std::vector<Mask> masks;  ///< of a segmentation model: one per detection, in pixels of the network input
  std::vector<LayerMaps> layers;    ///< of this picture, where DetectorOptions::visualize asked for them
  std::vector<ClassScore> classes;  ///< of a classification model, instead: the five most probable
};

/// What the steps before and behind a network need to know of it.
struct ModelTraits {
  Task task = Task::kDetect;
  std::vector<std::string> names;  ///< of the classes, by id
  std::int64_t classes = 0;
  std::int64_t masks = 0;    ///< mask coefficients per row; 0 unless segmentation
  std::int64_t stride = 32;  ///< sides of network inputs are multiples of it
  Size input{640, 640};      ///< largest network input; sides are multiples of `stride`
  /// Pictures are padded to all of `input`, not to the smallest rectangle that serves: the network can run on
  /// this size only.
  bool whole_input = false;
};

/// What to load and how to look. The names are those of detect.py's flags.
struct DetectorOptions {
  std::vector<Path> weights;  ///< several: an ensemble
  Size imgsz{};  ///< rounded up to multiples of the model's stride; none: 640x640, 224x224 to classify
  NmsOptions nms;
  bool augment = false;    ///< look at each picture in three sizes, one of them mirrored
  bool visualize = false;  ///< Findings::layers
  bool half = false;       ///< 16-bit floats; CUDA only
  std::string device;      ///< as EngineOptions::device
  int threads = 0;         ///< as EngineOptions::threads
  Path data;               ///< dataset YAML with class names, for weights that have none
  Path cfg;                ///< model YAML, for weights that are a bare state dict
};

/// A picture ready for the network.
struct PreparedPicture {
  LetterboxPlan plan;
  ImageBatch batch;  ///< of one
};

/// Pictures in, findings out. Immutable: all functions may be called from several threads. Its steps may be
/// called one by one, by whoever wants to overlap, batch or time them.
class Detector {
 public:
  /// Reads the weights and opens the engine (LibTorch) for them. Throws Error that names the file and the
  /// reason: no such file, bad data, unknown device.
  static Detector Load(const DetectorOptions& options);

  /// On an engine that is open already.
  Detector(std::shared_ptr<const Engine> engine, ModelTraits traits, NmsOptions nms);

  const ModelTraits& traits() const { return traits_; }
  const std::vector<std::string>& names() const { return traits_.names; }

  /// An Error for a picture that cannot be fitted into the network input, or cannot be read.
  Result<Findings> Detect(const Image& image) const;
  /// `bgr`: 8 bits, three channels in OpenCV's order (CV_8UC3). It is only read.
  Result<Findings> Detect(const cv::Mat& bgr) const;
  Result<Findings> DetectFile(const Path& picture) const;

  Result<PreparedPicture> Prepare(const Image& image) const;
  /// Pictures of one size; takes their pixels.
  Predictions Infer(std::span<PreparedPicture* const> pictures) const;
  /// What picture `i` of the batch holds; `picture` is what Prepare() made of it.
  Findings Conclude(const Predictions& predictions, std::int64_t i, const PreparedPicture& picture) const;

 private:
  std::shared_ptr<const Engine> engine_;
  ModelTraits traits_;
  NmsOptions nms_;
};

/// `size` rounded up to multiples of `stride`.
Size RoundedUp(Size size, std::int64_t stride);

}  // namespace roost::yolo

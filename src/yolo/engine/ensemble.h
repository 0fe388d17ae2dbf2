#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "roost/yolo/detection.h"
#include "roost/yolo/engine.h"

namespace roost::yolo {

/// What has to be known of a model that is to work together with others.
struct EnsembleMember {
  std::string file;  ///< for messages
  Task task = Task::kDetect;
  std::int64_t classes = 0;
  std::int64_t stride = 32;
};

/// The stride of an ensemble, the largest of its members'. (Class names are those of the first, as in
/// models/experimental.py attempt_load.) Throws Error (bad data) for what cannot work together: a model that
/// is no detector, different numbers of classes. Needs no engine, so it comes before engines are opened.
std::int64_t EnsembleStride(std::span<const EnsembleMember> members);

/// Several detectors as one engine: every one sees the pictures, and the rows of all are handed out one after
/// the other, so that NMS decides between them (models/experimental.py Ensemble). They have the same number
/// of columns. To augment an ensemble, augment each of its engines.
std::shared_ptr<const Engine> Ensemble(std::vector<std::shared_ptr<const Engine>> engines);

}  // namespace roost::yolo

#pragma once

#include <string>
#include <vector>

#include "roost/base/files.h"
#include "yolo/data/augment.h"

namespace roost::yolo {

/// The reference's hyperparameters, by their names in its hyp.*.yaml files; the defaults are those of
/// hyp.scratch-low.yaml.
struct Hyperparameters {
  double lr0 = 0.01;  ///< initial learning rate
  double lrf = 0.01;  ///< last learning rate as a fraction of the first
  double momentum = 0.937;
  double weight_decay = 0.0005;
  double warmup_epochs = 3;
  double warmup_momentum = 0.8;
  double warmup_bias_lr = 0.1;
  double box = 0.05, cls = 0.5, obj = 1;  ///< gains of the losses
  double cls_pw = 1, obj_pw = 1;          ///< weights of positives
  double iou_t = 0.2;
  double anchor_t = 4;  ///< a label and an anchor match where no side differs by more than this factor
  double anchors = 0;   ///< per level, to be estimated; 0 = those of the model
  double fl_gamma = 0;  ///< of the focal loss; 0 = none
  double label_smoothing = 0;
  Augmentation augmentation;

  /// Sets the one called `name`; false where there is none of that name.
  bool Set(const std::string& name, double value);
  /// All of them in the order of the reference's files.
  std::vector<std::pair<std::string, double>> All() const;
};

/// Throws Error (no input; bad data with file and line, also for a name that does not exist).
Hyperparameters ReadHyperparameters(const Path& file);

/// As YAML that ReadHyperparameters and the reference read.
std::string ToYaml(const Hyperparameters& hyperparameters);

}  // namespace roost::yolo

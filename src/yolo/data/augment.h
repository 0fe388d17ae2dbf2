#pragma once

namespace roost::yolo {

/// How training pictures are varied: the reference's hyperparameters of the same names
/// (hyp.scratch-low.yaml).
struct Augmentation {
  double hsv_h = 0.015, hsv_s = 0.7, hsv_v = 0.4;  ///< largest change, as fractions
  double degrees = 0;                              ///< rotation, +/-
  double translate = 0.1;                          ///< +/- of the side
  double scale = 0.5;                              ///< gain 1 +/- this
  double shear = 0;                                ///< +/- degrees
  double perspective = 0;                          ///< +/-, 0 to 0.001
  double flipud = 0, fliplr = 0.5;                 ///< probabilities
  double mosaic = 1, mixup = 0;                    ///< probabilities
  double copy_paste = 0;                           ///< needs segments, which box labels have not: no effect
};

}  // namespace roost::yolo

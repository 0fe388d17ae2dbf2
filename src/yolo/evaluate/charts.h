#pragma once

#include <string>
#include <vector>

#include "roost/base/files.h"
#include "yolo/evaluate/confusion.h"
#include "yolo/evaluate/metrics.h"
#include "yolo/image/plot.h"

namespace roost::yolo {

/// Precision over recall at IoU 0.5, a line per class (in colour and with its AP in the legend where they are
/// fewer than 21) and their mean.
Chart PrecisionRecallChart(const Metrics& metrics, const Curves& curves,
                           const std::vector<std::string>& names);

/// One of `curves` (F1, precision or recall) over the confidence, and the smoothed mean with where it is
/// best.
Chart ConfidenceChart(const std::string& what, const std::vector<Curves::Curve>& curves,
                      const Metrics& metrics, const std::vector<std::string>& names);

/// What objects of each class were taken for, as fractions of all objects of it.
HeatMap ConfusionChart(const ConfusionMatrix& confusion, const std::vector<std::string>& names);

/// Writes the plots of val.py into a folder, under its names: PR_curve.png, F1_curve.png, P_curve.png,
/// R_curve.png (not where nothing was found) and confusion_matrix.png. Throws Error (cannot create).
void SaveCharts(const Metrics& metrics, const Curves& curves, const ConfusionMatrix& confusion,
                const std::vector<std::string>& names, const Path& folder);

}  // namespace roost::yolo

#include "yolo/detect/render.h"

#include <cstdio>
#include <utility>

#include "yolo/detect/classify.h"
#include "yolo/detect/features.h"
#include "yolo/detect/labels.h"
#include "yolo/detect/reporter.h"

namespace roost::yolo {

std::string Renderer::LabelText(const Detection& detection) const {
  if (options_.hide_labels) return {};
  std::string text = ClassName(traits_.names, detection.class_id);
  if (options_.hide_confidence) return text;
  char confidence[32];
  std::snprintf(confidence, sizeof confidence, " %.2f", static_cast<double>(detection.confidence));
  return text + confidence;
}

void Renderer::Draw(Image& image, const Findings& findings) const {
  if (traits_.task == Task::kClassify) {
    constexpr std::int64_t kMargin = 32;  // classify/predict.py's
    DrawLines(image, kMargin, kMargin, ClassLines(findings.classes, traits_.names));
    return;
  }
  if (traits_.task == Task::kSegment) {
    std::vector<Color> colors;
    for (const Detection& detection : findings.detections) colors.push_back(ClassColor(detection.class_id));
    DrawMasks(image, findings.letterbox, findings.masks, colors,
              options_.retina_masks ? MaskStyle::kRetina : MaskStyle::kNetwork);
  }
  // Worst detection first, so that the best ones lie on top.
  for (auto it = findings.detections.rbegin(); it != findings.detections.rend(); ++it) {
    DrawBox(image, RoundedToPixels(it->box), LabelText(*it), ClassColor(it->class_id), options_.style);
  }
}

Result<void> Renderer::CutOutAll(ProcessedFrame& item) const {
  for (const Detection& detection : item.findings->detections) {
    auto crop = EncodeFineJpeg(CutOut(*item.frame.image, RoundedToPixels(detection.box)));
    if (!crop) return crop.error();
    item.crops.push_back(std::move(*crop));
  }
  return {};
}

Result<void> Renderer::Render(ProcessedFrame& item) const {
  const bool still = item.frame.number == 0;
  try {
    if (options_.save_features) {
      auto features = FeatureFiles(item.findings->layers);
      if (!features) return features.error();
      item.features = std::move(*features);
      item.findings->layers.clear();
    }
    if (options_.save_crops) {
      if (auto cut = CutOutAll(item); !cut) return cut;
    }
    if (options_.save_pictures || options_.show) Draw(*item.frame.image, *item.findings);
  } catch (const Error& error) {
    return error;
  }
  if (options_.save_pictures && still) {
    auto encoded = EncodeImage(*item.frame.image, OutputName(inputs_[item.frame.input]).extension());
    if (!encoded) return encoded.error();
    item.picture = std::move(*encoded);
  }
  const bool needed_later = options_.show || (options_.save_pictures && !still);
  if (!needed_later) item.frame.image.reset();
  return {};
}

}  // namespace roost::yolo

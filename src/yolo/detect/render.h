#pragma once

#include <string>
#include <vector>

#include "roost/base/error.h"
#include "roost/yolo/detector.h"
#include "yolo/detect/output.h"
#include "yolo/detect/pipeline.h"

namespace roost::yolo {

/// Makes of findings what is to be seen of them: the annotated picture, the cut-out objects. Writes nothing.
/// Immutable, called from several threads.
class Renderer {
 public:
  Renderer(const std::vector<Input>& inputs, const ModelTraits& traits, const OutputOptions& options)
      : inputs_(inputs), traits_(traits), options_(options) {}

  /// An Error where it cannot be drawn or encoded.
  Result<void> Render(ProcessedFrame& item) const;

 private:
  void Draw(Image& image, const Findings& findings) const;
  Result<void> CutOutAll(ProcessedFrame& item) const;
  std::string LabelText(const Detection& detection) const;

  const std::vector<Input>& inputs_;
  const ModelTraits& traits_;
  const OutputOptions& options_;
};

}  // namespace roost::yolo

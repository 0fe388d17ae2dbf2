#pragma once

#include <functional>
#include <string>
#include <utility>

#include "roost/yolo/engine.h"

namespace roost::test {

/// An engine that answers with a function of the test.
class FakeEngine final : public yolo::Engine {
 public:
  using Answer = std::function<yolo::Predictions(const yolo::ImageBatch&)>;
  explicit FakeEngine(Answer answer) : answer_(std::move(answer)) {}

  yolo::Predictions Run(const yolo::ImageBatch& batch) const override { return answer_(batch); }
  std::string Description() const override { return "fake"; }

 private:
  Answer answer_;
};

}  // namespace roost::test

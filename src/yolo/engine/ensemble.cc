#include "yolo/engine/ensemble.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace roost::yolo {
namespace {

class EnsembleEngine final : public Engine {
 public:
  explicit EnsembleEngine(std::vector<std::shared_ptr<const Engine>> engines)
      : engines_(std::move(engines)) {}

  Predictions Run(const ImageBatch& batch) const override {
    std::vector<Predictions> parts;
    Predictions joined;
    for (const auto& engine : engines_) {
      const Predictions& part = parts.emplace_back(engine->Run(batch));
      ROOST_CHECK(part.n == parts.front().n && part.columns == parts.front().columns,
                  "the models of an ensemble have the same classes");
      joined.rows += part.rows;
    }
    joined.n = parts.front().n;
    joined.columns = parts.front().columns;
    joined.values.reserve(static_cast<std::size_t>(joined.n * joined.rows * joined.columns));
    for (std::int64_t picture = 0; picture < joined.n; ++picture) {
      for (const Predictions& part : parts) {
        const auto rows = part.of(picture);
        joined.values.insert(joined.values.end(), rows.begin(), rows.end());
      }
    }
    return joined;
  }

  std::string Description() const override { return engines_.front()->Description(); }

 private:
  const std::vector<std::shared_ptr<const Engine>> engines_;
};

}  // namespace

std::int64_t EnsembleStride(std::span<const EnsembleMember> members) {
  ROOST_CHECK(!members.empty(), "an ensemble has models");
  const EnsembleMember& first = members.front();
  std::int64_t stride = first.stride;
  for (const EnsembleMember& member : members) {
    if (members.size() > 1 && member.task != Task::kDetect) {
      throw Error("cannot use weights '" + member.file + "' together with others: it is a " +
                      (member.task == Task::kSegment ? "segmentation" : "classification") + " model",
                  ExitCode::kBadData, "only detection models can be combined: give one file to --weights");
    }
    if (member.classes != first.classes) {
      throw Error("cannot use weights '" + first.file + "' and '" + member.file + "' together: they have " +
                      std::to_string(first.classes) + " and " + std::to_string(member.classes) + " classes",
                  ExitCode::kBadData, "combine models that were trained on the same classes");
    }
    stride = std::max(stride, member.stride);
  }
  return stride;
}

std::shared_ptr<const Engine> Ensemble(std::vector<std::shared_ptr<const Engine>> engines) {
  ROOST_CHECK(!engines.empty(), "an ensemble has engines");
  return std::make_shared<EnsembleEngine>(std::move(engines));
}

}  // namespace roost::yolo

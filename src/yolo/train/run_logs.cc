#include "yolo/train/run_logs.h"

#include <nlohmann/json.hpp>

namespace roost::yolo {

RunLogs::RunLogs(const Path& folder, std::optional<std::int64_t> resumed_at)
    : csv_(folder / "results.csv", resumed_at.value_or(0)), events_(folder, clock_, resumed_at) {}

void RunLogs::EpochDone(const EpochResult& result, const Trainer& /*trainer*/) {
  const Metrics& m = result.metrics;
  // The reference's groups are in the order biases, weights, norms.
  const auto& rate = result.learning_rate;
  csv_.Append({.epoch = result.epoch,
               .train_box = result.train.box,
               .train_obj = result.train.obj,
               .train_cls = result.train.cls,
               .precision = m.precision,
               .recall = m.recall,
               .map50 = m.map50,
               .map = m.map50_95,
               .val_box = result.val.box,
               .val_obj = result.val.obj,
               .val_cls = result.val.cls,
               .lr0 = rate[0],
               .lr1 = rate[1],
               .lr2 = rate[2]});
  events_.Write(result.epoch, {{"train/box_loss", result.train.box},
                               {"train/obj_loss", result.train.obj},
                               {"train/cls_loss", result.train.cls},
                               {"metrics/precision", m.precision},
                               {"metrics/recall", m.recall},
                               {"metrics/mAP_0.5", m.map50},
                               {"metrics/mAP_0.5:0.95", m.map50_95},
                               {"val/box_loss", result.val.box},
                               {"val/obj_loss", result.val.obj},
                               {"val/cls_loss", result.val.cls},
                               {"x/lr0", rate[0]},
                               {"x/lr1", rate[1]},
                               {"x/lr2", rate[2]}});
}

void RunJson::EpochDone(const EpochResult& result, const Trainer& /*trainer*/) {
  const auto losses = [](const LossItems& items) {
    return nlohmann::json{{"box", items.box}, {"obj", items.obj}, {"cls", items.cls}};
  };
  nlohmann::json line = {{"epoch", result.epoch}, {"epochs", result.epochs}, {"train", losses(result.train)}};
  if (result.measured) {
    const Metrics& m = result.metrics;
    line["val"] = losses(result.val);
    line["precision"] = m.precision;
    line["recall"] = m.recall;
    line["map50"] = m.map50;
    line["map50_95"] = m.map50_95;
    line["best"] = result.is_best;
  }
  out_ << line.dump() << std::endl;
}

void RunJson::Finished(const Path& folder) {
  const Path weights = folder / "weights";
  out_ << nlohmann::json{{"folder", folder.string()}, {"best", (weights / "best.pt").string()}}.dump(
              -1, ' ', false, nlohmann::json::error_handler_t::replace)
       << std::endl;
}

}  // namespace roost::yolo

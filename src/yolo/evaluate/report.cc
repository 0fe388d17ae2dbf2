#include "yolo/evaluate/report.h"

#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "roost/base/text.h"
#include "yolo/detect/reporter.h"

namespace roost::yolo {
namespace {

using json = nlohmann::ordered_json;

struct Row {
  std::string name;
  std::int64_t images = 0, instances = 0;
  double precision = 0, recall = 0, ap50 = 0, ap50_95 = 0;
};

std::string ToLine(const Row& row) {
  char text[512];
  std::snprintf(text, sizeof text, "%22.200s%11lld%11lld%11.3g%11.3g%11.3g%11.3g\n", row.name.c_str(),
                static_cast<long long>(row.images), static_cast<long long>(row.instances), row.precision,
                row.recall, row.ap50, row.ap50_95);
  return text;
}

}  // namespace

std::string MetricsTable(const Metrics& metrics, const std::vector<std::string>& names, bool each_class) {
  char head[128];
  std::snprintf(head, sizeof head, "%22s%11s%11s%11s%11s%11s%11s\n", "Class", "Images", "Instances", "P", "R",
                "mAP50", "mAP50-95");
  std::string table = head;
  table += ToLine({"all", metrics.images, metrics.instances, metrics.precision, metrics.recall, metrics.map50,
                   metrics.map50_95});
  if (!each_class) return table;
  for (const ClassMetrics& of_class : metrics.classes) {
    table += ToLine({Printable(ClassName(names, of_class.class_id)), metrics.images, of_class.instances,
                     of_class.precision, of_class.recall, of_class.ap50(), of_class.ap50_95()});
  }
  return table;
}

json MetricsJson(const Metrics& metrics, const std::vector<std::string>& names) {
  json root = {{"images", metrics.images},
               {"instances", metrics.instances},
               {"precision", metrics.precision},
               {"recall", metrics.recall},
               {"f1", metrics.f1()},
               {"map50", metrics.map50},
               {"map50_95", metrics.map50_95},
               {"fitness", metrics.fitness()}};
  json& classes = root["classes"] = json::array();
  for (const ClassMetrics& of_class : metrics.classes) {
    classes.push_back({{"class", of_class.class_id},
                       {"name", ClassName(names, of_class.class_id)},
                       {"instances", of_class.instances},
                       {"precision", of_class.precision},
                       {"recall", of_class.recall},
                       {"f1", of_class.f1},
                       {"ap50", of_class.ap50()},
                       {"ap50_95", of_class.ap50_95()},
                       {"ap", of_class.ap}});
  }
  return root;
}

json ToJson(const CocoTable& table) {
  return {{"ap", table.ap},
          {"ap50", table.ap50},
          {"ap75", table.ap75},
          {"ap_small", table.ap_small},
          {"ap_medium", table.ap_medium},
          {"ap_large", table.ap_large},
          {"ar1", table.ar1},
          {"ar10", table.ar10},
          {"ar100", table.ar100},
          {"ar_small", table.ar_small},
          {"ar_medium", table.ar_medium},
          {"ar_large", table.ar_large}};
}

std::string SpeedLine(const Evaluation& evaluation, const EvaluateOptions& options) {
  const auto pictures = static_cast<double>(std::max<std::int64_t>(evaluation.metrics.images, 1));
  const StageTimes& times = evaluation.times;
  char text[256];
  std::snprintf(text, sizeof text,
                "Speed: %.1fms pre-process, %.1fms inference, %.1fms NMS per image at shape (%lld, 3, %lld, "
                "%lld)",
                times.pre_process.count() / pictures, times.inference.count() / pictures,
                times.nms.count() / pictures, static_cast<long long>(options.batch),
                static_cast<long long>(options.imgsz), static_cast<long long>(options.imgsz));
  return text;
}

}  // namespace roost::yolo

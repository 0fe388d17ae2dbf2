#include "yolo/detect/run_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "roost/base/text.h"
#include "yolo/detect/coco_categories.h"
#include "yolo/detect/json_text.h"

namespace roost::yolo {
namespace {

using json = nlohmann::ordered_json;

std::string Iso(Clock::WallTime time) { return FormatTime(time, "%Y-%m-%dT%H:%M:%SZ", /*utc=*/true); }

json ToJson(const StageTimes& times) {
  return {{"decode", times.decode.count()},       {"pre_process", times.pre_process.count()},
          {"inference", times.inference.count()}, {"nms", times.nms.count()},
          {"draw_encode", times.render.count()},  {"write", times.write.count()}};
}

json ToJson(const std::string& key, const std::optional<InputRecord>& record) {
  json entry = {{"input", JsonName(key)}};
  if (!record) {
    entry["outcome"] = "left";
    return entry;
  }
  if (!record->unusable.empty()) {
    entry["outcome"] = "unusable";
    entry["why"] = record->unusable;
    return entry;
  }
  entry["outcome"] = "done";
  entry["objects"] = record->objects;
  if (record->frames != 1) entry["frames"] = record->frames;
  json& outputs = entry["outputs"] = json::array();
  for (const auto& [name, size] : record->outputs) outputs.push_back(JsonName(name));
  return entry;
}

/// A field of a CSV file as Python's csv module writes it.
std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

double Rounded(double value, int digits) {
  const double unit = std::pow(10.0, digits);
  return std::round(value * unit) / unit;
}

}  // namespace

void WriteRunReport(const RunFacts& facts, const nlohmann::json& settings, const ModelTraits& traits,
                    const std::vector<Input>& inputs, const RunResult& result, const Path& file) {
  const RunSummary& summary = result.summary;
  json report = {
      {"program", "yolo-detect"},
      {"version", ROOST_VERSION},
      {"status", facts.status},
      {"exit_code", facts.exit_code},
      {"started", Iso(facts.started)},
      {"ended", Iso(facts.ended)},
      {"host", HostName()},
      {"engine", facts.engine},
      {"settings", json(settings)},
      {"model", {{"weights", facts.weights}, {"classes", traits.classes}, {"stride", traits.stride}}},
      {"totals",
       {{"inputs", summary.inputs},
        {"done", summary.finished_before + summary.finished},
        {"done_before", summary.finished_before},
        {"unusable", summary.unusable.size()},
        {"left", summary.left},
        {"pictures", summary.detected}}},
      {"seconds", summary.wall.count() / 1000},
      {"stage_milliseconds", ToJson(summary.times)}};
  if (!facts.shard.empty()) report["shard"] = facts.shard;
  json& entries = report["inputs"] = json::array();
  const std::vector<std::string> keys = InputKeys(inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) entries.push_back(ToJson(keys[i], result.records[i]));
  const std::string text = report.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
  WriteFileAtomically(file, text).value();
}

void WriteCsv(const std::vector<Input>& inputs, const RunResult& result,
              const std::vector<std::string>& names, const Path& file) {
  std::string text = "Image Name,Prediction,Confidence\r\n";
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!result.records[i]) continue;
    const std::vector<FoundObject>& found = result.records[i]->found;
    // Frame by frame, and in each the worst object first: detect.py's order.
    for (auto first = found.begin(); first != found.end();) {
      const auto last = std::find_if(first, found.end(),
                                     [&](const FoundObject& object) { return object.frame != first->frame; });
      for (auto it = last; it != first;) {
        --it;
        char confidence[32];
        std::snprintf(confidence, sizeof confidence, "%.2f", static_cast<double>(it->confidence));
        text += CsvField(inputs[i].path.filename()) + "," + CsvField(ClassName(names, it->class_id)) + "," +
                confidence + "\r\n";
      }
      first = last;
    }
  }
  WriteFileAtomically(file, text).value();
}

void WriteCocoJson(const std::vector<Input>& inputs, const RunResult& result,
                   const std::vector<std::string>& names, const Path& file) {
  const bool coco = AreCocoNames(names);
  std::string text = "[";
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!result.records[i]) continue;
    const std::string stem = inputs[i].path.stem();
    const auto number = ParseInt(stem);
    for (const FoundObject& object : result.records[i]->found) {
      const Box& box = object.box;
      json entry = {{"image_id", number ? json(*number) : json(JsonName(stem))},
                    {"category_id", coco ? CocoCategory(object.class_id) : object.class_id},
                    {"bbox",
                     {Rounded(box.x1, 3), Rounded(box.y1, 3), Rounded(box.x2 - box.x1, 3),
                      Rounded(box.y2 - box.y1, 3)}},
                    {"score", Rounded(object.confidence, 5)}};
      if (object.frame > 0) entry["frame"] = object.frame;
      text += (text.size() > 1 ? ",\n" : "\n") + JsonLine(entry);
    }
  }
  WriteFileAtomically(file, text + "\n]\n").value();
}

}  // namespace roost::yolo

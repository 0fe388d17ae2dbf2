#include "yolo/evaluate/coco_annotations.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "roost/base/text.h"

namespace roost::yolo {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxBytes = std::uint64_t{4} << 30;  // COCO's own are 0.5 GB

/// Throws Error.
CocoObject ObjectOf(const json& annotation) {
  CocoObject object;
  object.category = annotation.at("category_id").get<std::int64_t>();
  const json& box = annotation.at("bbox");
  if (!box.is_array() || box.size() != object.box.size()) {
    throw Error("a 'bbox' has four numbers: x, y, width, height", ExitCode::kBadData);
  }
  for (std::size_t i = 0; i < object.box.size(); ++i) object.box[i] = box[i].get<double>();
  object.area =
      annotation.contains("area") ? annotation["area"].get<double>() : object.box[2] * object.box[3];
  if (annotation.contains("iscrowd")) object.crowd = annotation["iscrowd"].get<int>() != 0;
  return object;
}

CocoAnnotations Read(const json& root) {
  CocoAnnotations annotations;
  for (const json& category : root.at("categories")) {
    annotations.categories.push_back(category.at("id").get<std::int64_t>());
  }
  std::sort(annotations.categories.begin(), annotations.categories.end());
  std::map<std::int64_t, std::string> stems;
  for (const json& image : root.at("images")) {
    const Path name = image.at("file_name").get<std::string>();
    stems[image.at("id").get<std::int64_t>()] = name.stem();
    annotations.objects[name.stem()];  // also where there is no object in it
  }
  for (const json& annotation : root.at("annotations")) {
    const auto stem = stems.find(annotation.at("image_id").get<std::int64_t>());
    if (stem == stems.end()) {
      throw Error("an annotation is of an image that is not in 'images'", ExitCode::kBadData);
    }
    annotations.objects[stem->second].push_back(ObjectOf(annotation));
  }
  return annotations;
}

}  // namespace

CocoAnnotations ReadCocoAnnotations(const Path& file) {
  const std::string text = ReadRegularFile(file, kMaxBytes).value();
  const auto failure = [&](const std::string& why) {
    return Error("cannot use annotations '" + file.string() + "': " + Printable(why), ExitCode::kBadData,
                 "COCO's format is wanted: an object with images, annotations and categories");
  };
  try {
    return Read(json::parse(text));
  } catch (const json::exception& error) {
    throw failure(error.what());
  } catch (const Error& error) {
    throw failure(error.message());
  }
}

}  // namespace roost::yolo

#include "tools/find_model.h"

#include <system_error>
#include <utility>

#include "roost/upload/http.h"
#include "roost/yolo/module.h"
#include "yolo/detect/weights.h"

namespace roost::yolo {

Path FindWeights(const std::string& name, std::function<void(const std::string&)> say) {
  WeightsStore::Options store;
  store.cache = CacheFolder();
  store.fetch = [](const std::string& url, AtomicFile& file) { return http::Client().Download(url, file); };
  store.check = [](const Path& file) { LoadCheckpoint(file); };
  store.say = std::move(say);
  return WeightsStore(std::move(store)).Find(name);
}

Path FindModelYaml(const std::string& name) {
  std::error_code ignored;
  Path bundled = BundledFolder().parent_path() / "models" / name;
  const bool is_plain = Path(name).filename() == name;
  if (is_plain && !std::filesystem::exists(name, ignored) && std::filesystem::exists(bundled, ignored)) {
    return bundled;
  }
  return name;
}

}  // namespace roost::yolo

#include "tools/find_weights.h"

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

}  // namespace roost::yolo

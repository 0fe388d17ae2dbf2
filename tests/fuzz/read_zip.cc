#include "fuzz/guard.h"
#include "fuzz/targets.h"
#include "yolo/model/zip.h"

namespace roost::fuzz {

void ReadZip(Bytes bytes) {
  MayRefuse([&] {
    const yolo::ZipArchive zip({bytes, nullptr});
    for (const auto& entry : zip.entries()) {
      Promise(zip.Find(entry.name) == &entry, "an entry is not found by its name");
      MayRefuse([&] {
        Promise(zip.Read(entry).bytes.size() == entry.size, "an entry has another size than it says");
      });
    }
  });
}

}  // namespace roost::fuzz

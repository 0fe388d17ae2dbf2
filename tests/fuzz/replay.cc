#include "fuzz/replay.h"

#include <gtest/gtest.h>

namespace roost::fuzz {

void Replay(const std::vector<Seed>& seeds, const std::function<void(Bytes)>& target) {
  constexpr std::size_t kPlaces = 200;
  for (const Seed& seed : seeds) {
    SCOPED_TRACE(seed.name);
    EXPECT_NO_THROW(target(AsBytes(seed.bytes)));
    const std::size_t step = seed.bytes.size() / kPlaces + 1;
    for (std::size_t at = 0; at < seed.bytes.size(); at += step) {
      EXPECT_NO_THROW(target(AsBytes(seed.bytes).first(at))) << "cut at " << at;
      for (const int change : {1, 0x80, 0xFF}) {
        std::string changed = seed.bytes;
        changed[at] = static_cast<char>(changed[at] ^ change);
        EXPECT_NO_THROW(target(AsBytes(changed))) << "byte " << at << " xor " << change;
      }
    }
  }
}

}  // namespace roost::fuzz

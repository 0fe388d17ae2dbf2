// What libFuzzer calls. ROOST_FUZZ_TARGET is one function of targets.h.
#include <cstdint>

#include "fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  roost::fuzz::ROOST_FUZZ_TARGET(std::as_bytes(std::span(data, size)));
  return 0;
}

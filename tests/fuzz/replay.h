#pragma once

#include <functional>
#include <vector>

#include "fuzz/seeds.h"
#include "fuzz/targets.h"

namespace roost::fuzz {

/// Runs `target` on the seeds as they are, cut short everywhere and with single bytes changed: a very small
/// fuzzer, whose finds are failures of the running test.
void Replay(const std::vector<Seed>& seeds, const std::function<void(Bytes)>& target);

inline Bytes AsBytes(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace roost::fuzz

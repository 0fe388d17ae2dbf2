#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace roost::yolo {

/// The indices of `values`, ascending by value. Pictures of cameras share a few aspect ratios, and which of
/// equal ones comes first decides who shares a batch with whom, and so the shape that each is looked at in.
/// The reference leaves that to numpy.argsort, which is not stable; figures equal to its own need the same
/// order: quicksort with the median of three as pivot, insertion sort for short runs (numpy before 2.0, or on
/// CPUs without AVX-512).
std::vector<std::size_t> NumpyOrder(std::span<const double> values);

}  // namespace roost::yolo

#pragma once

#include <chrono>
#include <utility>

namespace roost::yolo {

using Milliseconds = std::chrono::duration<double, std::milli>;

/// Time spent on one picture, or on many together.
struct StageTimes {
  Milliseconds decode{0};       ///< read and decode the file
  Milliseconds pre_process{0};  ///< letterbox and conversion
  Milliseconds inference{0};    ///< its share of the batch
  Milliseconds nms{0};
  Milliseconds render{0};  ///< draw and encode
  Milliseconds write{0};

  StageTimes& operator+=(const StageTimes& other) {
    decode += other.decode;
    pre_process += other.pre_process;
    inference += other.inference;
    nms += other.nms;
    render += other.render;
    write += other.write;
    return *this;
  }
};

/// Runs `step` and adds to `time` how long it took.
template <typename Step>
auto Timed(Milliseconds& time, Step&& step) {
  struct Stopwatch {
    Milliseconds& time;
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    ~Stopwatch() { time += std::chrono::steady_clock::now() - start; }
  } const stopwatch{time};
  return std::forward<Step>(step)();
}

}  // namespace roost::yolo

// Prints what a model sees in a picture: detect WEIGHTS PICTURE
#include <iostream>

#include "roost/yolo/detector.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: detect WEIGHTS PICTURE\n";
    return 64;
  }
  try {
    const auto detector = roost::yolo::Detector::Load({.weights = {argv[1]}});
    const auto found = detector.DetectFile(argv[2]).value();
    for (const auto& [box, confidence, class_id, row] : found.detections) {
      std::cout << detector.names().at(static_cast<std::size_t>(class_id)) << ' ' << confidence << " at "
                << box.x1 << ',' << box.y1 << " to " << box.x2 << ',' << box.y2 << '\n';
    }
  } catch (const roost::Error& error) {
    std::cerr << "detect: " << error.message() << '\n';
    return static_cast<int>(error.code());
  }
}

// Prints what a model sees in a picture: detect WEIGHTS PICTURE
#include <iostream>

#include "roost/yolo/detector.h"
#include "roost/yolo/module.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: detect WEIGHTS PICTURE\n";
    return 64;
  }
  try {
    const auto checkpoint = roost::yolo::LoadCheckpoint(argv[1]);
    const auto engine = roost::yolo::OpenEngine("torch", roost::yolo::Lower(*checkpoint.model), {});
    const roost::yolo::Detector detector(engine, {640, 640}, checkpoint.stride, {});
    const auto found = detector.Detect(roost::yolo::ReadImage(argv[2]).value()).value();
    for (const auto& [box, confidence, class_id, row] : found) {
      std::cout << checkpoint.names.at(static_cast<std::size_t>(class_id)) << ' ' << confidence << " at "
                << box.x1 << ',' << box.y1 << " to " << box.x2 << ',' << box.y2 << '\n';
    }
  } catch (const roost::Error& error) {
    std::cerr << "detect: " << error.message() << '\n';
    return static_cast<int>(error.code());
  }
}

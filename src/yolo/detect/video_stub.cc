#include "roost/yolo/video.h"
namespace roost::yolo {
std::unique_ptr<VideoWriter> CreateVideo(const Path&, double, Size) { throw Error("no video"); }
}  // namespace roost::yolo

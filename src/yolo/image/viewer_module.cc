#include "yolo/image/viewer_module.h"

#include <cstdlib>
#include <set>

#include <opencv2/highgui.hpp>

#include "yolo/image/mat.h"

namespace roost::yolo {
namespace {

/// Throws Error in place of what OpenCV throws.
template <typename Function>
auto Guarded(Function&& function) {
  try {
    return function();
  } catch (const cv::Exception& error) {
    throw Error("--view-img: cannot show a picture: " + FirstLine(error));
  }
}

/// Lets the windows draw themselves; the key that was pressed, or -1.
int HandleEvents() {
  constexpr int kMilliseconds = 1;
  return cv::waitKey(kMilliseconds);
}

class Windows final : public Viewer {
 public:
  ~Windows() override {
    try {
      cv::destroyAllWindows();
      HandleEvents();
    } catch (const cv::Exception&) {  // they are gone already
    }
  }

  bool Show(const std::string& name, const Image& image) override {
    return Guarded([&] {
      if (open_.insert(name).second) {
        cv::namedWindow(name, cv::WINDOW_NORMAL | cv::WINDOW_KEEPRATIO);
        cv::resizeWindow(name, static_cast<int>(image.size().width), static_cast<int>(image.size().height));
      }
      cv::imshow(name, AsMat(image));
      return HandleEvents() != 'q';
    });
  }

 private:
  std::set<std::string> open_;
};

void SilenceToolkit() { ::setenv("QT_LOGGING_RULES", "*=false", /*overwrite=*/0); }

void Probe() {
  SilenceToolkit();
  Guarded([] {
    cv::imshow("roost", cv::Mat::zeros(1, 1, CV_8UC3));
    HandleEvents();
    cv::destroyAllWindows();
    HandleEvents();
  });
}

std::unique_ptr<Viewer> Open() {
  SilenceToolkit();
  return std::make_unique<Windows>();
}

}  // namespace
}  // namespace roost::yolo

extern "C" __attribute__((visibility("default")))
const roost::yolo::ViewerModule roost_viewer_module = {ROOST_VERSION, roost::yolo::Probe, roost::yolo::Open};

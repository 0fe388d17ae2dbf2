#pragma once

#include <memory>
#include <string>

#include "roost/base/error.h"
#include "roost/yolo/image.h"

namespace roost::yolo {

/// Windows on the screen that show pictures as they are worked on (--view-img).
class Viewer {
 public:
  /// Closes the windows.
  virtual ~Viewer() = default;
  /// Shows `image` in the window called `name`, which opens in the size of its first picture. False when the
  /// user pressed q in a window: the reference ends streams then. Throws Error. Where the display goes away
  /// while windows are open, the toolkit ends the program.
  virtual bool Show(const std::string& name, const Image& image) = 0;
};

/// An Error, meant as a warning ("--view-img: ..."), where there is no display or it cannot be used. That is
/// tried out in a child process first, since toolkits end a program for want of a display: call this before
/// other threads start, as a child gets only the thread that made it. Viewer and windows belong to the thread
/// that called this. Opens a shared module (roost/base/shared_module.h); throws Error where that is not
/// there.
Result<std::unique_ptr<Viewer>> OpenViewer();

}  // namespace roost::yolo

#include "yolo/image/plot_axes.h"

namespace roost::yolo {

void DrawSurroundings(Canvas& canvas, const Surroundings& texts, const Canvas::Area& area) {
  const double middle = (area.left + area.right) / 2;
  const auto height = static_cast<double>(canvas.size().height);
  canvas.Text(texts.title, {middle, area.top - 16}, kTitleHeight, Canvas::Align::kCenter, kInk);
  canvas.Text(texts.x_label, {middle, height - 14}, kLabelHeight, Canvas::Align::kCenter, kInk);
  canvas.Text(texts.y_label, {14, (area.top + area.bottom) / 2}, kLabelHeight, Canvas::Align::kCenter, kInk,
              Canvas::Turn::kUpwards);
}

std::string Shortened(const std::string& text, double height, double width) {
  if (Canvas::TextWidth(text, height) <= width) return text;
  std::string shorter = text;
  while (!shorter.empty() && Canvas::TextWidth(shorter + "..", height) > width) shorter.pop_back();
  return shorter + "..";
}

}  // namespace roost::yolo

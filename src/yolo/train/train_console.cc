#include "yolo/train/train_console.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace roost::yolo {
namespace {

using SteadyClock = std::chrono::steady_clock;

template <typename... Values>
std::string Format(const char* format, Values... values) {
  std::array<char, 256> text{};
  std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

/// "1:02:03", "02:03"
std::string Clock(SteadyClock::duration time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  constexpr int kHour = 3600, kMinute = 60;
  if (seconds < kHour)
    return Format("%02d:%02d", static_cast<int>(seconds / kMinute), static_cast<int>(seconds % kMinute));
  return Format("%d:%02d:%02d", static_cast<int>(seconds / kHour),
                static_cast<int>(seconds % kHour / kMinute), static_cast<int>(seconds % kMinute));
}

/// "[#####     ]  50%"
std::string Bar(std::int64_t done, std::int64_t of) {
  constexpr std::int64_t kWidth = 10;
  std::string bar(kWidth, ' ');
  for (std::int64_t i = 0; i < kWidth && (of == 0 || i * of < done * kWidth); ++i)
    bar.at(static_cast<std::size_t>(i)) = '#';
  return "[" + bar + Format("] %3d%%", static_cast<int>(of == 0 ? 100 : done * 100 / of));
}

}  // namespace

void TrainConsole::Say(const std::string& line) {
  if (quiet_) return;
  Erase();
  out_ << line << '\n' << std::flush;
}

void TrainConsole::Warn(const std::string& line) {
  Erase();
  out_ << Styled(terminal_, Style::kYellow, "warning:") << ' ' << line << '\n' << std::flush;
}

void TrainConsole::EpochStarted(std::int64_t /*epoch*/) {
  Say(Format("\n%9s%9s%9s%9s%9s%9s", "Epoch", "box_loss", "obj_loss", "cls_loss", "Instances", "Size"));
  started_ = SteadyClock::now();
}

void TrainConsole::BatchDone(const BatchProgress& p, const TrainBatch& /*batch*/) {
  const std::string epoch = std::to_string(p.epoch) + "/" + std::to_string(p.epochs - 1);
  batch_line_ = Format("%9s%9.4g%9.4g%9.4g%9d%9d", epoch.c_str(), p.mean.box, p.mean.obj, p.mean.cls,
                       static_cast<int>(p.instances), static_cast<int>(p.side));
  const std::int64_t done = p.batch + 1;
  const auto elapsed = SteadyClock::now() - started_;
  const std::string counts = std::to_string(done) + "/" + std::to_string(p.batches) + " " + Clock(elapsed);
  if (done == p.batches) return Say(batch_line_ + ": " + counts);
  // On a narrow terminal the time that is left matters more than the bar.
  constexpr int kRoomForBar = 96;
  const std::string part = terminal_.columns >= kRoomForBar
                               ? Bar(done, p.batches)
                               : Format("%d%%", static_cast<int>(done * 100 / p.batches));
  Redraw(batch_line_ + ": " + part + " " + counts + "<" + Clock(elapsed * (p.batches - done) / done));
}

void TrainConsole::Measuring(std::int64_t pictures_done, std::int64_t pictures) {
  Redraw(Format("%18s", "validating") + ": " + Bar(pictures_done, pictures) + " " +
         std::to_string(pictures_done) + "/" + std::to_string(pictures));
}

void TrainConsole::EpochDone(const EpochResult& result, const Trainer& /*trainer*/) {
  if (!result.measured) return;
  const Metrics& m = result.metrics;
  Say(Format("%18s%9s%9s%9s%9s%9s%9s", "Class", "Images", "Instances", "P", "R", "mAP50", "mAP50-95"));
  Say(Format("%18s%9d%9d%9.3g%9.3g%9.3g%9.3g", "all", static_cast<int>(m.images),
             static_cast<int>(m.instances), m.precision, m.recall, m.map50, m.map50_95));
}

/// A line that the next one takes the place of; at most some ten in a second.
void TrainConsole::Redraw(const std::string& line) {
  if (quiet_ || !terminal_.interactive) return;
  constexpr std::chrono::milliseconds kPause{100};
  const auto now = SteadyClock::now();
  if (drawn_ && now - last_drawn_ < kPause) return;
  last_drawn_ = now;
  drawn_ = true;
  out_ << '\r' << line.substr(0, static_cast<std::size_t>(std::max(terminal_.columns - 1, 1))) << "\033[K"
       << std::flush;
}

void TrainConsole::Erase() {
  if (!drawn_) return;
  out_ << "\r\033[K";
  drawn_ = false;
}

}  // namespace roost::yolo

#include "yolo/detect/frames.h"
namespace roost::yolo {
namespace {
class Feed final : public FrameFeed {
 public:
  explicit Feed(const std::vector<Input>& inputs) : inputs_(inputs) {}
  std::optional<Frame> Next(const std::function<bool()>&) override {
    if (next_ == inputs_.size()) return std::nullopt;
    Frame frame{.input = next_};
    const Input& input = inputs_[next_++];
    if (!input.unusable.empty())
      frame.error = Error("cannot use '" + input.path.string() + "': " + input.unusable, ExitCode::kBadData);
    return frame;
  }

 private:
  const std::vector<Input>& inputs_;
  std::size_t next_ = 0;
};
}  // namespace
std::unique_ptr<FrameFeed> OpenFeed(const std::vector<Input>& inputs, const FeedOptions&) {
  return std::make_unique<Feed>(inputs);
}
}  // namespace roost::yolo

#include "yolo/train/loss.h"

#include <array>
#include <cmath>
#include <numbers>
#include <unordered_set>

#include "yolo/train/process_group.h"

namespace roost::yolo {
namespace {

constexpr double kEps = 1e-7;  // the reference's, against division by zero

/// Complete IoU of boxes [n, 4] (centre and size): IoU less the distance of the centres and the difference of
/// the aspect ratios. https://arxiv.org/abs/1911.08287
at::Tensor CompleteIou(const at::Tensor& a, const at::Tensor& b) {
  const auto column = [](const at::Tensor& boxes, std::int64_t i) { return boxes.select(1, i); };
  const at::Tensor w1 = column(a, 2), h1 = column(a, 3), w2 = column(b, 2), h2 = column(b, 3);
  const at::Tensor left1 = column(a, 0) - w1 / 2, right1 = column(a, 0) + w1 / 2;
  const at::Tensor top1 = column(a, 1) - h1 / 2, bottom1 = column(a, 1) + h1 / 2;
  const at::Tensor left2 = column(b, 0) - w2 / 2, right2 = column(b, 0) + w2 / 2;
  const at::Tensor top2 = column(b, 1) - h2 / 2, bottom2 = column(b, 1) + h2 / 2;

  const at::Tensor intersection = (at::minimum(right1, right2) - at::maximum(left1, left2)).clamp_min(0) *
                                  (at::minimum(bottom1, bottom2) - at::maximum(top1, top2)).clamp_min(0);
  const at::Tensor iou = intersection / (w1 * h1 + w2 * h2 - intersection + kEps);

  const at::Tensor width = at::maximum(right1, right2) - at::minimum(left1, left2);
  const at::Tensor height = at::maximum(bottom1, bottom2) - at::minimum(top1, top2);
  const at::Tensor diagonal = width.square() + height.square() + kEps;
  const at::Tensor distance = (column(b, 0) - column(a, 0)).square() + (column(b, 1) - column(a, 1)).square();
  const at::Tensor aspect =
      (at::atan(w2 / h2) - at::atan(w1 / h1)).square() * (4 / (std::numbers::pi * std::numbers::pi));
  at::Tensor alpha;
  {
    const at::NoGradGuard no_gradients;
    alpha = aspect / (aspect - iou + (1 + kEps));
  }
  return iou - (distance / diagonal + aspect * alpha);
}

/// Of rows that are there several times only the last counts: what a plain loop that writes them would leave.
std::vector<std::int64_t> LastOfEach(const std::vector<std::int64_t>& rows) {
  std::unordered_set<std::int64_t> seen;
  std::vector<std::int64_t> places;
  for (std::int64_t i = std::ssize(rows); i-- > 0;) {
    if (seen.insert(rows[static_cast<std::size_t>(i)]).second) places.push_back(i);
  }
  return places;
}

template <typename T>
at::Tensor OnDevice(const std::vector<T>& values, at::IntArrayRef shape, const at::Device& device) {
  return at::tensor(values).view(shape).to(device);
}

}  // namespace

DetectionLoss::DetectionLoss(const DetectOp& head, const Hyperparameters& hyperparameters, std::int64_t imgsz)
    : classes_(head.classes), hyperparameters_(hyperparameters) {
  const std::size_t levels = head.strides.size();
  for (std::size_t level = 0; level < levels; ++level) {
    auto& sizes = anchors_.emplace_back();
    const auto stride = static_cast<float>(head.strides[level]);
    for (const auto& [width, height] : head.anchors[level]) {
      sizes.emplace_back(width / stride, height / stride);
    }
  }
  constexpr std::array kThreeLevels = {4.0, 1.0, 0.4};
  constexpr std::array kMoreLevels = {4.0, 1.0, 0.25, 0.06, 0.02};
  for (std::size_t level = 0; level < levels; ++level) {
    balance_.push_back(levels == kThreeLevels.size()
                           ? kThreeLevels.at(level)
                           : kMoreLevels.at(std::min(level, kMoreLevels.size() - 1)));
  }
  const double per_level = 3.0 / static_cast<double>(levels);
  const double side = static_cast<double>(imgsz) / 640;
  hyperparameters_.box *= per_level;
  hyperparameters_.cls *= static_cast<double>(classes_) / 80 * per_level;
  hyperparameters_.obj *= side * side * per_level;
}

DetectionLoss::Matches DetectionLoss::Match(std::size_t level, std::int64_t ny, std::int64_t nx,
                                            std::span<const Target> targets) const {
  const auto& anchors = anchors_[level];
  const auto columns = static_cast<float>(nx), rows = static_cast<float>(ny);
  const auto most = static_cast<float>(hyperparameters_.anchor_t);
  // The cell that holds the centre, and the neighbours that the centre is nearer to than half a cell.
  constexpr float kHalf = 0.5F;
  constexpr std::array<std::pair<float, float>, 5> kSteps = {
      {{0, 0}, {kHalf, 0}, {0, kHalf}, {-kHalf, 0}, {0, -kHalf}}};
  const auto is_near = [](float place) { return std::fmod(place, 1.0F) < kHalf && place > 1; };
  struct Candidate {
    const Target* target;
    std::int64_t anchor;
    float x, y, width, height;  // in cells
    std::array<bool, kSteps.size()> takes;
  };
  std::vector<Candidate> candidates;
  for (std::size_t a = 0; a < anchors.size(); ++a) {
    for (const Target& target : targets) {
      const float x = target.x * columns, y = target.y * rows;
      const float width = target.width * columns, height = target.height * rows;
      const float rw = width / anchors[a].first, rh = height / anchors[a].second;
      if (!(std::max(std::max(rw, 1 / rw), std::max(rh, 1 / rh)) < most)) continue;
      candidates.push_back({&target,
                            static_cast<std::int64_t>(a),
                            x,
                            y,
                            width,
                            height,
                            {true, is_near(x), is_near(y), is_near(columns - x), is_near(rows - y)}});
    }
  }

  Matches matches;
  for (std::size_t step = 0; step < kSteps.size(); ++step) {
    const auto [dx, dy] = kSteps.at(step);
    for (const Candidate& c : candidates) {
      if (!c.takes.at(step)) continue;
      const std::int64_t x = std::clamp<std::int64_t>(static_cast<std::int64_t>(c.x - dx), 0, nx - 1);
      const std::int64_t y = std::clamp<std::int64_t>(static_cast<std::int64_t>(c.y - dy), 0, ny - 1);
      const std::int64_t plane = c.target->picture * std::ssize(anchors) + c.anchor;
      matches.rows.push_back((plane * ny + y) * nx + x);
      matches.boxes.insert(matches.boxes.end(),
                           {c.x - static_cast<float>(x), c.y - static_cast<float>(y), c.width, c.height});
      const auto& [width, height] = anchors[static_cast<std::size_t>(c.anchor)];
      matches.anchors.insert(matches.anchors.end(), {width, height});
      matches.classes.push_back(c.target->class_id);
    }
  }
  return matches;
}

/// The sum of the cross entropies over `count`, focal where fl_gamma says so (utils/loss.py FocalLoss).
at::Tensor DetectionLoss::BinaryCrossEntropy(const at::Tensor& logits, const at::Tensor& targets,
                                             double positive_weight, double count) const {
  const at::Tensor weight = at::full({1}, positive_weight, logits.options());
  at::Tensor losses = at::binary_cross_entropy_with_logits(logits, targets, {}, weight, at::Reduction::None);
  if (hyperparameters_.fl_gamma > 0) {
    constexpr double kAlpha = 0.25;
    const at::Tensor p = logits.sigmoid();
    const at::Tensor right = targets * p + (1 - targets) * (1 - p);
    const at::Tensor alpha = targets * kAlpha + (1 - targets) * (1 - kAlpha);
    losses = losses * alpha * (1 - right).pow(hyperparameters_.fl_gamma);
  }
  return losses.sum() / count;
}

Loss DetectionLoss::operator()(const std::vector<at::Tensor>& levels, std::span<const Target> targets,
                               ProcessGroup* group) const {
  const at::Device device = levels.front().device();
  std::vector<Matches> matches;
  // How many there are: pictures, then of each level matches and cells; of all processes.
  at::Tensor counts = at::zeros({1 + 2 * std::ssize(levels)}, at::kDouble);
  auto* count = counts.data_ptr<double>();
  count[0] = static_cast<double>(levels.front().size(0));
  for (std::size_t i = 0; i < levels.size(); ++i) {
    matches.push_back(Match(i, levels[i].size(2), levels[i].size(3), targets));
    count[1 + 2 * i] = static_cast<double>(matches.back().rows.size());
    count[2 + 2 * i] = static_cast<double>(levels[i].numel() / levels[i].size(4));
  }
  if (group != nullptr) group->AllReduceSum(counts);

  at::Tensor box = at::zeros({}, at::TensorOptions(device).dtype(at::kFloat)), obj = box.clone(),
             cls = box.clone();
  const double positive = 1 - 0.5 * hyperparameters_.label_smoothing;
  const double negative = 0.5 * hyperparameters_.label_smoothing;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const at::Tensor rows = levels[i].view({-1, levels[i].size(4)}).to(at::kFloat);
    at::Tensor wanted = at::zeros({rows.size(0)}, rows.options().requires_grad(false));
    const Matches& found = matches[i];
    const std::int64_t n = std::ssize(found.rows);
    const double all = count[1 + 2 * i];
    if (n > 0) {
      const at::Tensor places = OnDevice(found.rows, {n}, device);
      const at::Tensor predicted = rows.index_select(0, places);
      const at::Tensor xy = predicted.narrow(1, 0, 2).sigmoid() * 2 - 0.5;
      const at::Tensor wh =
          (predicted.narrow(1, 2, 2).sigmoid() * 2).square() * OnDevice(found.anchors, {n, 2}, device);
      const at::Tensor iou = CompleteIou(at::cat({xy, wh}, 1), OnDevice(found.boxes, {n, 4}, device));
      box = box + (1 - iou).sum() / all;

      const std::vector<std::int64_t> last = LastOfEach(found.rows);
      const at::Tensor chosen = OnDevice(last, {std::ssize(last)}, device);
      wanted.index_put_({places.index_select(0, chosen)}, iou.detach().clamp_min(0).index_select(0, chosen));

      if (classes_ > 1) {
        const at::Tensor logits = predicted.narrow(1, 5, classes_);
        const at::Tensor classes = OnDevice(found.classes, {n, 1}, device);
        const at::Tensor truth = at::full_like(logits, negative).scatter_(1, classes, positive);
        cls = cls + BinaryCrossEntropy(logits, truth.detach(), hyperparameters_.cls_pw,
                                       all * static_cast<double>(classes_));
      }
    }
    obj = obj + BinaryCrossEntropy(rows.select(1, 4), wanted, hyperparameters_.obj_pw, count[2 + 2 * i]) *
                    balance_[i];
  }
  box = box * hyperparameters_.box;
  obj = obj * hyperparameters_.obj;
  cls = cls * hyperparameters_.cls;
  at::Tensor items = at::stack({box, obj, cls}).detach().cpu().to(at::kDouble);
  if (group != nullptr) group->AllReduceSum(items);
  return {(box + obj + cls) * count[0],
          {items[0].item<double>(), items[1].item<double>(), items[2].item<double>()}};
}

}  // namespace roost::yolo

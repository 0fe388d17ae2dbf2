#include "yolo/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "roost/base/error.h"
#include "yolo/data/image_weights.h"
#include "yolo/data/random.h"
#include "yolo/engine/torch_device.h"
#include "yolo/train/process_group.h"

namespace roost::yolo {
namespace {

std::int64_t RankOf(const ProcessGroup* group) { return group == nullptr ? 0 : group->rank(); }
std::int64_t WorldOf(const ProcessGroup* group) { return group == nullptr ? 1 : group->world(); }

std::int64_t LargestStride(const DetectOp& head) {
  constexpr double kLeast = 32;
  return static_cast<std::int64_t>(std::max(*std::ranges::max_element(head.strides), kLeast));
}

TrainLoaderOptions LoaderOptions(const TrainTask& task, const DetectOp& head) {
  const TrainOptions& o = task.options;
  return {.imgsz = o.imgsz,
          .stride = LargestStride(head),
          .batch = o.batch_size,
          .augmentation = o.hyperparameters.augmentation,
          .rect = o.rect,
          .cache = ParseCache(o.cache),
          .seed = static_cast<std::uint64_t>(o.seed),
          .workers = static_cast<int>(o.workers),
          .rank = RankOf(task.group),
          .world = WorldOf(task.group)};
}

/// --freeze: "10" the first ten layers, "0 1 2" these.
std::set<std::int64_t> FrozenLayers(const std::vector<std::int64_t>& freeze) {
  if (freeze.size() > 1) return {freeze.begin(), freeze.end()};
  std::set<std::int64_t> layers;
  for (std::int64_t layer = 0; !freeze.empty() && layer < freeze.front(); ++layer) layers.insert(layer);
  return layers;
}

Hyperparameters Gains(const TrainOptions& options) {
  Hyperparameters gains = options.hyperparameters;
  if (options.label_smoothing != 0) gains.label_smoothing = options.label_smoothing;
  return gains;
}

Tensor ToHost(const at::Tensor& tensor) {
  const at::Tensor on_host = tensor.detach().cpu().to(at::kFloat).contiguous();
  const auto* first = on_host.data_ptr<float>();
  return Tensor::FromFloats(tensor.sizes().vec(), {first, first + on_host.numel()});
}

void CopyInto(at::Tensor to, const Tensor& from) {
  const at::NoGradGuard no_gradients;
  std::vector<float> numbers = from.ToFloats();
  to.copy_(at::from_blob(numbers.data(), to.sizes(), at::kFloat));
}

}  // namespace

Cache ParseCache(const std::string& text) {
  if (text.empty()) return Cache::kNone;
  if (text == "ram") return Cache::kRam;
  if (text == "disk") return Cache::kDisk;
  throw Error("--cache: '" + text + "' cannot be", ExitCode::kUsage, "use ram or disk");
}

Trainer::Trainer(TrainTask task, TrainObserver& observer)
    : task_(std::move(task)),
      observer_(observer),
      device_(SelectDevice(task_.options.device)),
      network_(task_.model, device_),
      smooth_(task_.model, device_),
      average_(network_, smooth_),
      loss_(network_.head(), Gains(task_.options), task_.options.imgsz),
      loader_(*task_.train, LoaderOptions(task_, network_.head())),
      schedule_(task_.options.hyperparameters, {.epochs = task_.options.epochs,
                                                .batches = loader_.batches(),
                                                .batch_size = task_.options.batch_size,
                                                .cosine = task_.options.cos_lr}),
      optimizer_(ParseOptimizer(task_.options.optimizer), network_.parameters(),
                 task_.options.hyperparameters.momentum, schedule_.weight_decay()),
      precision_(device_.is_cuda()),
      stopping_{.patience = task_.options.patience},
      class_map_(task_.names.size()) {
  if (network_.Freeze(FrozenLayers(task_.options.freeze)) == network_.parameters().size()) {
    throw Error("--freeze: there is nothing left to train", ExitCode::kUsage);
  }
  if (task_.group == nullptr) return;
  if (task_.options.sync_bn) network_.SynchronizeBatchNorm(*task_.group);
  const at::NoGradGuard no_gradients;
  for (const Parameter& parameter : network_.parameters()) {
    at::Tensor tensor = parameter.tensor.detach();
    task_.group->Broadcast(tensor, 0);
  }
}

TrainEnd Trainer::Run() {
  while (epoch_ < task_.options.epochs) {
    if (!TrainEpoch()) return TrainEnd::kInterrupted;
    std::optional<EpochResult> result = is_first() ? Measure() : EpochResult{};
    if (Agreed(!result)) return TrainEnd::kInterrupted;
    const bool stop = Agreed(result->measured && stopping_.Add(epoch_, result->fitness));
    ShareClassMap();
    ++epoch_;
    result->is_last = stop || epoch_ == task_.options.epochs;
    if (is_first()) observer_.EpochDone(*result, *this);
    if (stop) return TrainEnd::kStoppedEarly;
  }
  return TrainEnd::kFinished;
}

/// False where the run is to stop before the epoch is over.
bool Trainer::TrainEpoch() {
  if (is_first()) observer_.EpochStarted(epoch_);
  mean_ = {};
  optimizer_.ZeroGradients();
  loader_.StartEpoch(epoch_, SampleWeights());
  for (std::int64_t batch = 0; batch < loader_.batches(); ++batch) {
    const std::optional<TrainBatch> pictures = loader_.Next();
    ROOST_CHECK(pictures.has_value(), "an epoch has the batches that it says");
    TakeBatch(batch, *pictures);
    if (Agreed(task_.stop_requested && task_.stop_requested())) return false;
  }
  return true;
}

void Trainer::TakeBatch(std::int64_t batch, const TrainBatch& pictures) {
  const std::int64_t number = batch + loader_.batches() * epoch_;
  Loss loss;
  const at::Tensor input = PicturesOf(pictures, number);
  {
    const MixedPrecision::Scope scope = precision_.Enter();
    loss = loss_(network_.Forward(input, Mode::kTrain), pictures.targets, task_.group);
  }
  if (!std::isfinite(loss.items.box + loss.items.obj + loss.items.cls)) {
    throw Error("the loss is no longer a number in epoch " + std::to_string(epoch_) + ", batch " +
                    std::to_string(batch),
                ExitCode::kFailed, "try a smaller lr0 or warmup_bias_lr");
  }
  precision_.Scaled(loss.total).backward();
  if (number - last_step_ >= schedule_.Accumulate(epoch_, batch)) {
    Step(batch);
    last_step_ = number;
  }
  const auto add = [n = static_cast<double>(batch)](double& mean, double value) {
    mean = (mean * n + value) / (n + 1);
  };
  add(mean_.box, loss.items.box);
  add(mean_.obj, loss.items.obj);
  add(mean_.cls, loss.items.cls);
  if (!is_first()) return;
  observer_.BatchDone({.epoch = epoch_,
                       .epochs = task_.options.epochs,
                       .batch = batch,
                       .batches = loader_.batches(),
                       .mean = mean_,
                       .instances = std::ssize(pictures.targets),
                       .side = input.size(3)},
                      pictures);
}

void Trainer::Step(std::int64_t batch) {
  constexpr double kMaxNorm = 10;
  SumGradients();
  if (precision_.Unscale(network_.parameters())) {
    optimizer_.ClipGradients(kMaxNorm);
    optimizer_.Step(schedule_.At(epoch_, batch));
  }
  optimizer_.ZeroGradients();
  average_.Update();
}

void Trainer::SumGradients() {
  if (task_.group == nullptr) return;
  const at::NoGradGuard no_gradients;
  std::vector<at::Tensor> gradients;
  for (const Parameter& parameter : network_.parameters()) {
    if (!parameter.tensor.requires_grad()) continue;
    at::Tensor tensor = parameter.tensor;
    // A process without a label near some level has no gradient there, but must take part.
    if (!tensor.grad().defined()) tensor.mutable_grad() = at::zeros_like(tensor);
    gradients.push_back(tensor.grad());
  }
  AllReduceSum(*task_.group, gradients);
}

at::Tensor Trainer::PicturesOf(const TrainBatch& batch, std::int64_t number) const {
  // from_blob takes no const; nothing writes to it.
  auto* bytes = const_cast<std::uint8_t*>(batch.pixels.data());
  at::Tensor pictures = at::from_blob(bytes, {batch.n, 3, batch.height, batch.width}, at::kByte)
                            .to(device_)
                            .to(at::kFloat)
                            .div_(255);
  if (!task_.options.multi_scale) return pictures;
  // The same side in every process: all of them draw it from the number of the batch.
  const std::int64_t stride = LargestStride(network_.head());
  constexpr std::uint64_t kForSides = 0x51de;  // a stream of its own
  Random random(
      {static_cast<std::uint64_t>(task_.options.seed), kForSides, static_cast<std::uint64_t>(number)});
  const auto side = static_cast<double>(task_.options.imgsz);
  auto wanted =
      static_cast<std::int64_t>(random.Uniform(side * 0.5, side * 1.5 + static_cast<double>(stride))) /
      stride * stride;
  wanted = std::max(wanted, stride);
  const double factor =
      static_cast<double>(wanted) / static_cast<double>(std::max(batch.height, batch.width));
  if (factor == 1) return pictures;
  const auto scaled = [&](std::int64_t length) {
    return static_cast<std::int64_t>(
               std::ceil(static_cast<double>(length) * factor / static_cast<double>(stride))) *
           stride;
  };
  const std::vector<std::int64_t> size{scaled(batch.height), scaled(batch.width)};
  return at::upsample_bilinear2d(pictures, size, /*align_corners=*/false);
}

std::optional<EpochResult> Trainer::Measure() {
  EpochResult result{.epoch = epoch_,
                     .epochs = task_.options.epochs,
                     .train = mean_,
                     .learning_rate = schedule_.At(epoch_, loader_.batches() - 1).learning_rate};
  const bool is_last = epoch_ + 1 == task_.options.epochs;
  if (task_.options.noval && !is_last) return result;
  AverageEngine engine(smooth_, loss_, device_);
  const std::int64_t pictures = std::ssize(task_.val->samples);
  bool stopped = false;
  const Evaluation evaluation = EvaluateInFull(
      engine, *task_.val, network_.head().classes,
      {.imgsz = task_.options.imgsz,
       .stride = LargestStride(network_.head()),
       .batch = std::max<std::int64_t>(task_.options.batch_size / WorldOf(task_.group), 1) * 2,
       .single_cls = task_.options.single_cls,
       .workers = static_cast<int>(task_.options.workers)},
      [&](const ImageBatch&, std::span<const Target> targets, std::int64_t done) {
        engine.AddLoss(targets);
        observer_.Measuring(done, pictures);
      },
      {}, [&] { return stopped = task_.stop_requested && task_.stop_requested(); });
  if (stopped) return std::nullopt;
  result.metrics = evaluation.metrics;
  result.val = engine.MeanLoss();
  result.measured = true;
  result.fitness = result.metrics.fitness();
  result.is_best = result.fitness >= stopping_.best_fitness;
  std::ranges::fill(class_map_, result.metrics.map50_95);
  for (const ClassMetrics& metrics : result.metrics.classes) {
    class_map_.at(static_cast<std::size_t>(metrics.class_id)) = metrics.ap50_95();
  }
  return result;
}

/// Only the first process measures, but all draw pictures by it.
void Trainer::ShareClassMap() {
  if (task_.group == nullptr || !task_.options.image_weights) return;
  at::Tensor map = at::tensor(class_map_, at::kDouble);
  task_.group->Broadcast(map, 0);
  class_map_.assign(map.data_ptr<double>(), map.data_ptr<double>() + map.numel());
}

/// How often each picture is to be shown; empty: all of them once.
std::vector<double> Trainer::SampleWeights() const {
  if (!task_.options.image_weights) return {};
  std::vector<double> weights = ClassWeights(*task_.train, std::ssize(class_map_));
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] *= (1 - class_map_[i]) * (1 - class_map_[i]);
  return ImageWeights(*task_.train, weights);
}

bool Trainer::is_first() const { return RankOf(task_.group) == 0; }

/// Whether any process says so.
bool Trainer::Agreed(bool mine) const {
  if (task_.group == nullptr) return mine;
  at::Tensor votes = at::full({1}, mine ? 1.0 : 0.0, at::kFloat);
  task_.group->AllReduceSum(votes);
  return votes.item<double>() > 0;
}

Attribute Trainer::State() const {
  AttributeMap tensors;
  for (const NamedTensor& state : optimizer_.State()) {
    tensors.push_back(TextItem(state.name, {ToHost(state.tensor)}));
  }
  AttributeList class_map;
  for (const double map : class_map_) class_map.push_back({map});
  return {AttributeMap{
      TextItem("optimizer", {std::move(tensors)}), TextItem("optimizer_steps", {optimizer_.steps()}),
      TextItem("last_step", {last_step_}), TextItem("loss_scale", {precision_.scale()}),
      TextItem("loss_scale_steps", {precision_.good_steps()}),
      TextItem("best_fitness", {stopping_.best_fitness}), TextItem("best_epoch", {stopping_.best_epoch}),
      TextItem("class_map", {std::move(class_map)})}};
}

namespace {

Error OfAnotherRun() {
  return Error("what it says of the training does not fit this run", ExitCode::kBadData,
               "resume with the options and the model that the run was started with");
}

template <typename T>
const T& Get(const AttributeMap& map, const std::string& name) {
  const Attribute* item = FindItem(map, name);
  const auto* value = item == nullptr ? nullptr : std::get_if<T>(&item->value);
  if (value == nullptr) throw OfAnotherRun();
  return *value;
}

}  // namespace

void Trainer::Restore(const Attribute& state, std::shared_ptr<const Module> average, std::int64_t updates,
                      std::int64_t next_epoch) {
  const auto* map = std::get_if<AttributeMap>(&state.value);
  if (map == nullptr || average == nullptr) throw OfAnotherRun();
  const auto& tensors = Get<AttributeMap>(*map, "optimizer");
  for (const NamedTensor& own : optimizer_.State()) {
    const auto& saved = Get<Tensor>(tensors, own.name);
    if (saved.shape != own.tensor.sizes().vec()) throw OfAnotherRun();
    CopyInto(own.tensor, saved);
  }
  optimizer_.set_steps(Get<std::int64_t>(*map, "optimizer_steps"));
  last_step_ = Get<std::int64_t>(*map, "last_step");
  precision_.Restore(Get<double>(*map, "loss_scale"), Get<std::int64_t>(*map, "loss_scale_steps"));
  stopping_.best_fitness = Get<double>(*map, "best_fitness");
  stopping_.best_epoch = Get<std::int64_t>(*map, "best_epoch");
  const auto& class_map = Get<AttributeList>(*map, "class_map");
  if (class_map.size() != class_map_.size()) throw OfAnotherRun();
  for (std::size_t i = 0; i < class_map.size(); ++i) {
    const auto* value = std::get_if<double>(&class_map[i].value);
    if (value == nullptr) throw OfAnotherRun();
    class_map_[i] = *value;
  }

  const TrainNetwork saved(std::move(average), device_);
  const at::NoGradGuard no_gradients;
  for (std::size_t i = 0; i < saved.parameters().size(); ++i) {
    smooth_.parameters()[i].tensor.detach().copy_(saved.parameters()[i].tensor);
  }
  for (std::size_t i = 0; i < saved.buffers().size(); ++i) {
    at::Tensor(smooth_.buffers()[i].tensor).copy_(saved.buffers()[i].tensor);
  }
  average_.set_updates(updates);
  epoch_ = next_epoch;
}

}  // namespace roost::yolo

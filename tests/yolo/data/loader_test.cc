#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/digest.h"
#include "roost/yolo/image.h"
#include "support/support.h"
#include "yolo/data/train_loader.h"
#include "yolo/data/train_loader_plan.h"
#include "yolo/data/training_pictures.h"

namespace roost::yolo {
namespace {

using test::Epoch;
using test::PaintedDataset;
using test::PlanesOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TrainLoaderOptions Small(std::int64_t batch = 4) {
  TrainLoaderOptions options;
  options.imgsz = 64;
  options.batch = batch;
  options.workers = 2;
  return options;
}

/// A picture as one line: digest of its planes, and its targets.
std::string Describe(const TrainBatch& batch, std::int64_t picture) {
  std::string text = std::to_string(batch.samples[static_cast<std::size_t>(picture)]) + " " +
                     std::to_string(batch.height) + "x" + std::to_string(batch.width) + " " +
                     DigestOf(DigestKind::kSha256, PlanesOf(batch, picture)).substr(0, 16);
  for (const Target& target : batch.targets) {
    if (target.picture != picture) continue;
    text += " " + std::to_string(target.class_id);
    for (const float value : {target.x, target.y, target.width, target.height}) {
      text += " " + std::to_string(value);
    }
  }
  return text;
}

std::vector<std::string> Describe(const std::vector<TrainBatch>& batches) {
  std::vector<std::string> lines;
  for (const TrainBatch& batch : batches) {
    for (std::int64_t i = 0; i < batch.n; ++i) lines.push_back(Describe(batch, i));
  }
  return lines;
}

std::vector<std::size_t> SamplesOf(const std::vector<TrainBatch>& batches) {
  std::vector<std::size_t> samples;
  for (const TrainBatch& batch : batches) {
    samples.insert(samples.end(), batch.samples.begin(), batch.samples.end());
  }
  return samples;
}

class TrainLoaderTest : public ::testing::Test {
 protected:
  TemporaryDirectory folder_;
  Dataset dataset_ = PaintedDataset(folder_.path(), 22);
};

TEST_F(TrainLoaderTest, EverySampleComesOncePerEpochInAnOrderOfItsOwn) {
  TrainLoader loader(dataset_, Small());
  EXPECT_EQ(6, loader.batches());
  const auto first = Epoch(loader, 0);
  ASSERT_EQ(6U, first.size());
  EXPECT_EQ(2, first.back().n) << "the last batch is what is left";
  auto samples = SamplesOf(first);
  const auto other = SamplesOf(Epoch(loader, 1));
  EXPECT_NE(samples, other);
  std::vector<std::size_t> all(22);
  std::iota(all.begin(), all.end(), std::size_t{0});
  EXPECT_NE(all, samples);
  std::ranges::sort(samples);
  EXPECT_EQ(all, samples);
}

TEST_F(TrainLoaderTest, PicturesFollowFromSeedEpochAndPlaceAlone) {
  TrainLoaderOptions options = Small();
  options.augmentation.degrees = 10;
  options.augmentation.mixup = 0.5;
  const auto epoch_with = [&](TrainLoaderOptions changed, std::int64_t epoch) {
    TrainLoader loader(dataset_, changed);
    return Describe(Epoch(loader, epoch));
  };
  const auto expected = epoch_with(options, 5);
  for (const int workers : {1, 2, 4, 9}) {
    TrainLoaderOptions changed = options;
    changed.workers = workers;
    EXPECT_EQ(expected, epoch_with(changed, 5)) << workers << " workers";
  }
  for (const Cache cache : {Cache::kRam, Cache::kDisk}) {
    TrainLoaderOptions changed = options;
    changed.cache = cache;
    EXPECT_EQ(expected, epoch_with(changed, 5));
  }
  TrainLoader loader(dataset_, options);
  loader.StartEpoch(2);
  loader.Next();
  loader.Next();
  EXPECT_EQ(expected, Describe(Epoch(loader, 5))) << "after a part of another epoch";

  EXPECT_NE(expected, epoch_with(options, 6));
  options.seed = 1;
  EXPECT_NE(expected, epoch_with(options, 5));
}

TEST_F(TrainLoaderTest, ProcessesShareTheBatchesOfOne) {
  // 22 pictures in batches of 8: the last has 6.
  TrainLoader alone(dataset_, Small(8));
  const auto expected = Describe(Epoch(alone, 3));
  std::vector<std::vector<TrainBatch>> parts;
  for (const std::int64_t rank : {0, 1}) {
    TrainLoaderOptions options = Small(8);
    options.rank = rank;
    options.world = 2;
    TrainLoader loader(dataset_, options);
    EXPECT_EQ(3, loader.batches());
    parts.push_back(Epoch(loader, 3));
  }
  std::vector<TrainBatch> joined;
  for (std::size_t i = 0; i < 3; ++i) {
    for (auto& part : parts) joined.push_back(part.at(i));
  }
  EXPECT_EQ(4, joined[0].n);
  EXPECT_EQ(3, joined[5].n);
  EXPECT_EQ(expected, Describe(joined));
}

TEST_F(TrainLoaderTest, ALastBatchThatCannotBeSharedBeginsTheEpochAgain) {
  EXPECT_EQ((Share{0, 3}), ShareOf(0, 8, 9, 0, 3));
  EXPECT_EQ((Share{3, 3}), ShareOf(0, 8, 9, 1, 3));
  EXPECT_EQ((Share{6, 3}), ShareOf(0, 8, 9, 2, 3)) << "9 places for 8 samples";
  std::vector<std::size_t> samples;
  for (const std::int64_t rank : {0, 1, 2, 3}) {
    TrainLoaderOptions options = Small(20);
    options.rank = rank;
    options.world = 4;
    TrainLoader loader(dataset_, options);
    const auto batches = Epoch(loader, 0);
    ASSERT_EQ(2U, batches.size());
    EXPECT_EQ(1, batches[1].n);
    samples.push_back(batches[1].samples.front());
    if (rank == 0) samples.push_back(batches[0].samples[0]);
    if (rank == 0) samples.push_back(batches[0].samples[1]);
  }
  // 22 samples: rank 0 and 1 have the last two, rank 2 and 3 the first two again.
  EXPECT_EQ(samples[1], samples[4]);
  EXPECT_EQ(samples[2], samples[5]);
}

TEST_F(TrainLoaderTest, BackgroundStaysBackground) {
  for (Sample& sample : dataset_.samples) sample.labels.clear();
  TrainLoader loader(dataset_, Small());
  for (const TrainBatch& batch : Epoch(loader, 0)) EXPECT_THAT(batch.targets, IsEmpty());
}

TEST_F(TrainLoaderTest, WeightsSayHowOftenSamplesAreDrawn) {
  TrainLoader loader(dataset_, Small());
  std::vector<double> weights(22, 0.0);
  weights[4] = 3;
  weights[9] = 1;
  std::map<std::size_t, int> drawn;
  for (std::int64_t epoch = 0; epoch < 40; ++epoch) {
    const auto order = WeightedOrder(weights, 0, epoch);
    ASSERT_EQ(22U, order.size());
    for (const std::size_t sample : order) ++drawn[sample];
  }
  EXPECT_EQ(2U, drawn.size());
  EXPECT_NEAR(3.0, static_cast<double>(drawn[4]) / drawn[9], 0.5);
  EXPECT_EQ(WeightedOrder(weights, 0, 7), SamplesOf(Epoch(loader, 7, weights)));
  EXPECT_THROW(WeightedOrder(std::vector<double>{0, 0}, 0, 0), Error);
  EXPECT_THROW(WeightedOrder(std::vector<double>{1, NAN}, 0, 0), Error);
  EXPECT_THROW(WeightedOrder(std::vector<double>{1, -1}, 0, 0), Error);
}

TEST_F(TrainLoaderTest, APictureThatBecameUnreadableIsNamed) {
  TrainLoader loader(dataset_, Small(22));
  EXPECT_EQ(1U, Epoch(loader, 0).size());
  test::WriteFile(dataset_.samples[7].image, "no picture");
  loader.StartEpoch(1);
  try {
    loader.Next();
    FAIL() << "the picture was read";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("picture-7.png"));
  }
  EXPECT_FALSE(loader.Next().has_value()) << "the epoch has ended";
}

TEST_F(TrainLoaderTest, PicturesInMemoryAreReadOnce) {
  TrainLoaderOptions options = Small();
  options.cache = Cache::kRam;
  TrainLoader loader(dataset_, options);
  const auto expected = Describe(Epoch(loader, 0));
  for (const Sample& sample : dataset_.samples) std::filesystem::remove(sample.image);
  EXPECT_EQ(expected, Describe(Epoch(loader, 0)));
  EXPECT_THAT(loader.warnings(), IsEmpty());
}

TEST_F(TrainLoaderTest, OptionsThatMakeNoSenseAreRefused) {
  EXPECT_THROW(TrainLoader(Dataset{}, Small()), Error);
  TrainLoaderOptions options = Small(3);
  options.world = 2;
  EXPECT_THROW(TrainLoader(dataset_, options), Error) << "3 pictures for 2 processes";
  options = Small();
  options.imgsz = 65;
  EXPECT_THROW(TrainLoader(dataset_, options), Error);
}

TEST_F(TrainLoaderTest, RectangularBatchesAreInOrderOfTheirShape) {
  TrainLoaderOptions options = Small(5);
  options.rect = true;
  TrainLoader loader(dataset_, options);
  const auto batches = Epoch(loader, 0);
  ASSERT_EQ(5U, batches.size());
  EXPECT_EQ(SamplesOf(batches), SamplesOf(Epoch(loader, 1)));
  double last = 0;
  for (const std::size_t sample : SamplesOf(batches)) {
    const Size size = dataset_.samples[sample].size;
    const double aspect = static_cast<double>(size.height) / static_cast<double>(size.width);
    EXPECT_LE(last, aspect);
    last = aspect;
  }
}

/// The digests and sums below were computed with LoadImagesAndLabels of v7.0 (Python, OpenCV 4.6) on the same
/// pictures, its random numbers replaced by those of our Random with the same keys.
struct ExpectedPicture {
  std::int64_t place;
  std::string file;
  std::string digest;  ///< SHA-256 of the RGB planes, first half
  std::size_t targets;
  std::array<double, 5> sums;  ///< of the columns of its targets: class, x, y, width, height
};

void ExpectPictures(const Dataset& dataset, const std::vector<TrainBatch>& batches,
                    const std::vector<ExpectedPicture>& pictures) {
  std::vector<std::pair<const TrainBatch*, std::int64_t>> places;
  for (const TrainBatch& batch : batches) {
    for (std::int64_t i = 0; i < batch.n; ++i) places.emplace_back(&batch, i);
  }
  for (const ExpectedPicture& expected : pictures) {
    const auto& [batch, picture] = places.at(static_cast<std::size_t>(expected.place));
    const std::string file =
        dataset.samples.at(batch->samples.at(static_cast<std::size_t>(picture))).image.filename();
    EXPECT_EQ(expected.file, file);
    EXPECT_EQ(expected.digest, DigestOf(DigestKind::kSha256, PlanesOf(*batch, picture)).substr(0, 32))
        << file;
    std::size_t targets = 0;
    std::array<double, 5> sums{};
    for (const Target& target : batch->targets) {
      if (target.picture != picture) continue;
      ++targets;
      const std::array<double, 5> columns = {static_cast<double>(target.class_id), target.x, target.y,
                                             target.width, target.height};
      for (std::size_t i = 0; i < sums.size(); ++i) sums.at(i) += columns.at(i);
    }
    EXPECT_EQ(expected.targets, targets) << file;
    for (std::size_t i = 0; i < sums.size(); ++i) EXPECT_NEAR(expected.sums.at(i), sums.at(i), 1e-4) << file;
  }
}

class ReferencePicturesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ROOST_NEEDS_REFERENCE();
    dataset_ = ReadDataset({*test::ReferenceDir() / "images/coco/images/train2017"}, {.classes = 80});
  }

  std::vector<TrainBatch> EpochWith(const TrainLoaderOptions& options, std::int64_t epoch) {
    TrainLoader loader(dataset_, options);
    return Epoch(loader, epoch);
  }

  std::vector<TrainBatch> FirstBatchWith(TrainLoaderOptions options, std::int64_t epoch) {
    options.batch = 6;
    TrainLoader loader(dataset_, options);
    loader.StartEpoch(epoch);
    std::vector<TrainBatch> batches;
    batches.push_back(*loader.Next());
    return batches;
  }

  static TrainLoaderOptions Options(std::int64_t imgsz, std::uint64_t seed) {
    TrainLoaderOptions options;
    options.imgsz = imgsz;
    options.seed = seed;
    return options;
  }

  Dataset dataset_;
};

TEST_F(ReferencePicturesTest, MosaicsOfTheUsualRecipe) {
  auto options = Options(320, 7);
  ExpectPictures(
      dataset_, FirstBatchWith(options, 3),
      {{0, "000000000529.jpg", "b2be2b476b824b7b47a08925d4343476", 3, {77.0, 1.6517, 1.4008, 1.1603, 0.5787}},
       {1, "000000000151.jpg", "80d807d76a859e015e32c2d40a53ae25", 4, {41.0, 2.5347, 2.0613, 1.7367, 1.0605}},
       {2,
        "000000000165.jpg",
        "6a00242be5142ac3dab2e10ab165cf2a",
        62,
        {2328.0, 24.4189, 34.0522, 3.3133, 3.3409}},
       {3,
        "000000000133.jpg",
        "a2b1a0492c7c310ebe0bff36fe12c891",
        12,
        {302.0, 5.834, 7.8555, 1.6448, 2.1235}},
       {4,
        "000000000634.jpg",
        "3e8bb27b1cc666c05929074c68f9f35f",
        11,
        {294.0, 4.8444, 3.7202, 1.5486, 1.0197}},
       {5,
        "000000000569.jpg",
        "c4cddcd0109a73759f44f49c4fffb344",
        6,
        {205.0, 1.6366, 2.732, 0.2573, 0.4622}}});
}

TEST_F(ReferencePicturesTest, TurnedAndShearedMosaicsMixedInPairs) {
  auto options = Options(256, 7);
  options.augmentation.degrees = 10;
  options.augmentation.shear = 5;
  options.augmentation.flipud = 0.5;
  options.augmentation.mixup = 0.5;
  ExpectPictures(
      dataset_, FirstBatchWith(options, 3),
      {{0, "000000000529.jpg", "f1ebc85a527843c853aaeb257669be5d", 3, {77.0, 1.6017, 1.4068, 1.2637, 0.5884}},
       {1, "000000000151.jpg", "5957c5c45f1f9d4d69172fc6c6b5415d", 4, {41.0, 2.5084, 1.9908, 1.7861, 1.1627}},
       {2,
        "000000000165.jpg",
        "cc197f29303c421e96de110d3bf0bf63",
        61,
        {2257.0, 23.7562, 26.8564, 4.2256, 5.6094}},
       {3,
        "000000000133.jpg",
        "43c2cf28bdda7ac4d28bd417c01b9da1",
        13,
        {360.0, 5.8058, 8.8316, 2.0487, 2.5939}},
       {4,
        "000000000634.jpg",
        "b568be74ae7864a6d084d608f28a3f86",
        48,
        {1882.0, 18.3318, 9.741, 4.6477, 3.3715}},
       {5,
        "000000000569.jpg",
        "832593574cce0872ace8fbf6ed3995c9",
        6,
        {205.0, 1.6519, 3.3829, 0.2841, 0.4873}}});
}

TEST_F(ReferencePicturesTest, PicturesInPerspective) {
  auto options = Options(256, 7);
  options.augmentation.perspective = 0.0005;
  options.augmentation.degrees = 3;
  options.augmentation.mosaic = 0.5;
  options.augmentation.mixup = 1;
  ExpectPictures(
      dataset_, FirstBatchWith(options, 3),
      {{0, "000000000529.jpg", "c089543d360bfc1061aff223ae9e42dd", 9, {93.0, 3.0015, 4.8268, 3.1397, 1.5975}},
       {1, "000000000151.jpg", "2ef5de149424315eb9761eceb752ab74", 3, {17.0, 1.2871, 0.9294, 0.4739, 0.9418}},
       {2, "000000000165.jpg", "7207512f615e2a14903cc88de1031e60", 4, {103.0, 1.5454, 1.9181, 2.0159, 2.822}},
       {3,
        "000000000133.jpg",
        "a4e8dea52af5d9741b96d8bfc02d13e6",
        23,
        {953.0, 12.6051, 15.2943, 3.7682, 3.9331}},
       {4,
        "000000000634.jpg",
        "74334f741ace2d08050ba0546155b251",
        39,
        {1495.0, 15.9916, 8.9582, 4.1568, 2.8846}},
       {5,
        "000000000569.jpg",
        "8ce4e39d91210d28449482a9a16142f4",
        25,
        {1044.0, 11.3933, 7.0049, 2.8751, 2.3454}}});
}

TEST_F(ReferencePicturesTest, PicturesWithoutMosaic) {
  auto options = Options(320, 7);
  options.augmentation.mosaic = 0;
  options.augmentation.degrees = 5;
  ExpectPictures(
      dataset_, FirstBatchWith(options, 3),
      {{0, "000000000529.jpg", "ada0375b891f6fd2b57c3ae4954d0240", 3, {3.0, 1.3962, 1.6006, 1.2947, 1.4208}},
       {1, "000000000151.jpg", "117d1ed50511e9b2682f5bfac803d542", 3, {17.0, 1.2954, 0.9475, 0.5091, 0.962}},
       {2,
        "000000000165.jpg",
        "7c4cae0b1b2175739cafb97ea49d1847",
        4,
        {103.0, 1.5585, 1.8723, 1.9805, 2.7491}},
       {3,
        "000000000133.jpg",
        "66832742da6f253d6589d1f14e738298",
        2,
        {136.0, 1.4711, 0.6034, 0.9555, 0.7001}},
       {4, "000000000634.jpg", "c7155eeec1b94720de406b0c8073b942", 6, {36.0, 3.5217, 1.4005, 0.9954, 0.709}},
       {5,
        "000000000569.jpg",
        "3d72c669669f51cbe9b06653b10c49cf",
        5,
        {132.0, 1.1735, 2.8482, 0.3861, 0.533}}});
}

TEST_F(ReferencePicturesTest, PicturesThatAreOnlyLetterboxed) {
  auto options = Options(320, 0);
  options.augment = false;
  ExpectPictures(
      dataset_, FirstBatchWith(options, 0),
      {{0, "000000000036.jpg", "3aec51d6ed5c5ce0cc0118dec5c02ae0", 2, {25.0, 1.1103, 1.0325, 1.198, 1.3993}},
       {1,
        "000000000599.jpg",
        "9ce492a58767d5ab6bc517816691ccf7",
        5,
        {260.0, 3.3098, 2.4509, 2.3762, 1.7959}},
       {2, "000000000514.jpg", "808414f637d0cb5dfa08e5b08281b2fe", 1, {59.0, 0.5292, 0.6642, 0.5041, 0.6225}},
       {3,
        "000000000049.jpg",
        "bb1036f065f9d733db8b8421bf2b7662",
        9,
        {92.0, 4.9404, 6.1291, 0.9016, 1.2389}}});
}

TEST_F(ReferencePicturesTest, SizesOfRectangularBatches) {
  const auto order = AspectOrder(dataset_);
  EXPECT_THAT(AspectSizes(dataset_, order, 16, 320, 32),
              ElementsAre(Size{224, 320}, Size{256, 320}, Size{256, 320}, Size{320, 320}, Size{320, 288},
                          Size{320, 224}));
}

// Pictures whose aspect ratio no other has: the reference's sort leaves the order of the others open.
TEST_F(ReferencePicturesTest, RectangularPictures) {
  auto options = Options(320, 0);
  options.augment = false;
  options.rect = true;
  ExpectPictures(dataset_, EpochWith(options, 0),
                 {{0,
                   "000000000357.jpg",
                   "94defbcf3d80ec46ccc317001b4a68b8",
                   17,
                   {139.0, 11.4436, 7.429, 0.4095, 1.0088}},
                  {20,
                   "000000000326.jpg",
                   "c63edddca7b7b04d24081be60a8f6471",
                   2,
                   {40.0, 1.0782, 0.9971, 0.9556, 1.1689}},
                  {85,
                   "000000000514.jpg",
                   "f20b9fd0dc27d644f97fcc84cecb3895",
                   1,
                   {59.0, 0.5417, 0.6642, 0.7201, 0.6225}}});
}

TEST_F(ReferencePicturesTest, RectangularPicturesThatVary) {
  auto options = Options(320, 0);
  options.rect = true;
  ExpectPictures(dataset_, EpochWith(options, 0),
                 {{0,
                   "000000000357.jpg",
                   "fdcb56f3d4e7b657f371ad5349a7e9b8",
                   10,
                   {104.0, 4.2154, 4.5178, 0.2766, 0.7676}},
                  {20,
                   "000000000326.jpg",
                   "011572e6fee6d4f820bd53082a26d9ad",
                   2,
                   {40.0, 1.2058, 1.1328, 0.8647, 1.0578}},
                  {85,
                   "000000000514.jpg",
                   "d7d187093dade2496b9a552a059ae262",
                   1,
                   {59.0, 0.4695, 0.6113, 0.939, 0.7774}}});
}

}  // namespace
}  // namespace roost::yolo

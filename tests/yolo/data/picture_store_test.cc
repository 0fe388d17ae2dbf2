#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"
#include "yolo/data/cache.h"
#include "yolo/data/npy.h"
#include "yolo/data/training_pictures.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class PictureStoreTest : public ::testing::Test {
 protected:
  static std::string Pixels(const Image& image) { return {image.pixels().begin(), image.pixels().end()}; }
  std::string Loaded(PictureStore& store, std::size_t sample) { return Pixels(**store.Load(sample)); }
  Path Npy(int picture) const { return folder_.path() / ("picture-" + std::to_string(picture) + ".npy"); }

  TemporaryDirectory folder_;
  Dataset dataset_ = test::PaintedDataset(folder_.path(), 5);
};

TEST_F(PictureStoreTest, TheLongerSideIsScaled) {
  PictureStore store(dataset_, {.imgsz = 64});
  EXPECT_EQ((Size{48, 64}), (*store.Load(0))->size());  // 90 x 120
  EXPECT_EQ((Size{64, 42}), (*store.Load(1))->size()) << "120 x 80: 42.67 is cut off, as the reference does";
  EXPECT_EQ((Size{64, 64}), (*store.Load(4))->size());
}

TEST_F(PictureStoreTest, MemoryKeepsPictures) {
  PictureStore store(dataset_, {.imgsz = 64, .cache = Cache::kRam, .memory = 1'000'000});
  const auto first = *store.Load(2);
  EXPECT_EQ(first, *store.Load(2));
  std::filesystem::remove(dataset_.samples[2].image);
  EXPECT_EQ(first, *store.Load(2));
  EXPECT_THAT(store.warnings(), IsEmpty());
}

TEST_F(PictureStoreTest, MemoryThatIsTooSmallIsLeftAlone) {
  // 64 x (48 + 42 + 64 + 24 + 64) x 3 bytes
  const std::uint64_t needed = 46464;
  PictureStore fits(dataset_, {.imgsz = 64, .cache = Cache::kRam, .memory = needed * 10 / 8 + 1});
  EXPECT_THAT(fits.warnings(), IsEmpty());
  PictureStore store(dataset_, {.imgsz = 64, .cache = Cache::kRam, .memory = needed * 10 / 8 - 1});
  EXPECT_THAT(store.warnings(), ElementsAre(HasSubstr("46 kB, more than 80% of the 58 kB that are free")));
  EXPECT_NE(*store.Load(2), *store.Load(2));
  ASSERT_TRUE(AvailableMemory().has_value());
  EXPECT_GT(*AvailableMemory(), needed);
}

TEST_F(PictureStoreTest, DecodedPicturesAreFilesOfNumPy) {
  PictureStore plain(dataset_, {.imgsz = 64});
  PictureStore store(dataset_, {.imgsz = 64, .cache = Cache::kDisk});
  EXPECT_EQ(Loaded(plain, 0), Loaded(store, 0));
  const std::string file = test::ReadText(Npy(0));
  EXPECT_EQ(128U + 90 * 120 * 3, file.size());
  EXPECT_THAT(file, StartsWith(std::string("\x93NUMPY\x01\x00v\x00", 10) +
                               "{'descr': '|u1', 'fortran_order': False, 'shape': (90, 120, 3), } "));
  EXPECT_EQ('\n', file[127]);
  EXPECT_EQ(Pixels(*ReadImage(dataset_.samples[0].image)), file.substr(128));
  EXPECT_EQ(Loaded(plain, 0), Loaded(store, 0));

  // The file is what is read from then on, as long as it is younger than the picture.
  ASSERT_TRUE(WriteNpyImage(Image({90, 120}, {1, 2, 3}), Npy(0)).ok());
  EXPECT_THAT(Loaded(store, 0), StartsWith("\x01\x02\x03"));
  std::filesystem::last_write_time(dataset_.samples[0].image,
                                   std::filesystem::last_write_time(Npy(0)) + std::chrono::seconds(1));
  EXPECT_EQ(Loaded(plain, 0), Loaded(store, 0));
}

TEST_F(PictureStoreTest, FilesThatCannotBeUsedAreWrittenAnew) {
  PictureStore plain(dataset_, {.imgsz = 64});
  PictureStore store(dataset_, {.imgsz = 64, .cache = Cache::kDisk});
  const std::string expected = Loaded(store, 0);
  const std::string good = test::ReadText(Npy(0));
  std::string wrong_type = good;
  wrong_type.replace(good.find("|u1"), 3, "<f4");
  std::string huge = good;
  huge.replace(good.find("(90, 120"), 8, "(999999999, 9");
  for (const std::string& bad : {std::string(), good.substr(0, 9), good.substr(0, 1000), wrong_type, huge}) {
    test::WriteFile(Npy(0), bad);
    EXPECT_FALSE(ReadNpyImage(Npy(0)).ok());
    EXPECT_EQ(expected, Loaded(store, 0));
    EXPECT_EQ(good, test::ReadText(Npy(0)));
  }
  EXPECT_THAT(store.warnings(), IsEmpty());
}

TEST_F(PictureStoreTest, WhereNothingCanBeWrittenPicturesAreReadAllTheSame) {
  std::filesystem::create_directory(Npy(1));
  test::WriteFile(Npy(1) / "in the way", "");
  PictureStore store(dataset_, {.imgsz = 64, .cache = Cache::kDisk});
  PictureStore plain(dataset_, {.imgsz = 64});
  EXPECT_EQ(Loaded(plain, 1), Loaded(store, 1));
  EXPECT_EQ(Loaded(plain, 2), Loaded(store, 2));
  EXPECT_THAT(store.warnings(), ElementsAre(HasSubstr("picture-1.npy")));
  EXPECT_FALSE(std::filesystem::exists(Npy(2))) << "once is enough";
}

TEST_F(PictureStoreTest, WhatCannotBeReadIsNamed) {
  test::WriteFile(dataset_.samples[3].image, "no picture");
  for (const Cache cache : {Cache::kNone, Cache::kRam, Cache::kDisk}) {
    PictureStore store(dataset_, {.imgsz = 64, .cache = cache});
    const auto loaded = store.Load(3);
    ASSERT_FALSE(loaded.ok());
    EXPECT_THAT(loaded.error().message(), HasSubstr("picture-3.png"));
  }
}

}  // namespace
}  // namespace roost::yolo

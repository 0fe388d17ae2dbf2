#include "yolo/data/dataset.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/yolo/image.h"
#include "support/support.h"
#include "yolo/data/label_file.h"
#include "yolo/image/picture_size.h"

namespace roost::yolo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DatasetTest : public ::testing::Test {
 protected:
  Path At(const std::string& name) const { return folder_.path() / name; }

  void Picture(const std::string& name, Size size = {20, 30}) {
    MakeDirectories(At(name).parent_path());
    const std::string suffix = ToFormat(name);
    test::WriteFile(At(name), EncodeImage(Image(size, {10, 20, 30}), suffix).value());
  }
  void Text(const std::string& name, const std::string& text) {
    MakeDirectories(At(name).parent_path());
    test::WriteFile(At(name), text);
  }
  Dataset Read(const std::string& source, const DatasetOptions& options = {.classes = 3}) {
    return ReadDataset({At(source)}, options);
  }
  std::vector<std::string> Names(const Dataset& dataset) const {
    std::vector<std::string> names;
    for (const Sample& sample : dataset.samples) {
      names.push_back(sample.image.lexically_relative(folder_.path()));
    }
    return names;
  }

  TemporaryDirectory folder_;

 private:
  static std::string ToFormat(const std::string& name) {
    const std::string suffix = Path(name).extension();
    return suffix == ".JPG" ? ".jpg" : suffix;
  }
};

TEST_F(DatasetTest, LabelsLieBesideTheFolderOfPictures) {
  EXPECT_EQ("/d/images/x/labels/a.b.txt", LabelPathOf("/d/images/x/images/a.b.jpg"));
  EXPECT_EQ("/d/pictures/a.txt", LabelPathOf("/d/pictures/a.png"));
}

TEST_F(DatasetTest, AFolderIsReadWithAllBelowItInTheOrderOfPaths) {
  Picture("images/b.jpg", {20, 30});
  Picture("images/deep/a.png", {31, 17});
  Picture("images/C.JPG");
  Picture("images/.hidden.jpg");
  Text("images/notes.md", "no picture");
  Text("labels/b.txt", "1 0.5 0.5 0.25 0.5\n\n0 0.25 0.75 0.5 0.5\n");
  Text("labels/C.txt", "\n");
  const Dataset dataset = Read("images");
  EXPECT_THAT(Names(dataset), ElementsAre("images/C.JPG", "images/b.jpg", "images/deep/a.png"));
  EXPECT_THAT(dataset.samples[1].labels,
              ElementsAre(Label{1, 0.5F, 0.5F, 0.25F, 0.5F}, Label{0, 0.25F, 0.75F, 0.5F, 0.5F}));
  EXPECT_EQ((Size{31, 17}), dataset.samples[2].size);
  EXPECT_EQ(1U, dataset.missing);
  EXPECT_EQ(1U, dataset.empty);
  EXPECT_EQ(2U, dataset.background());
  EXPECT_EQ(0U, dataset.corrupt);
  EXPECT_THAT(dataset.warnings, IsEmpty());
}

TEST_F(DatasetTest, AListCountsFromItsOwnFolder) {
  Picture("d/images/a.jpg");
  Picture("d/images/b.jpg");
  Text("d/labels/b.txt", "0 0.5 0.5 1 1");
  Text("d/val.txt", "./images/b.jpg\r\n" + At("d/images/a.jpg").string() + "\nimages/b.jpg\nREADME\n\n");
  const Dataset dataset = Read("d/val.txt");
  EXPECT_THAT(Names(dataset), ElementsAre("d/images/a.jpg", "d/images/b.jpg"));
  EXPECT_THAT(dataset.samples[1].labels, SizeIs(1));
}

TEST_F(DatasetTest, LinksToFoldersAreFollowedButNotForEver) {
  Picture("elsewhere/images/a.jpg");
  MakeDirectories(At("images"));
  std::filesystem::create_directory_symlink(At("elsewhere/images"), At("images/more"));
  std::filesystem::create_directory_symlink(At("images"), At("elsewhere/images/back"));
  std::filesystem::create_directory_symlink(At("images"), At("images/self"));
  EXPECT_THAT(Read("images").samples, SizeIs(1));
}

TEST_F(DatasetTest, LinesThatAreThereTwiceCountOnceAndSortTheRest) {
  Picture("images/a.png");
  Text("labels/a.txt", "2 0.5 0.5 0.1 0.1\n1 0.5 0.5 0.1 0.1\n2 0.5 0.50 0.1 0.1\n1 0.2 0.5 0.1 0.1\n");
  const Dataset dataset = Read("images");
  EXPECT_THAT(dataset.samples[0].labels,
              ElementsAre(Label{1, 0.2F, 0.5F, 0.1F, 0.1F}, Label{1, 0.5F, 0.5F, 0.1F, 0.1F},
                          Label{2, 0.5F, 0.5F, 0.1F, 0.1F}));
  EXPECT_THAT(dataset.warnings, ElementsAre(HasSubstr("labels/a.txt: 1 lines")));
}

TEST_F(DatasetTest, OutlinesBecomeTheBoxesAroundThem) {
  Picture("images/a.png");
  Text("labels/a.txt", "1 0.25 0.5 0.75 0.25 0.5 1\n");
  EXPECT_THAT(Read("images").samples[0].labels, ElementsAre(Label{1, 0.5F, 0.625F, 0.5F, 0.75F}));
}

TEST_F(DatasetTest, OneClassOnlyTakesAnyClassAsTheFirst) {
  Picture("images/a.png");
  Text("labels/a.txt", "7 0.5 0.5 0.5 0.5\n");
  EXPECT_EQ(0, Read("images", {.classes = 1, .single_cls = true}).samples[0].labels[0].class_id);
}

TEST_F(DatasetTest, PicturesWithBadLabelsAreLeftOutWithFileAndLine) {
  const auto fault_of = [&](const std::string& label) {
    Picture("images/a.png");
    Picture("images/b.png");
    Text("labels/a.txt", "0 0.5 0.5 0.5 0.5\n" + label + "\n");
    const Dataset dataset = Read("images");
    EXPECT_EQ(1U, dataset.corrupt) << label;
    EXPECT_THAT(Names(dataset), ElementsAre("images/b.png")) << label;
    if (dataset.warnings.size() != 1) return std::string();
    EXPECT_THAT(dataset.warnings[0], HasSubstr("images/a.png: left out: ")) << label;
    EXPECT_THAT(dataset.warnings[0], HasSubstr("labels/a.txt:2: ")) << label;
    return dataset.warnings[0].substr(dataset.warnings[0].find(".txt:2: ") + 8);
  };
  EXPECT_EQ("'nan' is no number", fault_of("0 nan 0.5 0.5 0.5"));
  EXPECT_EQ("'inf' is no number", fault_of("0 0.5 0.5 inf 0.5"));
  EXPECT_EQ("'x' is no number", fault_of("x 0.5 0.5 0.5 0.5"));
  EXPECT_EQ("a label has 5 numbers (class x y width height), not 4", fault_of("0 0.5 0.5 0.5"));
  EXPECT_EQ("a label has 5 numbers (class x y width height), not 6", fault_of("0 0.5 0.5 0.5 0.5 0.9"));
  EXPECT_EQ("coordinates are fractions of the picture, from 0 to 1", fault_of("0 0.5 1.5 0.5 0.5"));
  EXPECT_EQ("coordinates are fractions of the picture, from 0 to 1", fault_of("0 0.5 0.5 -0.5 0.5"));
  EXPECT_EQ("a class is a whole number from 0 up", fault_of("-1 0.5 0.5 0.5 0.5"));
  EXPECT_EQ("a class is a whole number from 0 up", fault_of("1.5 0.5 0.5 0.5 0.5"));
  EXPECT_EQ("class 3, but the classes are 0 to 2", fault_of("3 0.5 0.5 0.5 0.5"));
  EXPECT_EQ("an outline needs an x and a y for each point", fault_of("0 0.5 0.5 0.5 0.5 0.9 0.1 0.2"));
  EXPECT_EQ("an outline needs an x and a y for each point", fault_of("0\n0 0.1 0.1 0.2 0.2 0.3 0.3"));
}

TEST_F(DatasetTest, PicturesThatCannotBeReadAreLeftOut) {
  Picture("images/good.jpg");
  Text("images/empty.jpg", "");
  Text("images/text.png", "this is no picture");
  Text("images/cut.bmp", "BM");
  Picture("images/tiny.png", {9, 30});
  const Dataset dataset = Read("images");
  EXPECT_THAT(Names(dataset), ElementsAre("images/good.jpg"));
  EXPECT_EQ(4U, dataset.corrupt);
  EXPECT_THAT(dataset.warnings, SizeIs(4));
}

TEST_F(DatasetTest, AJpegWithoutItsEndIsTakenWithAWarning) {
  Picture("images/a.jpg", {200, 300});
  std::string bytes = test::ReadText(At("images/a.jpg"));
  test::WriteFile(At("images/a.jpg"), bytes.substr(0, bytes.size() - 10));
  const Dataset dataset = Read("images");
  EXPECT_THAT(dataset.samples, SizeIs(1));
  EXPECT_THAT(dataset.warnings, ElementsAre(HasSubstr("the end of the JPEG is missing")));
}

TEST_F(DatasetTest, APngWithoutItsEndIsLeftOut) {
  Picture("images/cut.png");
  Picture("images/whole.png");
  std::filesystem::resize_file(At("images/cut.png"), std::filesystem::file_size(At("images/cut.png")) - 20);
  const Dataset dataset = Read("images");
  EXPECT_THAT(Names(dataset), ElementsAre("images/whole.png"));
  EXPECT_EQ(1U, dataset.corrupt);
  EXPECT_THAT(dataset.warnings, ElementsAre(HasSubstr("is cut short")));
}

TEST_F(DatasetTest, LabelsOutOfReachAreNotMissing) {
  Picture("images/a.png");
  MakeDirectories(At("labels"));
  std::filesystem::create_symlink("a.txt",
                                  At("labels/a.txt"));  // a link to itself: nobody can tell what it is
  Picture("images/b.png");
  const Dataset dataset = Read("images");
  EXPECT_THAT(Names(dataset), ElementsAre("images/b.png"));
  EXPECT_EQ(1U, dataset.corrupt);
  EXPECT_EQ(1U, dataset.missing);
}

TEST_F(DatasetTest, AListMayBeginWithAByteOrderMark) {
  Picture("images/a.png");
  Text("list.txt", "\xEF\xBB\xBF./images/a.png\n");
  EXPECT_THAT(Names(Read("list.txt")), ElementsAre("images/a.png"));
}

TEST_F(DatasetTest, NoPicturesAreNoInput) {
  MakeDirectories(At("images"));
  for (const std::string source : {"images", "nowhere"}) {
    try {
      Read(source);
      FAIL() << source;
    } catch (const Error& error) {
      EXPECT_EQ(ExitCode::kNoInput, error.code());
      EXPECT_THAT(error.message(), HasSubstr(source));
    }
  }
}

TEST_F(DatasetTest, TheResultDoesNotDependOnThreads) {
  for (int i = 0; i < 40; ++i) Picture("images/" + std::to_string(i) + (i % 2 == 0 ? ".png" : ".bmp"));
  for (int i = 0; i < 40; i += 3) Text("labels/" + std::to_string(i) + ".txt", "x\n");
  const Dataset one = Read("images", {.workers = 1});
  const Dataset many = Read("images", {.workers = 7});
  EXPECT_EQ(Names(one), Names(many));
  EXPECT_EQ(one.warnings, many.warnings);
  EXPECT_EQ(14U, one.corrupt);
}

/// Sizes that are read from headers are those of the decoded pictures, whatever way a picture is stored.
TEST_F(DatasetTest, SizesFromHeadersAreThoseOfThePixels) {
  ROOST_NEEDS_REFERENCE();
  int pictures = 0;
  for (const char* folder : {"images/odd", "images/photos", "images/coco/images/train2017"}) {
    for (const auto& entry : std::filesystem::directory_iterator(*test::ReferenceDir() / folder)) {
      if (!entry.is_regular_file()) continue;
      const auto facts = ReadPictureFacts(entry.path());
      const auto image = ReadImage(entry.path());
      if (!image) continue;
      ASSERT_TRUE(facts.ok()) << entry.path();
      EXPECT_EQ(image->size(), facts->size) << entry.path();
      ++pictures;
    }
  }
  EXPECT_GT(pictures, 120);
}

/// Figures of the reference: utils/dataloaders.py LoadImagesAndLabels on the same folder.
TEST_F(DatasetTest, TheReferencesCocoPicturesAreReadAsItDoes) {
  ROOST_NEEDS_REFERENCE();
  const Dataset dataset =
      ReadDataset({*test::ReferenceDir() / "images/coco/images/train2017"}, {.classes = 80});
  EXPECT_THAT(dataset.samples, SizeIs(86));
  EXPECT_EQ(1U, dataset.missing);
  EXPECT_EQ(0U, dataset.corrupt);
  std::size_t labels = 0;
  for (const Sample& sample : dataset.samples) labels += sample.labels.size();
  EXPECT_EQ(678U, labels);
}

}  // namespace
}  // namespace roost::yolo

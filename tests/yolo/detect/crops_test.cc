#include "yolo/detect/crops.h"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "roost/yolo/image.h"
#include "roost/yolo/module.h"
#include "support/support.h"
#include "yolo/detect/labels.h"

namespace roost::yolo {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(CropFoldersTest, AClassHasTheFolderOfItsName) {
  EXPECT_THAT(CropFolders({"person", "baseball bat", "caf\xC3\xA9"}, 3),
              ElementsAre("person", "baseball bat", "caf\xC3\xA9"));
}

TEST(CropFoldersTest, AClassWithoutANameHasItsNumber) {
  EXPECT_THAT(CropFolders({"person", ""}, 3), ElementsAre("person", "class1", "class2"));
}

TEST(CropFoldersTest, ANameCannotLeadOutOfTheFolder) {
  const auto folders =
      CropFolders({"..", ".", "/etc/passwd", "a/../b", std::string("x\0y", 3), "tab\there", " \n", "-rf"}, 8);
  EXPECT_THAT(folders, ElementsAre("_.", "_", "_etc_passwd", "a_.._b", "x_y", "tab_here", "__6", "-rf"))
      << ::testing::PrintToString(folders);
}

TEST(CropFoldersTest, NoTwoClassesShareAFolder) {
  EXPECT_THAT(CropFolders({"dog", "dog", "a/b", "a_b", "dog_1"}, 5),
              ElementsAre("dog", "dog_1_1", "a_b_2", "a_b", "dog_1"));
}

TEST(CropFoldersTest, LongNamesAreCutBetweenCharacters) {
  std::string name(199, 'x');
  name += "\xC3\xA9";
  const auto folders = CropFolders({name, name}, 2);
  EXPECT_EQ(std::string(199, 'x'), folders[0]);
  EXPECT_EQ(std::string(199, 'x') + "_1", folders[1]);
}

TEST(CropNamesTest, FilesAreCountedAsDetectPyDoes) {
  const CropNames names({"in/bus.jpg", "in/dog.b.png"});
  EXPECT_EQ("bus.jpg", names.NameOf(0, 1));
  EXPECT_EQ("bus2.jpg", names.NameOf(0, 2));
  EXPECT_EQ("bus13.jpg", names.NameOf(0, 13));
  EXPECT_EQ("dog.b2.jpg", names.NameOf(1, 2));
}

TEST(CropNamesTest, NumbersOfAPictureAreNotTakenForAnotherPicture) {
  const CropNames names({"img1.jpg", "img12.jpg", "img2.jpg"});
  EXPECT_EQ("img1.jpg", names.NameOf(0, 1));
  EXPECT_EQ("img1_2.jpg", names.NameOf(0, 2));
  EXPECT_EQ("img12.jpg", names.NameOf(1, 1));
  EXPECT_EQ("img22.jpg", names.NameOf(2, 2));
}

TEST(CropNamesTest, PicturesOfOneStemAreToldApartByTheirWholeNames) {
  const CropNames names({"a/x.jpg", "a/x.png", "b/x.png"});
  EXPECT_EQ("x2.jpg", names.NameOf(0, 2));
  EXPECT_EQ("x.png2.jpg", names.NameOf(1, 2));
  EXPECT_EQ("x.png_2.jpg", names.NameOf(2, 2));
}

TEST(CropNamesTest, NoNameIsGivenTwice) {
  const std::vector<Path> inputs = {"x.jpg",    "x2.jpg", "x22.jpg",  "x_.jpg",     "x_2.jpg", "x__.jpg",
                                    "x__2.jpg", "x.png",  "y/x.png",  "x.png_.jpg", "2.jpg",   "22.jpg",
                                    "_.jpg",    "_2.jpg", "x__2.png", "x.png2.bmp"};
  const CropNames names(inputs);
  std::set<std::string> given;
  for (std::size_t input = 0; input < inputs.size(); ++input) {
    for (std::int64_t number = 1; number <= 250; ++number) {
      const std::string name = names.NameOf(input, number);
      EXPECT_TRUE(given.insert(name).second) << name;
    }
  }
}

/// Boxes of the reference's run, cut out here: the same files with the same sizes.
TEST(CropNamesTest, FilesAndSizesAreThoseOfDetectPy) {
  ROOST_NEEDS_REFERENCE();
  const Path reference = *test::ReferenceDir();
  const auto json = [&](const char* name) {
    return nlohmann::json::parse(test::ReadText(reference / "golden/yolov5" / name));
  };
  const std::vector<std::string> class_names = LoadCheckpoint(reference / "weights/yolov5n.pt").names;
  const std::vector<std::string> folders = CropFolders(class_names, std::ssize(class_names));
  const nlohmann::json golden = json("det_conf0.25.json");
  const nlohmann::json& pictures = golden.at("images");
  std::vector<Path> inputs;
  for (const auto& [name, picture] : pictures.items()) inputs.emplace_back(name);
  const CropNames names(inputs);

  nlohmann::json cut_out = nlohmann::json::object();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const nlohmann::json& picture = pictures.at(inputs[i].string());
    const Image image({picture["hw0"][0], picture["hw0"][1]}, {0, 0, 0});
    std::map<std::int64_t, std::int64_t> numbers;
    const auto& detections = picture.at("det");
    for (auto it = detections.rbegin(); it != detections.rend(); ++it) {
      const nlohmann::json& row = *it;
      const std::int64_t class_id = row[5];
      const Size size = CutOut(image, RoundedToPixels({row[0], row[1], row[2], row[3]})).size();
      const std::string file = names.NameOf(i, ++numbers[class_id]);
      cut_out["crops/" + folders.at(static_cast<std::size_t>(class_id)) + "/" + file] = {size.width,
                                                                                         size.height};
    }
  }
  EXPECT_EQ(json("save_crop.json").at("crops_wh"), cut_out);
}

}  // namespace
}  // namespace roost::yolo

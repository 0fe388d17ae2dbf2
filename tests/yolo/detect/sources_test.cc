#include "yolo/detect/sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/support.h"
#include "yolo/detect/glob.h"

namespace roost::yolo {
namespace {

using test::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

class SourcesTest : public ::testing::Test {
 protected:
  Path At(const std::string& name) const { return root_ / name; }
  void Make(const std::string& name, const std::string& content = "x") const {
    fs::create_directories(At(name).parent_path());
    WriteFile(At(name), content);
  }
  /// What FindInputs finds, relative to the test's folder.
  std::vector<std::string> Find(std::vector<std::string> sources) {
    for (std::string& source : sources) source = At(source);
    inputs_ = FindInputs(sources);
    return Names(inputs_.files);
  }
  std::vector<std::string> Names(const std::vector<Input>& files) const {
    std::vector<std::string> names;
    for (const Input& file : files) names.push_back(file.path.lexically_relative(root_));
    return names;
  }
  ExitCode CodeOf(const std::vector<std::string>& sources) {
    try {
      Find(sources);
    } catch (const Error& error) {
      message_ = error.message();
      return error.code();
    }
    return ExitCode::kOk;
  }

  TemporaryDirectory folder_;
  Path root_ = fs::canonical(folder_.path());
  Inputs inputs_;
  std::string message_;
};

TEST_F(SourcesTest, APictureIsItself) {
  Make("a.jpg");
  EXPECT_THAT(Find({"a.jpg"}), ElementsAre("a.jpg"));
  EXPECT_FALSE(inputs_.from_list);
}

TEST_F(SourcesTest, AHiddenPictureCanBeNamedButIsNotFound) {
  Make(".hidden.jpg");
  Make("b.jpg");
  EXPECT_THAT(Find({".hidden.jpg"}), ElementsAre(".hidden.jpg"));
  EXPECT_THAT(Find({"."}), ElementsAre("b.jpg"));
}

TEST_F(SourcesTest, AFolderGivesItsPicturesInOrderOfTheirBytes) {
  for (const char* name :
       {"b.JPG", "a.png", "B.jpeg", "c.webp", "d.tiff", "e.bmp", "f.mpo", "g.pfm", "h.dng"}) {
    Make(name);
  }
  for (const char* name : {"notes.md", "jpg", "noextension", "x.txt", "sub/inner.jpg", "folder.jpg/x.png"}) {
    Make(name);
  }
  EXPECT_THAT(Find({"."}), ElementsAre("B.jpeg", "a.png", "b.JPG", "c.webp", "d.tiff", "e.bmp", "f.mpo",
                                       "g.pfm", "h.dng"));
}

TEST_F(SourcesTest, AFolderMayHaveWildcardsInItsName) {
  Make("run[1]*/a.jpg");
  Make("run1/b.jpg");
  EXPECT_THAT(Find({"run[1]*"}), ElementsAre("run[1]*/a.jpg"));
}

TEST_F(SourcesTest, VideosComeLastAndAreNotSupportedYet) {
  Make("a.mp4");
  Make("b.gif");
  Make("c.jpg");
  EXPECT_THAT(Find({"."}), ElementsAre("c.jpg", "a.mp4", "b.gif"));
  EXPECT_TRUE(inputs_.files[0].unusable.empty());
  EXPECT_EQ(Input::Kind::kVideo, inputs_.files[1].kind);
  EXPECT_THAT(inputs_.files[1].unusable, HasSubstr("videos"));
}

TEST_F(SourcesTest, AGlobMatchesWithinFolders) {
  for (const char* name : {"x/1.jpg", "x/2.png", "y/3.jpg", "y/.4.jpg", "y/5.txt", "z.jpg"}) Make(name);
  EXPECT_THAT(Find({"*/*.jpg"}), ElementsAre("x/1.jpg", "y/3.jpg"));
  EXPECT_THAT(Find({"x/?.*"}), ElementsAre("x/1.jpg", "x/2.png"));
  EXPECT_THAT(Find({"[!x]/*"}), ElementsAre("y/3.jpg"));
  EXPECT_THAT(Find({"y/.*.jpg"}), ElementsAre("y/.4.jpg"));
}

TEST_F(SourcesTest, TwoStarsMatchFoldersOfAnyDepth) {
  for (const char* name : {"a.jpg", "x/b.jpg", "x/y/z/c.jpg", "x/.secret/d.jpg"}) Make(name);
  fs::create_directory_symlink(root_, At("x/y/up"));
  EXPECT_THAT(Find({"**/*.jpg"}), ElementsAre("a.jpg", "x/b.jpg", "x/y/z/c.jpg"));
  EXPECT_THAT(Find({"x/**"}), ElementsAre("x/b.jpg", "x/y/z/c.jpg"));
}

TEST_F(SourcesTest, SeveralSourcesAreTakenInSortedOrderAndEachFileOnce) {
  Make("a/1.jpg");
  Make("b.jpg");
  EXPECT_THAT(Find({"b.jpg", "a", "a/1.jpg", "*.jpg"}), ElementsAre("b.jpg", "a/1.jpg"))
      << "'*' sorts before letters";
}

TEST_F(SourcesTest, AListNamesPicturesFoldersAndGlobs) {
  Make("in/b.jpg");
  Make("in/a.jpg");
  Make("more/c.png");
  Make("more/d.png");
  Make("with space.jpg");
  Make("list.txt", "\xEF\xBB\xBF" + At("with space.jpg").string() + "\r\n\n" + At("in").string() + "\n  " +
                       At("more/c*").string() + " " + At("more/d.png").string());
  EXPECT_THAT(Find({"list.txt"}),
              ElementsAre("in/a.jpg", "in/b.jpg", "more/c.png", "more/d.png", "with space.jpg"));
  EXPECT_TRUE(inputs_.from_list);
}

TEST_F(SourcesTest, ListEntriesThatAreNotThereAreUnusableInputs) {
  Make("a.jpg");
  Make("list.txt", At("a.jpg").string() + "\n" + At("gone.jpg").string());
  EXPECT_THAT(Find({"list.txt"}), ElementsAre("a.jpg", "gone.jpg"));
  EXPECT_TRUE(inputs_.files[0].unusable.empty());
  EXPECT_THAT(inputs_.files[1].unusable, HasSubstr("list.txt"));
}

TEST_F(SourcesTest, NothingToDoIsAnError) {
  Make("notes.md");
  Make("empty.txt", "\n \n");
  Make("dead.txt", "/nonexistent/x.jpg");
  fs::create_directory(At("void"));
  for (const char* source :
       {"gone.jpg", "gone", "gone.txt", "*.jpg", "void", "notes.md", "empty.txt", "dead.txt"}) {
    EXPECT_EQ(ExitCode::kNoInput, CodeOf({source})) << source;
    EXPECT_THAT(message_, HasSubstr(At(source).string()));
  }
}

TEST_F(SourcesTest, ABrokenLinkInAFolderIsAnInputThatWillFail) {
  fs::create_symlink("/nonexistent/x.jpg", At("link.jpg"));
  EXPECT_THAT(Find({"."}), ElementsAre("link.jpg"));
}

TEST_F(SourcesTest, HalfWrittenFilesAreNoInputs) {
  Make("a.jpg");
  Make(".b.somehost.12.0.tmp.jpg");
  EXPECT_THAT(Find({"."}), ElementsAre("a.jpg"));
  EXPECT_THAT(Find({"*.jpg", ".*.jpg"}), ElementsAre("a.jpg"));
}

TEST_F(SourcesTest, AListThatIsANamedPipeIsRefusedAndNotWaitedFor) {
  ASSERT_EQ(0, ::mkfifo(At("list.txt").c_str(), 0600));
  EXPECT_EQ(ExitCode::kNoInput, CodeOf({"list.txt"}));
  EXPECT_THAT(message_, HasSubstr("not a regular file"));
}

TEST_F(SourcesTest, CamerasAndAddressesAreNotSupportedYet) {
  for (const char* source :
       {"0", "rtsp://host/x", "https://host/a.jpg", "screen", "screen 0", "cams.streams"}) {
    try {
      FindInputs({source});
      ADD_FAILURE() << source;
    } catch (const Error& error) {
      EXPECT_EQ(ExitCode::kUsage, error.code()) << source;
    }
  }
}

}  // namespace
}  // namespace roost::yolo

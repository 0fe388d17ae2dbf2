#include "upload/source_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/support.h"
#include "upload/source_reader.h"

namespace roost::upload {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SourceTreeTest : public ::testing::Test {
 protected:
  void Make(const std::string& path, const std::string& text = "x") {
    fs::create_directories((root() / path).parent_path());
    test::WriteFile(root() / path, text);
  }

  SourceTree List(const std::vector<std::string>& sources, const Filter& filter = {},
                  const Path& leave_out = {}) {
    std::vector<SourceRoot> roots;
    roots.reserve(sources.size());
    for (const std::string& source : sources) roots.push_back(PlaceSource((root() / source).string()));
    return ListSources(roots, filter, leave_out);
  }

  static std::vector<std::string> PathsOf(const SourceTree& tree) {
    std::vector<std::string> paths;
    for (const SourceFile& file : tree.files) paths.push_back(file.path);
    return paths;
  }

  Path root() const { return folder_.path(); }

  TemporaryDirectory folder_;
};

TEST_F(SourceTreeTest, AFolderKeepsItsNameAndASlashGivesItsContent) {
  Make("runs/exp/bus.jpg");
  Make("runs/exp/labels/bus.txt");
  EXPECT_THAT(PathsOf(List({"runs/exp"})), ElementsAre("exp/bus.jpg", "exp/labels/bus.txt"));
  EXPECT_THAT(PathsOf(List({"runs/exp/"})), ElementsAre("bus.jpg", "labels/bus.txt"));
  EXPECT_THAT(PathsOf(List({"runs/exp/bus.jpg"})), ElementsAre("bus.jpg"));
  EXPECT_THAT(PathsOf(List({"runs/exp/."})), ElementsAre("exp/bus.jpg", "exp/labels/bus.txt"));
  EXPECT_THAT(PathsOf(List({"runs/exp/labels/.."})), ElementsAre("exp/bus.jpg", "exp/labels/bus.txt"));
}

TEST_F(SourceTreeTest, HalfWrittenFilesAreNobodysResults) {
  Make("exp/bus.jpg");
  Make("exp/.yolo-upload.host.1-2.0.part");
  const AtomicFile under_way(root() / "exp" / "zidane.jpg");
  const SourceTree tree = List({"exp"});
  EXPECT_THAT(PathsOf(tree), ElementsAre("exp/bus.jpg"));
  EXPECT_EQ(2u, tree.half_written.size());
  EXPECT_THAT(tree.unusable, IsEmpty());
}

TEST_F(SourceTreeTest, OneFileNamedInTwoWaysIsOneFile) {
  Make("exp/bus.jpg");
  EXPECT_THAT(PathsOf(List({"exp", "./exp"})), ElementsAre("exp/bus.jpg"));
  EXPECT_THAT(PathsOf(List({"exp/bus.jpg", "exp/../exp/bus.jpg"})), ElementsAre("bus.jpg"));
  fs::create_directory_symlink("exp", root() / "latest");
  EXPECT_THAT(PathsOf(List({"exp/", "latest/"})), ElementsAre("bus.jpg"));
}

TEST_F(SourceTreeTest, ASourceInsideAnotherIsRefusedWhereSourcesAreDeleted) {
  Make("nd/sub/f");
  Make("nd2/f");
  const auto refuse = [&](const std::vector<std::string>& sources) {
    std::vector<SourceRoot> roots;
    for (const std::string& source : sources) roots.push_back(PlaceSource((root() / source).string()));
    RefuseOverlaps(roots);
  };
  for (const std::vector<std::string>& sources : std::vector<std::vector<std::string>>{
           {"nd", "nd/sub"}, {"nd/sub/", "nd"}, {"nd", "nd/sub/f"}, {"nd", "nd/"}}) {
    try {
      refuse(sources);
      FAIL() << sources[0] << " and " << sources[1];
    } catch (const Error& error) {
      EXPECT_EQ(ExitCode::kUsage, error.code());
      for (const std::string& source : sources) {
        EXPECT_THAT(error.message(), HasSubstr("'" + (root() / source).string() + "'"));
      }
    }
  }
  EXPECT_NO_THROW(refuse({"nd", "nd2", "nd/../nd"}));
}

TEST_F(SourceTreeTest, AnIncludeThatMatchesNothingIsKnown) {
  Make("exp/bus.jpg");
  const SourceTree tree = List({"exp"}, {.include = {"*.jpg", "*.zzz"}, .exclude = {"bus*"}});
  EXPECT_THAT(tree.idle_includes, ElementsAre("*.zzz"));
}

TEST_F(SourceTreeTest, ALinkToAFolderAsSourceIsEntered) {
  Make("runs/exp7/bus.jpg");
  fs::create_directory_symlink("exp7", root() / "runs/latest");
  EXPECT_THAT(PathsOf(List({"runs/latest"})), ElementsAre("latest/bus.jpg"));
}

TEST_F(SourceTreeTest, NamesEverythingThatIsNoFileAndGoesOn) {
  Make("exp/a.jpg");
  fs::create_symlink("a.jpg", root() / "exp/link.jpg");
  fs::create_symlink("nowhere", root() / "exp/dangling");
  fs::create_directory_symlink("..", root() / "exp/up");
  ASSERT_EQ(0, ::mkfifo((root() / "exp/pipe").c_str(), 0600));

  const SourceTree tree = List({"exp"});
  EXPECT_THAT(PathsOf(tree), ElementsAre("exp/a.jpg", "exp/link.jpg"));
  EXPECT_TRUE(tree.files[1].link);
  std::vector<std::string> unusable;
  for (const Unusable& entry : tree.unusable) unusable.push_back(entry.path + ": " + entry.reason);
  EXPECT_THAT(unusable, testing::UnorderedElementsAre(HasSubstr("exp/dangling: a link that leads nowhere"),
                                                      HasSubstr("exp/up: a link to a folder"),
                                                      HasSubstr("exp/pipe: a named pipe")));
}

TEST_F(SourceTreeTest, FiltersMatchNamesPathsAndWholeFolders) {
  Make("exp/bus.jpg");
  Make("exp/labels/bus.txt");
  Make("exp/crops/person/bus.jpg");
  EXPECT_THAT(PathsOf(List({"exp"}, {.include = {"*.txt"}})), ElementsAre("exp/labels/bus.txt"));
  EXPECT_THAT(PathsOf(List({"exp"}, {.include = {"labels"}})), ElementsAre("exp/labels/bus.txt"));
  EXPECT_THAT(PathsOf(List({"exp"}, {.exclude = {"crops"}})),
              ElementsAre("exp/bus.jpg", "exp/labels/bus.txt"));
  EXPECT_THAT(PathsOf(List({"exp"}, {.include = {"crops/*"}})), ElementsAre("exp/crops/person/bus.jpg"));
  EXPECT_THAT(PathsOf(List({"exp"}, {.include = {"crops/*.jpg"}})), IsEmpty());
  EXPECT_THAT(PathsOf(List({"exp"}, {.include = {"*.jpg"}, .exclude = {"crops/person"}})),
              ElementsAre("exp/bus.jpg"));
}

TEST_F(SourceTreeTest, AFilterAlsoSilencesWhatCannotBeSent) {
  fs::create_directory(root() / "exp");
  fs::create_symlink("nowhere", root() / "exp/dangling.tmp");
  EXPECT_THAT(List({"exp"}, {.exclude = {"*.tmp"}}).unusable, IsEmpty());
}

TEST_F(SourceTreeTest, TwoFilesOfOneNameAreRefusedBeforeAnythingIsSent) {
  Make("a/exp/bus.jpg");
  Make("b/exp/bus.jpg");
  try {
    List({"a/exp", "b/exp"});
    FAIL() << "one of the two would have been lost";
  } catch (const Error& error) {
    EXPECT_EQ(ExitCode::kUsage, error.code());
    EXPECT_THAT(error.message(), HasSubstr("a/exp/bus.jpg"));
    EXPECT_THAT(error.message(), HasSubstr("b/exp/bus.jpg"));
  }
}

TEST_F(SourceTreeTest, AFileNamedTwiceIsSentOnce) {
  Make("exp/bus.jpg");
  EXPECT_THAT(PathsOf(List({"exp", "exp"})), ElementsAre("exp/bus.jpg"));
}

TEST_F(SourceTreeTest, TheManifestIsNotItsOwnContent) {
  Make("exp/bus.jpg");
  Make("exp/sent.jsonl");
  EXPECT_THAT(PathsOf(List({"exp"}, {}, root() / "exp/sent.jsonl")), ElementsAre("exp/bus.jpg"));
}

TEST_F(SourceTreeTest, AMissingSourceIsMissingInput) {
  try {
    List({"nope"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(ExitCode::kNoInput, error.code());
  }
}

TEST_F(SourceTreeTest, AFileThatGrowsWhileItIsReadIsAnErrorOfTheSource) {
  Make("result.txt", "first line\n");
  auto reader = SourceReader::Open(root() / "result.txt");
  ASSERT_TRUE(reader.ok());
  std::string buffer(4, '\0');
  ASSERT_EQ(4u, reader->Read(buffer).value());
  AppendFile(root() / "result.txt").Append("second line\n").value();

  const auto digest = reader->Sha256();
  ASSERT_FALSE(digest.ok());
  EXPECT_THAT(digest.error().message(), HasSubstr("changed while it was read"));
  EXPECT_TRUE(reader->failed());
}

TEST_F(SourceTreeTest, TheDigestStartsAnewAfterRewinding) {
  Make("f", "content");
  auto reader = SourceReader::Open(root() / "f");
  ASSERT_TRUE(reader.ok());
  const std::string digest = reader->Sha256().value();
  ASSERT_TRUE(reader->Rewind().ok());
  EXPECT_EQ(digest, reader->Sha256().value());
  EXPECT_EQ(DigestOf(DigestKind::kSha256, "content"), digest);
}

}  // namespace
}  // namespace roost::upload

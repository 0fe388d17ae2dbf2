#include "yolo/detect/sources.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "roost/upload/http.h"
#include "support/support.h"
#include "upload/loopback_server.h"
#include "yolo/detect/glob.h"

namespace roost::yolo {
namespace {

using test::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

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
    return FindAsGiven(sources);
  }
  std::vector<std::string> FindAsGiven(const std::vector<std::string>& sources) {
    inputs_ = FindInputs(sources, options_);
    return Names(inputs_.files);
  }
  std::vector<std::string> Names(const std::vector<Input>& files) const {
    std::vector<std::string> names;
    for (const Input& file : files) {
      names.push_back(file.path.is_absolute() ? file.path.lexically_relative(root_) : file.path);
    }
    return names;
  }
  ExitCode CodeOf(std::vector<std::string> sources) {
    for (std::string& source : sources) source = At(source);
    return CodeAsGiven(sources);
  }
  ExitCode CodeAsGiven(const std::vector<std::string>& sources) {
    try {
      FindAsGiven(sources);
    } catch (const Error& error) {
      message_ = error.message();
      return error.code();
    }
    return ExitCode::kOk;
  }

  TemporaryDirectory folder_;
  Path root_ = fs::canonical(folder_.path());
  SourceOptions options_;
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

TEST_F(SourcesTest, VideosComeBehindPictures) {
  Make("a.mp4");
  Make("b.gif");
  Make("c.jpg");
  EXPECT_THAT(Find({"."}), ElementsAre("c.jpg", "a.mp4", "b.gif"));
  EXPECT_EQ(Input::Kind::kImage, inputs_.files[0].kind);
  EXPECT_EQ(Input::Kind::kVideo, inputs_.files[1].kind);
  EXPECT_EQ("", inputs_.files[1].unusable);
}

TEST_F(SourcesTest, SubFoldersAreSearchedOnRequestOnly) {
  for (const char* name : {"b.jpg", "a/y/2.jpg", "a/1.mp4", "a/x.md", ".secret/3.jpg", "a/.h.jpg"})
    Make(name);
  fs::create_directory_symlink(root_, At("a/up"));
  EXPECT_THAT(Find({"."}), ElementsAre("b.jpg"));
  EXPECT_EQ("", inputs_.files[0].below);

  options_.recursive = true;
  EXPECT_THAT(Find({"."}), ElementsAre("a/y/2.jpg", "b.jpg", "a/1.mp4"));
  EXPECT_EQ("a/y", inputs_.files[0].below);
  EXPECT_EQ("", inputs_.files[1].below);
  EXPECT_EQ("a", inputs_.files[2].below);
}

TEST_F(SourcesTest, ASubFolderThatCannotBeReadIsAnUnusableInput) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  Make("a.jpg");
  Make("locked/b.jpg");
  fs::permissions(At("locked"), fs::perms::none);
  options_.recursive = true;
  EXPECT_THAT(Find({"."}), ElementsAre("a.jpg", "locked"));
  EXPECT_THAT(inputs_.files[1].unusable, HasSubstr("Permission denied"));
  fs::permissions(At("locked"), fs::perms::owner_all);
}

TEST_F(SourcesTest, AFolderWithoutPicturesIsNamed) {
  Make("a.jpg");
  Make("void/sub/b.jpg");
  EXPECT_THAT(Find({"a.jpg", "void"}), ElementsAre("a.jpg", "void"));
  EXPECT_THAT(inputs_.files[1].unusable, HasSubstr("no pictures in this folder; --recursive"));
  EXPECT_EQ(ExitCode::kNoInput, CodeOf({"void"}));
  EXPECT_THAT(message_, HasSubstr(At("void").string() + "': there are no pictures"));
}

TEST_F(SourcesTest, AFolderWhosePicturesAreKnownAlreadyIsNotEmpty) {
  Make("in/a.jpg");
  EXPECT_THAT(Find({"in", "in/"}), ElementsAre("in/a.jpg"));
}

TEST_F(SourcesTest, AFileThatIsNoPictureByItsSuffixIsNamed) {
  Make("a.jpg");
  Make("noext_jpeg");
  EXPECT_THAT(Find({"a.jpg", "noext_jpeg"}), ElementsAre("a.jpg", "noext_jpeg"));
  EXPECT_THAT(inputs_.files[1].unusable, HasSubstr("suffix"));
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

TEST_F(SourcesTest, ADanglingLinkIsNamedWithItsTarget) {
  Make("a.jpg");
  fs::create_symlink("/nonexistent/x.jpg", At("link.jpg"));
  Make("list.txt", At("link.jpg").string());
  EXPECT_THAT(Find({"."}), ElementsAre("a.jpg", "link.jpg"));
  EXPECT_THAT(inputs_.files[1].unusable, HasSubstr("link to '/nonexistent/x.jpg'"));
  for (const char* source : {"link.jpg", "list.txt"}) {
    EXPECT_EQ(ExitCode::kNoInput, CodeOf({source}));
    EXPECT_THAT(message_, HasSubstr("link to '/nonexistent/x.jpg'")) << source;
  }
}

TEST_F(SourcesTest, StandardInputIsAListThatPicturesAreSavedFor) {
  Make("b.jpg");
  Make("a b.jpg");
  std::istringstream in(At("b.jpg").string() + "\n" + At("a b.jpg").string() + "\n" +
                        At("gone.jpg").string());
  options_.standard_input = &in;
  EXPECT_THAT(FindAsGiven({"-"}), ElementsAre("a b.jpg", "b.jpg", "gone.jpg"));
  EXPECT_THAT(inputs_.files[2].unusable, HasSubstr("standard input"));
  EXPECT_FALSE(inputs_.from_list);
}

TEST_F(SourcesTest, AListMayBeSeparatedByNulCharacters) {
  Make("b\nc.jpg");
  Make(" a.jpg ");
  Make("d.jpg");
  std::string list;
  for (const char* name : {"b\nc.jpg", "d.jpg"}) list += At(name).string() + '\0';
  std::istringstream in(list);
  options_.standard_input = &in;
  EXPECT_THAT(FindAsGiven({"-"}), ElementsAre("b\nc.jpg", "d.jpg"));
}

TEST_F(SourcesTest, StandardInputThatNobodyOffersIsAUsageError) {
  EXPECT_EQ(ExitCode::kUsage, CodeAsGiven({"-"}));
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

TEST_F(SourcesTest, CamerasAndStreamsComeLastUnderNamesForFiles) {
  Make("a.jpg");
  EXPECT_THAT(FindAsGiven({"0", "rtsp://me:secret@host/cam/live.sdp?key=abc", "http://host:8080/",
                           "rtmp://host/app/live.sdp", At("a.jpg")}),
              ElementsAre("a.jpg", "0", "host_8080", "live.sdp", "live_2.sdp"));
  const Input& stream = inputs_.files[4];
  EXPECT_EQ(Input::Kind::kStream, stream.kind);
  EXPECT_EQ("rtsp://me:secret@host/cam/live.sdp?key=abc", stream.address);
  EXPECT_EQ("rtsp://host/cam/live.sdp", stream.origin);
  EXPECT_THAT(stream.key, Not(HasSubstr("abc")));
}

TEST_F(SourcesTest, AStreamsFileNamesStreams) {
  Make("clip.mp4");
  Make("cams.streams",
       "rtsp://host/a\r\n\n# the door\n  1\n" + At("clip.mp4").string() + "\n" + At("gone.mp4").string());
  EXPECT_THAT(Find({"cams.streams"}), ElementsAre("gone.mp4", "a", "1", "clip.mp4"));
  EXPECT_THAT(inputs_.files[0].unusable, HasSubstr("cams.streams"));
  EXPECT_EQ(At("clip.mp4").string(), inputs_.files[3].address);
}

TEST_F(SourcesTest, WebAddressesOfPicturesAndVideosAreToBeDownloaded) {
  EXPECT_THAT(FindAsGiven({"https://host/a/b%20c.JPG?size=1#x", "http://host/clip.mp4", "http://host/page"}),
              ElementsAre("b c.JPG", "clip.mp4", "page"));
  EXPECT_EQ(Input::Kind::kImage, inputs_.files[0].kind);
  EXPECT_EQ("https://host/a/b%20c.JPG?size=1#x", inputs_.files[0].address);
  EXPECT_EQ("https://host/a/b%20c.JPG", inputs_.files[0].origin);
  EXPECT_EQ(Input::Kind::kVideo, inputs_.files[1].kind);
  EXPECT_EQ(Input::Kind::kStream, inputs_.files[2].kind);
}

TEST_F(SourcesTest, NamesFromTheWebStayInTheirFolder) {
  EXPECT_THAT(FindAsGiven({"http://host/..%2F..%2Fevil.jpg", "http://host/%00%0Ax.jpg", "http://host/.jpg",
                           "http://host/" + std::string(300, 'a') + ".jpg"}),
              ElementsAre("__x.jpg", "evil.jpg", "_.jpg", std::string(96, 'a') + ".jpg"));
}

TEST_F(SourcesTest, WhatIsNoSourceIsAUsageError) {
  for (const char* source : {"screen", "screen 0 100 100 512 256", "ftp://host/a.jpg", "https://youtu.be/x",
                             "https://www.youtube.com/watch?v=x"}) {
    EXPECT_EQ(ExitCode::kUsage, CodeAsGiven({source})) << source;
    EXPECT_THAT(message_, HasSubstr("cannot read from")) << source;
  }
  EXPECT_EQ(ExitCode::kNoInput, CodeAsGiven({"screens/a.jpg"}));
}

TEST_F(SourcesTest, ABadAddressInAListIsAnUnusableInput) {
  Make("a.jpg");
  Make("list.txt", At("a.jpg").string() + "\nftp://me:secret@host/b.jpg\n");
  EXPECT_THAT(Find({"list.txt"}), ElementsAre("a.jpg", "ftp://host/b.jpg"));
  EXPECT_THAT(inputs_.files[1].unusable, HasSubstr("addresses begin with"));
  EXPECT_THAT(inputs_.files[1].unusable, Not(HasSubstr("secret")));
}

class DownloadTest : public SourcesTest {
 protected:
  void SetUp() override { ::setenv("no_proxy", "*", 1); }  // a proxy would not find our loopback server

  std::string Url(const std::string& target) const { return server_.Url(target); }
  void Fetch() {
    FetchInputs(
        inputs_.files,
        [](const std::string& url, AtomicFile& file) { return http::Client().Download(url, file); }, root_,
        [this](const std::string& line) { said_.push_back(line); });
  }

  std::vector<std::string> said_;
  test::LoopbackServer server_{[](const test::LoopbackServer::Request& request) {
    if (!request.target.starts_with("/good")) return test::Respond("404 Not Found", "no");
    return test::Respond("200 OK", "picture " + request.target);
  }};
};

TEST_F(DownloadTest, DownloadsLieUnderTheirNamesAndFailuresAreUnusable) {
  FindAsGiven({Url("/bad/b.jpg"), Url("/good/1/a.jpg"), Url("/good/2/a.jpg?token=abc"), "rtsp://host/x"});
  Fetch();
  ASSERT_THAT(Names(inputs_.files), ElementsAre("0/b.jpg", "1/a.jpg", "2/a.jpg", "x"));
  EXPECT_THAT(inputs_.files[0].unusable, HasSubstr("404"));
  EXPECT_EQ("picture /good/1/a.jpg", test::ReadText(inputs_.files[1].path));
  EXPECT_EQ("picture /good/2/a.jpg?token=abc", test::ReadText(inputs_.files[2].path));
  EXPECT_EQ("", inputs_.files[3].unusable);
  EXPECT_THAT(said_, ElementsAre("downloading " + Url("/bad/b.jpg"), "downloading " + Url("/good/1/a.jpg"),
                                 "downloading " + Url("/good/2/a.jpg")));
}

TEST_F(DownloadTest, WhereNothingCouldBeDownloadedTheReasonEndsTheRun) {
  FindAsGiven({Url("/bad/b.jpg")});
  try {
    Fetch();
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(ExitCode::kNoInput, error.code());
    EXPECT_THAT(error.message(), HasSubstr(Url("/bad/b.jpg")));
  }
}

TEST_F(SourcesTest, PartsHoldEachInputOnceAndDoNotDependOnOrder) {
  constexpr std::int64_t kParts = 4;
  constexpr std::size_t kFiles = 400;
  std::vector<Input> all;
  for (std::size_t i = 0; i < kFiles; ++i) {
    const std::string name = "img_" + std::to_string(1000 + i) + ".jpg";
    all.push_back({.path = At(name), .key = name});
  }
  std::vector<std::string> found;
  for (std::int64_t part = 0; part < kParts; ++part) {
    const std::vector<std::string> names = Names(Shard(all, part, kParts));
    EXPECT_GT(names.size(), kFiles / kParts / 2) << "parts are of about one size";
    EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
    found.insert(found.end(), names.begin(), names.end());

    std::vector<Input> others(all.rbegin(), all.rend());
    others.resize(kFiles / 2);  // the first half went away
    for (const Input& input : Shard(others, part, kParts)) {
      EXPECT_THAT(names, ::testing::Contains(input.path.filename().string()));
    }
  }
  std::sort(found.begin(), found.end());
  EXPECT_EQ(Names(all), found);
}

// Computed by another program. Jobs of two versions of Roost may work on one set of parts.
TEST_F(SourcesTest, ThePartOfAnInputIsTheSameForEver) {
  for (const auto& [key, part] : std::vector<std::pair<const char*, int>>{
           {"bus.jpg", 507}, {"zidane.jpg", 580}, {"x/a.jpg", 315}, {"имя.jpg", 311}}) {
    EXPECT_EQ(1u, Shard({{.path = Path("/in") / key}}, part, 1000).size()) << key;
  }
}

TEST_F(SourcesTest, InputsThatShareALabelFileAreInOnePart) {
  const std::vector<Input> inputs = {{.path = "/in/a.jpg", .key = "a.jpg"},
                                     {.path = "/other/a.png", .key = "x/a.png"}};
  constexpr int kParts = 1000;
  for (int part = 0; part < kParts; ++part) EXPECT_NE(1U, Shard(inputs, part, kParts).size());
}

TEST_F(SourcesTest, KeysDoNotDependOnWhereASourceLies) {
  for (const char* sandbox : {"dir_1/", "dir_2/"}) {
    const std::string at = sandbox;
    for (const char* name : {"in/x/a.jpg", "in/b.jpg"}) Make(at + name);
    const auto keys = [&](const std::vector<std::string>& sources) {
      Find(sources);
      std::vector<std::string> all;
      for (const Input& input : inputs_.files) all.push_back(input.key);
      return all;
    };
    options_.recursive = true;
    EXPECT_THAT(keys({at + "in"}), ElementsAre("b.jpg", "x/a.jpg"));
    EXPECT_THAT(keys({at + "in/*/*.jpg"}), ElementsAre("x/a.jpg"));
  }
}

// What the reference does with such sources is recorded in odd_inputs.json.
TEST_F(SourcesTest, TakesTheFilesThatTheReferenceTakes) {
  ROOST_NEEDS_REFERENCE();
  const Path odd = fs::canonical(*test::ReferenceDir() / "images" / "odd");
  const Path before = fs::current_path();
  fs::current_path(odd);  // list.txt names files of its own folder
  const auto names = [&](const std::string& source) {
    std::vector<std::string> found;
    for (const Input& input : FindInputs({source}).files) found.push_back(input.path.filename());
    return found;
  };
  EXPECT_THAT(names("list.txt"), ElementsAre("gray.jpg", "rgba.png"));
  EXPECT_THAT(names(odd / "exif*.jpg"), ElementsAre("exif3.jpg", "exif5.jpg", "exif6.jpg", "exif8.jpg"));
  EXPECT_THAT(names("name with spaces.jpg"), ElementsAre("name with spaces.jpg"));
  EXPECT_THAT(names(odd.parent_path() / "video"),
              ElementsAre("clip12.avi", "clip12.mp4", "empty.mp4", "truncated.mp4"));
  const std::vector<std::string> all = names(odd);
  EXPECT_THAT(all, Not(::testing::Contains("noext_jpeg")));
  EXPECT_EQ("still.gif", all.back()) << "videos come last";
  fs::current_path(before);
}

}  // namespace
}  // namespace roost::yolo

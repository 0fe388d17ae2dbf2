// The program itself, with real files and processes.

#include <csignal>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "roost/base/digest.h"
#include "roost/base/text.h"
#include "support/support.h"

namespace roost::upload {
namespace {

namespace fs = std::filesystem;
using test::CommandResult;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// Relative path -> SHA-256 of every file below `folder`.
std::map<std::string, std::string> DigestsBelow(const Path& folder) {
  std::map<std::string, std::string> digests;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    digests[fs::relative(entry.path(), folder).string()] =
        DigestOfFile(DigestKind::kSha256, entry.path()).value();
  }
  return digests;
}

bool IsPart(const Path& path) { return path.extension() == ".part"; }

class YoloUploadTest : public ::testing::Test {
 protected:
  void Make(const std::string& path, const std::string& text) {
    fs::create_directories((root() / path).parent_path());
    test::WriteFile(root() / path, text);
  }

  /// A tree as yolo-detect leaves it.
  void MakeResults(const std::string& folder = "runs/exp") {
    Make(folder + "/bus.jpg", std::string(300'000, 'b'));
    Make(folder + "/a name with 'quotes' and \xC3\xA9.jpg", "picture");
    Make(folder + "/empty.jpg", "");
    Make(folder + "/labels/bus.txt", "5 0.5 0.5 0.9 0.9\n");
  }

  CommandResult Upload(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), test::Program("yolo-upload").string());
    return test::RunCommand(arguments, root());
  }

  Subprocess StartUpload(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), test::Program("yolo-upload").string());
    ProcessOptions options;
    options.argv = std::move(arguments);
    options.working_directory = root();
    options.error = root() / "stderr";
    auto process = Subprocess::Start(options);
    if (!process) throw process.error();
    return std::move(*process);
  }

  /// A source file that takes a second or more to copy although it needs no room here.
  void MakeEndless(const std::string& path) {
    Make(path, "");
    fs::resize_file(root() / path, std::uintmax_t{8} << 30);
  }

  /// Waits until more than a megabyte of a file is at the destination, under a temporary name.
  bool WaitForPart() {
    return test::WaitUntil([&] {
      if (!fs::exists(root() / "out")) return false;
      std::error_code error;  // files come and go while we look
      for (fs::recursive_directory_iterator entry(root() / "out", error), end; !error && entry != end;
           entry.increment(error)) {
        std::error_code vanished;
        const auto size = entry->file_size(vanished);
        if (!vanished && IsPart(entry->path()) && size > 1 << 20) return true;
      }
      return false;
    });
  }

  std::vector<Path> Parts() {
    std::vector<Path> parts;
    for (const auto& entry : fs::recursive_directory_iterator(root() / "out")) {
      if (IsPart(entry.path())) parts.push_back(entry.path());
    }
    return parts;
  }

  Path root() const { return folder_.path(); }

  TemporaryDirectory folder_;
};

TEST_F(YoloUploadTest, CopiesATreeAndPrintsItsManifest) {
  MakeResults();
  const auto run = Upload({"runs/exp", "--to", "folder:out"});
  EXPECT_EQ(0, run.status.value) << run.err;
  EXPECT_EQ(DigestsBelow(root() / "runs"), DigestsBelow(root() / "out"));

  std::map<std::string, std::string> listed;
  for (const std::string& line : Split(Trim(run.out), '\n')) {
    const auto fields = Split(line, '\t');
    ASSERT_EQ(4u, fields.size()) << line;
    EXPECT_EQ("sent", fields[3]);
    EXPECT_EQ(std::to_string(fs::file_size(root() / "runs" / fields[2])), fields[1]);
    listed[fields[2]] = fields[0];
  }
  EXPECT_EQ(DigestsBelow(root() / "runs"), listed);
  EXPECT_THAT(run.err, HasSubstr("sent 4 files"));
}

TEST_F(YoloUploadTest, ARerunSkipsWhatIsThereAndReplacesWhatChanged) {
  MakeResults();
  ASSERT_EQ(0, Upload({"runs/exp", "--to", "folder:out"}).status.value);
  const auto before = fs::last_write_time(root() / "out/exp/bus.jpg");
  Make("runs/exp/labels/bus.txt", "0 0.5 0.5 0.9 0.9\n");  // same size, other digest
  Make("out/exp/of somebody else", "stays");

  const auto run = Upload({"runs/exp", "--to", "folder:out"});
  EXPECT_EQ(0, run.status.value) << run.err;
  EXPECT_THAT(run.out, HasSubstr("exp/labels/bus.txt\treplaced\n"));
  EXPECT_THAT(run.out, HasSubstr("exp/bus.jpg\tskipped\n"));
  EXPECT_THAT(run.err, AllOf(HasSubstr("sent 1 file "), HasSubstr("3 already there")));
  EXPECT_EQ("0 0.5 0.5 0.9 0.9\n", test::ReadText(root() / "out/exp/labels/bus.txt"));
  EXPECT_EQ(before, fs::last_write_time(root() / "out/exp/bus.jpg"));
  EXPECT_EQ("stays", test::ReadText(root() / "out/exp/of somebody else"));
}

TEST_F(YoloUploadTest, NeedsNoHomeAndNoEnvironment) {
  MakeResults();
  const auto run = test::RunCommand(
      {"/usr/bin/env", "-i", test::Program("yolo-upload").string(), "runs/exp", "--to", "folder:out"},
      root());
  EXPECT_EQ(0, run.status.value) << run.err;
  EXPECT_EQ(4u, DigestsBelow(root() / "out").size());
}

TEST_F(YoloUploadTest, WritesTheManifestFileOnlyWhereAsked) {
  MakeResults();
  ASSERT_EQ(0, Upload({"runs/exp", "--to", "folder:out"}).status.value);
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(root())) names.insert(entry.path().filename());
  EXPECT_THAT(names, ElementsAre("out", "runs"));

  const auto run = Upload({"runs/exp", "--to", "folder:out", "--manifest", "runs/exp/sent.jsonl", "--json"});
  EXPECT_EQ(0, run.status.value) << run.err;
  EXPECT_EQ(run.out, test::ReadText(root() / "runs/exp/sent.jsonl"));
  EXPECT_FALSE(fs::exists(root() / "out/exp/sent.jsonl"));
  for (const std::string& line : Split(Trim(run.out), '\n')) {
    const auto object = nlohmann::json::parse(line);
    EXPECT_EQ("skipped", object["outcome"]);
    EXPECT_EQ("folder:" + (root() / "out").string(), object["destination"]);
  }
}

TEST_F(YoloUploadTest, ADryRunWritesNothing) {
  MakeResults();
  const auto run =
      Upload({"runs/exp", "--to", "folder:out", "--dry-run", "--manifest", "m", "--delete-after-verify"});
  EXPECT_EQ(0, run.status.value) << run.err;
  EXPECT_THAT(run.out, HasSubstr("exp/bus.jpg\twould-send\n"));
  EXPECT_FALSE(fs::exists(root() / "out"));
  EXPECT_FALSE(fs::exists(root() / "m"));
  EXPECT_EQ(4u, DigestsBelow(root() / "runs").size());
}

TEST_F(YoloUploadTest, DeletesOnlyWhatWasVerified) {
  MakeResults();
  const auto digests = DigestsBelow(root() / "runs");
  Make("out/exp/bus.jpg/in the way", "a folder where a file should go");
  const auto run = Upload({"runs/exp", "--to", "folder:out", "--delete-after-verify"});
  EXPECT_EQ(73, run.status.value) << run.err;
  EXPECT_THAT(run.err, HasSubstr("bus.jpg"));
  EXPECT_TRUE(fs::exists(root() / "runs/exp/bus.jpg"));
  EXPECT_EQ(1u, DigestsBelow(root() / "runs").size());

  fs::remove_all(root() / "out/exp/bus.jpg");
  EXPECT_EQ(0, Upload({"runs/exp", "--to", "folder:out", "--delete-after-verify"}).status.value);
  EXPECT_THAT(DigestsBelow(root() / "runs"), IsEmpty());
  EXPECT_EQ(digests, DigestsBelow(root() / "out"));
}

TEST_F(YoloUploadTest, NeverDeletesTheOnlyCopy) {
  MakeResults();
  fs::create_directory(root() / "out");
  fs::create_directory_symlink(root() / "runs/exp/labels", root() / "out/labels");
  const auto run = Upload({"runs/exp/", "--to", "folder:out", "--delete-after-verify"});
  EXPECT_EQ(0, run.status.value) << run.err;
  EXPECT_EQ("5 0.5 0.5 0.9 0.9\n", test::ReadText(root() / "runs/exp/labels/bus.txt"));
  EXPECT_THAT(run.err, HasSubstr("is the file at the destination itself"));
}

TEST_F(YoloUploadTest, AFollowedLinkIsDeletedNotWhatItPointsTo) {
  Make("pictures/bus.jpg", "bus");
  fs::create_directories(root() / "exp");
  fs::create_symlink("../pictures/bus.jpg", root() / "exp/bus.jpg");
  const auto run = Upload({"exp", "--to", "folder:out", "--delete-after-verify"});
  EXPECT_EQ(0, run.status.value) << run.err;
  EXPECT_EQ("bus", test::ReadText(root() / "out/exp/bus.jpg"));
  EXPECT_FALSE(fs::is_symlink(root() / "out/exp/bus.jpg"));
  EXPECT_FALSE(fs::exists(fs::symlink_status(root() / "exp/bus.jpg")));
  EXPECT_EQ("bus", test::ReadText(root() / "pictures/bus.jpg"));
}

TEST_F(YoloUploadTest, ReplacesALinkAtTheDestinationAndNotItsTarget) {
  MakeResults();
  Make("precious", "mine");
  fs::create_directories(root() / "out/exp");
  fs::create_symlink(root() / "precious", root() / "out/exp/bus.jpg");
  EXPECT_EQ(0, Upload({"runs/exp", "--to", "folder:out"}).status.value);
  EXPECT_EQ("mine", test::ReadText(root() / "precious"));
  EXPECT_EQ(DigestsBelow(root() / "runs"), DigestsBelow(root() / "out"));
}

TEST_F(YoloUploadTest, UnreadableSourcesAreNamedAndTheRestIsSent) {
  MakeResults();
  fs::create_symlink("nowhere", root() / "runs/exp/dangling.jpg");
  Make("runs/exp/private.jpg", "secret");
  Make("runs/exp/closed/x.jpg", "x");
  fs::permissions(root() / "runs/exp/private.jpg", fs::perms::none);
  fs::permissions(root() / "runs/exp/closed", fs::perms::none);
  // Root may read everything: run as somebody else, with a copy of the program where that user can reach it.
  fs::create_directory(root() / "out");
  fs::copy_file(test::Program("yolo-upload"), root() / "program");
  fs::permissions(root(), fs::perms::all);
  fs::permissions(root() / "out", fs::perms::all);
  std::vector<std::string> command = {(root() / "program").string(), "runs/exp", "--to", "folder:out"};
  if (::geteuid() == 0) {
    const std::vector<std::string> as_nobody = {"setpriv", "--reuid=65534", "--regid=65534",
                                                "--clear-groups"};
    command.insert(command.begin(), as_nobody.begin(), as_nobody.end());
  }
  const auto run = test::RunCommand(command, root());
  fs::permissions(root() / "runs/exp/closed", fs::perms::owner_all);
  EXPECT_EQ(3, run.status.value) << run.err;
  EXPECT_THAT(run.err, AllOf(HasSubstr("private.jpg"), HasSubstr("dangling.jpg"), HasSubstr("closed")));
  EXPECT_THAT(run.err, AllOf(HasSubstr("sent 4 files"), HasSubstr("3 failed")));
  EXPECT_EQ(4u, DigestsBelow(root() / "out").size());
}

TEST_F(YoloUploadTest, ADestinationWithoutRightToWriteIsAQuestionOfPermission) {
  MakeResults();
  fs::copy_file(test::Program("yolo-upload"), root() / "program");
  fs::create_directory(root() / "out");
  fs::permissions(root() / "out", fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_exec);
  fs::permissions(root(), fs::perms::all);
  std::vector<std::string> command = {(root() / "program").string(), "runs/exp", "--to", "folder:out"};
  if (::geteuid() == 0) {
    const std::vector<std::string> as_nobody = {"setpriv", "--reuid=65534", "--regid=65534",
                                                "--clear-groups"};
    command.insert(command.begin(), as_nobody.begin(), as_nobody.end());
  }
  const auto run = test::RunCommand(command, root());
  EXPECT_EQ(77, run.status.value) << run.err;
  EXPECT_THAT(run.err, HasSubstr((root() / "out").string()));
}

TEST_F(YoloUploadTest, AFullDiskEndsTheRunAndLeavesNoPart) {
  MakeResults();
  Make("runs/exp/big.jpg", std::string(2 << 20, 'x'));
  fs::create_directory(root() / "out");
  // A mount namespace of its own: the small disk goes away with the command, whatever happens.
  const std::string script =
      "mount -t tmpfs -o size=1m none out 2>/dev/null || exit 99; '" + test::Program("yolo-upload").string() +
      "' runs/exp --to folder:out --delete-after-verify; code=$?; find out -type f >found; exit $code";
  const auto run =
      test::RunCommand({"unshare", "--map-root-user", "--mount", "/bin/sh", "-c", script}, root());
  if (run.status.value == 99 || run.err.find("unshare failed") != std::string::npos) {
    GTEST_SKIP() << "needs the right to mount a small tmpfs";
  }
  EXPECT_EQ(73, run.status.value) << run.err;
  EXPECT_THAT(run.err,
              AllOf(HasSubstr("big.jpg"), HasSubstr("No space left on device"), HasSubstr("not sent")));
  EXPECT_THAT(test::ReadText(root() / "found"), Not(HasSubstr(".part")));
  EXPECT_TRUE(fs::exists(root() / "runs/exp/big.jpg"));
  EXPECT_TRUE(fs::exists(root() / "runs/exp/labels/bus.txt")) << "not sent, and deleted all the same";
}

TEST_F(YoloUploadTest, AKilledRunIsCompletedByTheNextWhichCleansUp) {
  MakeResults();
  MakeEndless("runs/exp/c.mp4");
  Subprocess killed = StartUpload({"runs/exp", "--to", "folder:out"});
  ASSERT_TRUE(WaitForPart());
  ASSERT_TRUE(killed.Signal(SIGKILL));
  ASSERT_EQ(SIGKILL, killed.Wait().value);
  EXPECT_FALSE(fs::exists(root() / "out/exp/c.mp4")) << "half a file under its real name";
  ASSERT_EQ(1u, Parts().size());

  fs::resize_file(root() / "runs/exp/c.mp4",
                  3 << 20);  // the rest of eight gigabytes would prove nothing more
  const auto run = Upload({"runs/exp", "--to", "folder:out"});
  EXPECT_EQ(0, run.status.value) << run.err;
  EXPECT_EQ(DigestsBelow(root() / "runs"), DigestsBelow(root() / "out"));
  EXPECT_THAT(run.out, HasSubstr("exp/bus.jpg\tskipped\n"));
}

TEST_F(YoloUploadTest, ASignalEndsTheRunCleanly) {
  MakeResults();
  MakeEndless("runs/exp/c.mp4");
  Subprocess stopped = StartUpload({"runs/exp", "--to", "folder:out", "--delete-after-verify"});
  ASSERT_TRUE(WaitForPart());
  ASSERT_TRUE(stopped.Signal(SIGTERM));
  const ExitStatus status = stopped.Wait();
  EXPECT_FALSE(status.signaled);
  EXPECT_EQ(128 + SIGTERM, status.value);
  EXPECT_THAT(Parts(), IsEmpty());
  EXPECT_TRUE(fs::exists(root() / "runs/exp/c.mp4"));
  EXPECT_THAT(test::ReadText(root() / "stderr"),
              AllOf(HasSubstr("not sent"), HasSubstr("stopped by signal 15")));
}

TEST_F(YoloUploadTest, TwoRunsAtOnceBothSucceed) {
  for (int i = 0; i < 40; ++i)
    Make("runs/exp/" + std::to_string(i) + ".jpg", std::string(200'000, static_cast<char>(i)));
  Subprocess one = StartUpload({"runs/exp", "--to", "folder:out"});
  Subprocess two = StartUpload({"runs/exp", "--to", "folder:out"});
  EXPECT_EQ(0, one.Wait().value);
  EXPECT_EQ(0, two.Wait().value);
  EXPECT_EQ(DigestsBelow(root() / "runs"), DigestsBelow(root() / "out"));
}

TEST_F(YoloUploadTest, IncludeAndExcludeMayStandBeforeTheSource) {
  MakeResults();
  const auto run = Upload(
      {"--include", "*.jpg", "--include", "labels", "--exclude", "empty*", "runs/exp", "--to", "folder:out"});
  EXPECT_EQ(0, run.status.value) << run.err;
  EXPECT_EQ(3u, DigestsBelow(root() / "out").size());
  EXPECT_FALSE(fs::exists(root() / "out/exp/empty.jpg"));
}

TEST_F(YoloUploadTest, QuietSaysNothingButTheManifest) {
  MakeResults();
  const auto run = Upload({"runs/exp", "--to", "folder:out", "--quiet"});
  EXPECT_EQ(0, run.status.value);
  EXPECT_THAT(run.err, IsEmpty());
  EXPECT_THAT(run.out, HasSubstr("exp/bus.jpg\tsent\n"));
}

TEST_F(YoloUploadTest, WrongUsageAndMissingSourcesSendNothing) {
  MakeResults();
  EXPECT_EQ(64, Upload({"runs/exp"}).status.value);
  EXPECT_EQ(64, Upload({"--to", "folder:out"}).status.value);
  EXPECT_EQ(64, Upload({"runs/exp", "--to", "folder:out", "--no-such-flag"}).status.value);
  EXPECT_EQ(64, Upload({"runs/exp", "--to", "drive:abc"}).status.value);
  EXPECT_EQ(64, Upload({"runs/exp", "--to", "folder:runs/exp/out"}).status.value);
  EXPECT_EQ(66, Upload({"runs/exp", "runs/exp2", "--to", "folder:out"}).status.value);
  EXPECT_EQ(73, Upload({"runs/exp/labels", "--to", "folder:runs/exp/bus.jpg/x"}).status.value);
  EXPECT_FALSE(fs::exists(root() / "out"));
  EXPECT_EQ(0, Upload({"--help"}).status.value);
  EXPECT_THAT(Upload({"--version"}).out, HasSubstr("yolo-upload"));
}

TEST_F(YoloUploadTest, AnEmptyValueIsNotTakenForNone) {
  MakeResults();
  for (const std::string flag : {"--to", "--manifest", "--include", "--exclude"}) {
    const auto apart = Upload({"runs/exp", "--to", "folder:out", flag, ""});
    EXPECT_EQ(64, apart.status.value) << flag;
    EXPECT_THAT(apart.err, HasSubstr(flag + " is empty"));
    // Not to be read as "FLAG runs/exp/bus.jpg".
    const auto joined = Upload({flag + "=", "runs/exp/bus.jpg", "runs/exp", "--to", "folder:out"});
    EXPECT_EQ(64, joined.status.value) << flag;
    EXPECT_THAT(joined.err, HasSubstr(flag + " is empty"));
  }
  EXPECT_EQ(64, Upload({"", "--to", "folder:out"}).status.value);
  EXPECT_THAT(Upload({"runs/exp", "", "--to", "folder:out"}).err, HasSubstr("SOURCE is empty"));
  EXPECT_EQ(64, Upload({"runs/exp", "--to", "folder:"}).status.value);
  EXPECT_FALSE(fs::exists(root() / "out"));
  EXPECT_EQ(300'000u, fs::file_size(root() / "runs/exp/bus.jpg"));
}

TEST_F(YoloUploadTest, HalfWrittenFilesStayAndFailNothing) {
  MakeResults();
  Make("runs/exp/.yolo-upload.host.1-2.0.part", "half");
  Make("runs/exp/.bus.another-host.7.0.tmp.jpg", "half");
  const auto run = Upload({"runs/exp", "--to", "folder:out", "--delete-after-verify"});
  EXPECT_EQ(0, run.status.value) << run.err;
  EXPECT_THAT(run.err, HasSubstr("2 half-written left out"));
  EXPECT_EQ(4u, DigestsBelow(root() / "out").size());
  EXPECT_EQ(2u, DigestsBelow(root() / "runs").size());
}

TEST_F(YoloUploadTest, OverlappingSourcesAreNotDeleted) {
  MakeResults();
  const auto run = Upload({"runs/exp", "runs/exp/labels", "--to", "folder:out", "--delete-after-verify"});
  EXPECT_EQ(64, run.status.value) << run.err;
  EXPECT_EQ(4u, DigestsBelow(root() / "runs").size());
  EXPECT_EQ(0, Upload({"runs/exp", "runs/exp/labels", "--to", "folder:out"}).status.value);
  EXPECT_TRUE(fs::exists(root() / "out/labels/bus.txt"));
}

TEST_F(YoloUploadTest, WarnsOfAnIncludeThatMatchesNothing) {
  MakeResults();
  const auto run = Upload({"runs/exp", "--to", "folder:out", "--include", "*.zzz"});
  EXPECT_EQ(0, run.status.value);
  EXPECT_THAT(run.err, HasSubstr("no file matches --include '*.zzz'"));
}

TEST_F(YoloUploadTest, TheManifestHasTheSizeThatWasRead) {
  if (!fs::is_regular_file("/proc/version")) GTEST_SKIP() << "needs /proc";
  const auto run = Upload({"/proc/version", "--to", "folder:out"});
  EXPECT_EQ(0, run.status.value) << run.err;
  EXPECT_EQ(std::to_string(fs::file_size(root() / "out/version")), Split(run.out, '\t').at(1));
  EXPECT_NE("0", Split(run.out, '\t').at(1));
}

TEST_F(YoloUploadTest, AManifestThatCannotBePrintedIsNotSuccess) {
  MakeResults();
  const auto run = test::RunCommand(
      {"/bin/sh", "-c",
       "'" + test::Program("yolo-upload").string() + "' runs/exp --to folder:out >/dev/full"},
      root());
  EXPECT_EQ(73, run.status.value) << run.err;
}

}  // namespace
}  // namespace roost::upload

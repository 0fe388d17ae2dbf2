#include "upload/transfer.h"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"

namespace roost::upload {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A destination in memory that refuses what the test tells it to.
class FakeRemote final : public Remote {
 public:
  std::map<std::string, std::string> files;
  std::set<std::string> refused;       ///< these only
  std::optional<std::string> full_at;  ///< this one and everything after
  bool opened = false;

  std::string Name() const override { return "fake:"; }
  void CheckSource(const SourceRoot&) const override {}
  void Open() override { opened = true; }
  void RemoveLeftovers(const std::string& folder) override { cleaned.push_back(folder); }

  Result<std::optional<Held>> Find(const SourceFile& file) override {
    const auto it = files.find(file.path);
    if (it == files.end()) return std::optional<Held>();
    return std::optional(Held{.size = it->second.size()});
  }

  Result<bool> Matches(const std::string& path, SourceReader& source, Proof proof) override {
    proofs.push_back(proof);
    const auto digest = source.Sha256();
    if (!digest) return digest.error();
    return *digest == DigestOf(DigestKind::kSha256, files.at(path));
  }

  Result<void> Put(const std::string& path, SourceReader& source, const Moved& moved) override {
    if (full_at == path) throw Error("disk full", ExitCode::kCannotCreate);
    if (refused.contains(path)) return Error("refused '" + path + "'", ExitCode::kPermission);
    source.Rewind().value();
    std::string content;
    std::string piece(4, '\0');
    while (const std::size_t n = source.Read(piece).value()) {
      content.append(piece, 0, n);
      if (!moved(n)) return Error("stopped", ExitCode::kTryAgain);
    }
    files[path] = content;
    return {};
  }

  std::vector<std::string> cleaned;
  std::vector<Proof> proofs;  ///< asked for
};

class RecordingReporter final : public TransferReporter {
 public:
  void Started(std::uint64_t, std::uint64_t) override {}
  void Moved(const std::string&, std::uint64_t) override {}
  void Settled(const Record& record) override {
    lines.push_back(record.path + " " + std::string(ToString(record.outcome)));
  }
  void Problem(const std::string& text) override { problems.push_back(text); }
  void Finished(const Totals& what) override { totals = what; }

  std::vector<std::string> lines;
  std::vector<std::string> problems;
  Totals totals;
};

class TransferTest : public ::testing::Test {
 protected:
  void Make(const std::string& path, const std::string& text) {
    fs::create_directories((source() / path).parent_path());
    test::WriteFile(source() / path, text);
  }

  ExitCode Run(TransferOptions options = {}) {
    const SourceTree tree = ListSources({{source(), ""}}, {}, {});
    return Transfer(
               remote_, reporter_, nullptr, clock_, [this] { return stop_; }, options)
        .Run(tree);
  }

  Path source() const { return folder_.path() / "exp"; }

  TemporaryDirectory folder_;
  test::FakeClock clock_;
  FakeRemote remote_;
  RecordingReporter reporter_;
  bool stop_ = false;
};

TEST_F(TransferTest, SendsWhatIsMissingReplacesWhatDiffersSkipsWhatIsEqual) {
  Make("equal", "same");
  Make("differs", "new!");
  Make("missing", "more");
  remote_.files = {{"equal", "same"}, {"differs", "old!"}, {"unrelated", "stays"}};
  EXPECT_EQ(ExitCode::kOk, Run());
  EXPECT_THAT(reporter_.lines, ElementsAre("differs replaced", "equal skipped", "missing sent"));
  EXPECT_EQ("new!", remote_.files["differs"]);
  EXPECT_EQ("stays", remote_.files["unrelated"]);
  EXPECT_EQ(8u, reporter_.totals.bytes_sent);
}

TEST_F(TransferTest, ADryRunChangesNothing) {
  Make("differs", "new!");
  Make("missing", "more");
  remote_.files = {{"differs", "old!"}};
  EXPECT_EQ(ExitCode::kOk, Run({.dry_run = true, .delete_after_verify = true}));
  EXPECT_THAT(reporter_.lines, ElementsAre("differs would-replace", "missing would-send"));
  EXPECT_EQ(1u, remote_.files.size());
  EXPECT_FALSE(remote_.opened);
  EXPECT_THAT(remote_.cleaned, IsEmpty());
  EXPECT_TRUE(fs::exists(source() / "missing"));
}

TEST_F(TransferTest, WhatIsThereMustBeOnDiskBeforeTheSourceGoes) {
  Make("equal", "same");
  remote_.files = {{"equal", "same"}};
  Run();
  Run({.dry_run = true, .delete_after_verify = true});
  EXPECT_THAT(remote_.proofs, ElementsAre(Proof::kAsSeen, Proof::kAsSeen));
  EXPECT_TRUE(fs::exists(source() / "equal"));

  Run({.delete_after_verify = true});
  EXPECT_EQ(Proof::kOnDisk, remote_.proofs.back());
  EXPECT_FALSE(fs::exists(source() / "equal"));
}

TEST_F(TransferTest, OneRefusedFileDoesNotStopTheOthersAndIsNotDeleted) {
  Make("a", "1");
  Make("b", "2");
  Make("c", "3");
  remote_.refused = {"b"};
  EXPECT_EQ(ExitCode::kPermission, Run({.delete_after_verify = true}));
  EXPECT_THAT(reporter_.lines, ElementsAre("a sent", "b failed", "c sent"));
  EXPECT_FALSE(fs::exists(source() / "a"));
  EXPECT_TRUE(fs::exists(source() / "b"));
  EXPECT_FALSE(fs::exists(source() / "c"));
  EXPECT_EQ(2u, reporter_.totals.deleted);
}

TEST_F(TransferTest, AFullDestinationEndsTheRunAndSaysWhatIsLeft) {
  Make("a", "1");
  Make("b", "2");
  Make("c", "3");
  remote_.full_at = "b";
  EXPECT_THROW(Run({.delete_after_verify = true}), Error);
  EXPECT_THAT(reporter_.lines, ElementsAre("a sent"));
  EXPECT_EQ(2u, reporter_.totals.left);
  EXPECT_TRUE(fs::exists(source() / "b"));
  EXPECT_TRUE(fs::exists(source() / "c"));
}

TEST_F(TransferTest, AStopInTheMiddleOfAFileKeepsItAtTheSource) {
  Make("a", "12345678");
  stop_ = false;
  const SourceTree tree = ListSources({{source(), ""}}, {}, {});
  int asked = 0;
  Transfer transfer(remote_, reporter_, nullptr, clock_, [&] { return ++asked > 2; },
                    {.delete_after_verify = true});
  EXPECT_EQ(ExitCode::kTryAgain, transfer.Run(tree));
  EXPECT_THAT(remote_.files, IsEmpty());
  EXPECT_TRUE(fs::exists(source() / "a"));
  EXPECT_EQ(1u, reporter_.totals.left);
}

TEST_F(TransferTest, AFileThatVanishedIsNamedAndTheRestGoesOn) {
  Make("a", "1");
  Make("b", "2");
  const SourceTree tree = ListSources({{source(), ""}}, {}, {});
  fs::remove(source() / "a");
  EXPECT_EQ(ExitCode::kSomeUnusable,
            Transfer(remote_, reporter_, nullptr, clock_, [] { return false; }, {}).Run(tree));
  EXPECT_THAT(reporter_.lines, ElementsAre("a failed", "b sent"));
}

TEST_F(TransferTest, AFileThatChangedAfterItWasSentIsNotDeleted) {
  Make("a", "old");
  Make("b", "old");
  // Rewrites "a" as soon as it has been recorded as sent.
  class Meddler final : public TransferReporter {
   public:
    explicit Meddler(Path path) : path_(std::move(path)) {}
    void Started(std::uint64_t, std::uint64_t) override {}
    void Moved(const std::string&, std::uint64_t) override {}
    void Settled(const Record& record) override {
      if (record.path == "a") test::WriteFile(path_, "new content");
    }
    void Problem(const std::string& text) override { problem = text; }
    void Finished(const Totals&) override {}
    std::string problem;

   private:
    Path path_;
  } meddler(source() / "a");
  const SourceTree tree = ListSources({{source(), ""}}, {}, {});
  EXPECT_EQ(ExitCode::kSomeUnusable,
            Transfer(remote_, meddler, nullptr, clock_, [] { return false; }, {.delete_after_verify = true})
                .Run(tree));
  EXPECT_EQ("new content", test::ReadText(source() / "a"));
  EXPECT_FALSE(fs::exists(source() / "b"));
  EXPECT_THAT(meddler.problem, HasSubstr("changed after it was sent"));
}

TEST_F(TransferTest, LooksForLeftoversOnceInEveryFolderItWritesTo) {
  Make("a", "1");
  Make("b", "2");
  Make("labels/a", "3");
  Run();
  EXPECT_THAT(remote_.cleaned, testing::UnorderedElementsAre("", "labels"));
}

TEST_F(TransferTest, AManifestThatCannotBeWrittenStopsBeforeAnythingIsDeleted) {
  Make("a", "1");
  Make("b", "2");
  ManifestFile manifest("/dev/full");
  const SourceTree tree = ListSources({{source(), ""}}, {}, {});
  Transfer transfer(remote_, reporter_, &manifest, clock_, [] { return false; },
                    {.delete_after_verify = true});
  EXPECT_THROW(transfer.Run(tree), Error);
  EXPECT_TRUE(fs::exists(source() / "a"));
  EXPECT_TRUE(fs::exists(source() / "b"));
}

}  // namespace
}  // namespace roost::upload

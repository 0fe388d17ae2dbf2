#include "dag/text/text_cases.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "roost/dag/event_log.h"
#include "support/support.h"

namespace roost::test {
namespace {

std::vector<Path> FilesIn(const Path& folder, const std::string& extension) {
  std::vector<Path> files;
  for (const auto& entry : std::filesystem::directory_iterator(SourceDir() / "tests/cases/dag" / folder)) {
    if (entry.path().extension() == extension) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

dag::SubmitContext ContextIn(const Path& directory) {
  dag::SubmitContext context;
  context.cluster = 12;
  context.node = "A";
  context.directory = directory;
  context.before = {{"JOB", "A"}, {"RETRY", "0"}};
  context.environment = {"HOME=/home/user", "PATH=/usr/bin:/bin", "ROOST_CASE=from env", "ROOST_SECRET_KEY=x",
                         "ROOST_OTHER=2"};
  return context;
}

TEST(DagCases, EachFileIsReadAsItsExpectFileSays) {
  const std::vector<Path> files = FilesIn("parse", ".dag");
  ASSERT_GT(files.size(), 10U);
  for (const Path& file : files) {
    SCOPED_TRACE(file.filename().string());
    dag::DagOptions options;
    options.read = [&](const Path& named) -> Result<std::string> {  // whatever folder it is said to be in
      const Path beside = file.parent_path() / named.filename();
      if (!std::filesystem::exists(beside)) return Error("cannot open '" + named.string() + "'");
      return ReadFile(beside);
    };
    ExpectLikeCase(file, Dump(dag::ParseDag(ReadText(file), "x.dag", options)));
  }
}

TEST(SubmitCases, EachFileIsReadAsItsExpectFileSays) {
  const std::vector<Path> files = FilesIn("submit", ".sub");
  ASSERT_GT(files.size(), 20U);
  for (const Path& file : files) {
    SCOPED_TRACE(file.filename().string());
    const Path directory = file.parent_path();
    ExpectLikeCase(file, Dump(dag::ExpandSubmit(ReadText(file), "x.sub", ContextIn(directory)), directory));
  }
}

/// Some bytes replaced, removed, doubled: what editors, networks and disks do to files.
std::string Damaged(std::string text, std::mt19937& random) {
  constexpr std::string_view kBytes = "()[]{}$\"'\\=:@+-%*,|\n\r\t\0 #9a\xFF";
  for (unsigned times = 1 + random() % 6; times > 0 && !text.empty(); --times) {
    const std::size_t at = random() % text.size();
    switch (random() % 4) {
      case 0:
        text[at] = kBytes[random() % kBytes.size()];
        break;
      case 1:
        text.erase(at, 1 + random() % 20);
        break;
      case 2:
        text.insert(at, text.substr(random() % text.size(), random() % 40));
        break;
      default:
        text.insert(at, 1, kBytes[random() % kBytes.size()]);
        break;
    }
  }
  return text;
}

TEST(DamagedTexts, AreReportedAndNeverBringTheParsersDown) {
  constexpr unsigned kSeed = 20261121;
  std::mt19937 random(kSeed);
  const TemporaryDirectory empty;  // includes, item files and patterns find nothing here
  std::vector<std::string> texts;
  for (const Path& file : FilesIn("parse", ".dag")) texts.push_back(ReadText(file));
  for (const Path& file : FilesIn("submit", ".sub")) {
    const std::string text = ReadText(file);
    if (text.find('|') == std::string::npos && text.find("command") == std::string::npos)
      texts.push_back(text);
  }
  for (int round = 0; round < 40; ++round) {
    for (const std::string& text : texts) {
      const std::string damaged = Damaged(text, random);
      if (damaged.find('|') != std::string::npos) continue;  // would run whatever stands there
      const dag::DagParse parse = dag::ParseDag(damaged, "x.dag");
      for (dag::NodeIndex node = 0; node < parse.dag.end(); ++node)
        EXPECT_EQ(parse.dag.Find(parse.dag.At(node).name), node) << "seed " << kSeed << ":\n" << damaged;
      const dag::Submission submission = dag::ExpandSubmit(damaged, "x.sub", ContextIn(empty.path()));
      EXPECT_TRUE(!submission.jobs.empty() || dag::HasErrors(submission.faults)) << "seed " << kSeed << ":\n"
                                                                                 << damaged;
      dag::ParseEvents(damaged, [](const dag::JobEvent&) {});
    }
  }
}

}  // namespace
}  // namespace roost::test

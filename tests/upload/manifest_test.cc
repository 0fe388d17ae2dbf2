#include "upload/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "roost/base/text.h"
#include "support/support.h"

namespace roost::upload {
namespace {

Record Sent(const std::string& path) {
  return {.path = path,
          .source = "/runs/" + path,
          .destination = "folder:/mnt/archive",
          .outcome = Outcome::kSent,
          .size = 7,
          .mtime_ns = 1'700'000'000'123'456'789,
          .sha256 = "ab12"};
}

TEST(Manifest, ATextLineHasFourFieldsWhateverTheNameIs) {
  EXPECT_EQ("ab12\t7\texp/bus.jpg\tsent\n", TextLine(Sent("exp/bus.jpg")));
  EXPECT_EQ("ab12\t7\ta\\tb\\nc\\\\d\\x1B e\tsent\n", TextLine(Sent("a\tb\nc\\d\033 e")));
  EXPECT_EQ("ab12\t7\tcaf\\xE9.jpg\tsent\n", TextLine(Sent("caf\xE9.jpg"))) << "Latin-1";
  EXPECT_EQ("ab12\t7\tcaf\xC3\xA9\xC2\xA0.jpg\tsent\n", TextLine(Sent("caf\xC3\xA9\xC2\xA0.jpg")));
  EXPECT_EQ("ab12\t7\t\\xC2\\x9B2J\tsent\n", TextLine(Sent("\xC2\x9B"
                                                           "2J")))
      << "clears a terminal";
  EXPECT_EQ("ab12\t7\tx\\xF0\\x9F\tsent\n", TextLine(Sent("x\xF0\x9F"))) << "half a character";
  Record failed = Sent("x");
  failed.outcome = Outcome::kFailed;
  failed.sha256.clear();
  EXPECT_EQ("-\t7\tx\tfailed\n", TextLine(failed));
}

TEST(Manifest, AJsonLineIsOneObjectThatKeepsTheNumbersExact) {
  const std::string line = JsonLine(Sent("a \"quoted\"\nname"));
  EXPECT_EQ(line.size() - 1, line.find('\n'));
  const auto object = nlohmann::json::parse(line);
  EXPECT_EQ("a \"quoted\"\nname", object["path"]);
  EXPECT_EQ("sent", object["outcome"]);
  EXPECT_EQ(1'700'000'000'123'456'789, object["mtime_ns"].get<std::int64_t>());
  EXPECT_EQ("folder:/mnt/archive", object["destination"]);
  EXPECT_FALSE(object.contains("error"));
}

TEST(Manifest, ANameThatIsNotUtf8StillGivesValidJson) {
  EXPECT_NO_THROW({ const auto object = nlohmann::json::parse(JsonLine(Sent("caf\xE9.jpg"))); });
}

TEST(Manifest, ARerunAppendsAfterALineThatAKilledWriterLeftUnfinished) {
  const TemporaryDirectory folder;
  const Path path = folder.path() / "sent.jsonl";
  test::WriteFile(path, JsonLine(Sent("a")) + R"({"path":"b","outc)");
  ASSERT_TRUE(ManifestFile(path).Append(Sent("c")).ok());

  const auto lines = Split(test::ReadText(path), '\n');
  ASSERT_EQ(4u, lines.size());  // a, the torn line, c, and nothing after the last line end
  EXPECT_EQ("c", nlohmann::json::parse(lines[2])["path"]);
}

}  // namespace
}  // namespace roost::upload

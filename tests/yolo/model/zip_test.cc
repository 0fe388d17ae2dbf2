#include "yolo/model/zip.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/error.h"
#include "yolo/model/forged_checkpoint.h"

namespace roost::yolo {
namespace {

using test::Zip;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// The archive on bytes that outlive it.
ZipArchive Open(const std::string& file) { return ZipArchive({std::as_bytes(std::span(file)), nullptr}); }

std::string ReadEntry(const ZipArchive& zip, std::string_view name) {
  const auto* entry = zip.Find(name);
  if (entry == nullptr) return "(absent)";
  const SharedBytes content = zip.Read(*entry);
  return {reinterpret_cast<const char*>(content.bytes.data()), content.bytes.size()};
}

/// What opening and reading the one entry "a" says.
auto ReadingFailsWith(const std::string& file, const std::string& message) {
  EXPECT_THAT(([&] { ReadEntry(Open(file), "a"); }), ThrowsMessage<Error>(HasSubstr(message)));
}

TEST(ZipTest, ReadsStoredAndDeflatedEntries) {
  const std::string text(10'000, 'x');
  const std::string file = Zip({{.name = "dir/stored", .content = "abc"},
                                {.name = "deflated", .content = text, .deflate = true},
                                {.name = "empty", .content = ""}});
  const ZipArchive zip = Open(file);
  EXPECT_EQ("abc", ReadEntry(zip, "dir/stored"));
  EXPECT_EQ(text, ReadEntry(zip, "deflated"));
  EXPECT_EQ("", ReadEntry(zip, "empty"));
  EXPECT_EQ(nullptr, zip.Find("stored"));
}

TEST(ZipTest, StoredEntriesAreViewsOfTheFile) {
  const std::string file = Zip({{.name = "a", .content = "abc"}});
  const ZipArchive zip = Open(file);
  const auto* data = reinterpret_cast<const char*>(zip.Read(*zip.Find("a")).bytes.data());
  EXPECT_GE(data, file.data());
  EXPECT_LT(data, file.data() + file.size());
}

TEST(ZipTest, TakesSizesFromTheDirectoryWhenADescriptorFollowsTheData) {
  const std::string file = Zip({{.name = "a", .content = "first", .like_torch = true},
                                {.name = "b", .content = "second", .like_torch = true}});
  const ZipArchive zip = Open(file);
  EXPECT_EQ("first", ReadEntry(zip, "a"));
  EXPECT_EQ("second", ReadEntry(zip, "b"));
}

TEST(ZipTest, ReadsZip64Archives) {
  const std::string file = Zip({{.name = "a", .content = "abc"}}, true);
  EXPECT_EQ("abc", ReadEntry(Open(file), "a"));
}

TEST(ZipTest, IgnoresACommentAtTheEnd) {
  std::string file = Zip({{.name = "a", .content = "abc"}});
  file[file.size() - 2] = 5;
  EXPECT_EQ("abc", ReadEntry(Open(file + "hello"), "a"));
}

TEST(ZipTest, RefusesDamagedData) {
  ReadingFailsWith(Zip({{.name = "a", .content = "abc", .crc_error = 1}}), "checksum does not match");
  std::string file = Zip({{.name = "a", .content = std::string(1000, 'x'), .deflate = true}});
  file[31] = '\xff';  // first byte of the data
  ReadingFailsWith(file, "damaged");
}

TEST(ZipTest, RefusesTwoEntriesOfOneName) {
  ReadingFailsWith(Zip({{.name = "a", .content = "1"}, {.name = "a", .content = "2"}}), "'a' is there twice");
}

TEST(ZipTest, RefusesEncryptionAndUnknownMethods) {
  ReadingFailsWith(Zip({{.name = "a", .content = "abc", .flags = 1}}), "is encrypted");
  ReadingFailsWith(Zip({{.name = "a", .content = "abc", .method = 14}}), "method 14");
}

TEST(ZipTest, RefusesSizesThatCannotBe) {
  ReadingFailsWith(Zip({{.name = "a", .content = "abc", .declared_size = 2}}), "two sizes");
  ReadingFailsWith(Zip({{.name = "a", .content = "abc", .declared_size = 0x7fffffff}}), "would inflate to");
  ReadingFailsWith(Zip({{.name = "a", .content = "abc", .deflate = true, .declared_size = 1'000'000}}),
                   "damaged");
  // Cut by one byte less than the end record needs.
  const std::string file = Zip({{.name = "a", .content = "abc"}});
  ReadingFailsWith(file.substr(0, file.size() - 1), "cut off");
}

TEST(ZipTest, RefusesABombWithoutInflatingIt) {
  const std::string zeros(70 << 20, '\0');
  const std::string bomb = Zip({{.name = "a", .content = zeros, .deflate = true}});
  ASSERT_LT(bomb.size(), 200'000U);
  ReadingFailsWith(bomb, "would inflate to");
}

TEST(ZipTest, EveryTruncationAndEveryChangedByteIsAnErrorOrHarmless) {
  const std::string file = Zip({{.name = "a", .content = "abc", .like_torch = true},
                                {.name = "b", .content = std::string(100, 'x'), .deflate = true}},
                               true);
  const auto read_all = [](const std::string& bytes) {
    try {
      const ZipArchive zip = Open(bytes);
      for (const auto& entry : zip.entries()) zip.Read(entry);
    } catch (const Error& error) {
      EXPECT_EQ(ExitCode::kBadData, error.code()) << error.message();
    }
  };
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_THROW(Open(file.substr(0, size)), Error) << size;
  }
  for (std::size_t i = 0; i < file.size(); ++i) {
    for (const char value : {'\x00', '\x01', '\x7f', '\xff'}) {
      std::string changed = file;
      changed[i] = value;
      read_all(changed);
    }
  }
}

}  // namespace
}  // namespace roost::yolo

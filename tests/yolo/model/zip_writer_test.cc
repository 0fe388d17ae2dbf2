#include "yolo/model/zip_writer.h"

#include <span>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/support.h"
#include "yolo/model/zip.h"

namespace roost::yolo {
namespace {

using Contents = std::vector<std::pair<std::string, std::string>>;

std::string Archive(const Contents& contents, ZipWriter::Limits limits = {}) {
  std::string archive;
  ZipWriter zip([&](std::string_view bytes) { archive += bytes; }, limits);
  for (const auto& [name, content] : contents) zip.Add(name, std::as_bytes(std::span(content)));
  zip.Finish();
  return archive;
}

SharedBytes BytesOf(const std::string& archive) { return {std::as_bytes(std::span(archive)), nullptr}; }

std::string TextOf(const SharedBytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.bytes.data()), bytes.bytes.size()};
}

void ExpectReadsBack(const Contents& contents, const std::string& archive) {
  const ZipArchive zip(BytesOf(archive));
  ASSERT_EQ(contents.size(), zip.entries().size());
  for (const auto& [name, content] : contents) {
    const ZipArchive::Entry* entry = zip.Find(name);
    ASSERT_NE(nullptr, entry) << name;
    const SharedBytes read = zip.Read(*entry);  // tests the checksum, too
    EXPECT_EQ(content, TextOf(read));
    EXPECT_EQ(0, (read.bytes.data() - reinterpret_cast<const std::byte*>(archive.data())) % 64) << name;
  }
}

const Contents& Some() {
  static const Contents contents = {{"archive/data.pkl", "a pickle"},
                                    {"archive/data/0", std::string(1000, 'w')},
                                    {"archive/data/1", ""},
                                    {"archive/data/10", std::string(64, '\0')},
                                    {"archive/version", "3\n"}};
  return contents;
}

TEST(ZipWriterTest, EntriesReadBackAndBeginAtMultiplesOf64) { ExpectReadsBack(Some(), Archive(Some())); }

TEST(ZipWriterTest, AnArchiveOfNothingIsAnArchive) { ExpectReadsBack({}, Archive({})); }

TEST(ZipWriterTest, SizesAndPositionsBeyondTheLimitsAreZip64) {
  EXPECT_EQ(std::string::npos, Archive(Some()).find("PK\x06\x06"));
  for (const std::uint64_t limit : {64, 100, 1000, 1200}) {
    SCOPED_TRACE(limit);
    const std::string archive = Archive(Some(), {.bytes = limit});
    EXPECT_NE(std::string::npos, archive.find("PK\x06\x06"));
    ExpectReadsBack(Some(), archive);
  }
}

TEST(ZipWriterTest, MoreEntriesThanSixteenBitsCountAreZip64) {
  Contents contents;
  for (int i = 0; i < 65'535; ++i) contents.emplace_back(std::to_string(i), "");
  const std::string archive = Archive(contents);
  EXPECT_NE(std::string::npos, archive.find("PK\x06\x06"));
  EXPECT_EQ(contents.size(), ZipArchive(BytesOf(archive)).entries().size());
}

// Somebody else's idea of the format.
TEST(ZipWriterTest, UnzipOfPythonFindsNoFault) {
  const TemporaryDirectory folder;
  for (const std::uint64_t limit : {std::uint64_t{0xFFFF'FFFF}, std::uint64_t{100}}) {
    const Path file = folder.path() / ("archive-" + std::to_string(limit) + ".zip");
    test::WriteFile(file, Archive(Some(), {.bytes = limit}));
    const auto run = test::RunCommand({"/usr/bin/env", "python3", "-m", "zipfile", "-t", file});
    if (run.status.value == 127) GTEST_SKIP() << "needs python3";
    EXPECT_EQ(0, run.status.value) << run.out << run.err;
    EXPECT_EQ(std::string::npos, run.out.find("corrupt")) << run.out;
  }
}

}  // namespace
}  // namespace roost::yolo

#include "roost/base/digest.h"

#include <gtest/gtest.h>

#include "support/support.h"

namespace roost {
namespace {

// Values of FIPS 180-2 and RFC 1321.
TEST(Digest, MatchesThePublishedTestVectors) {
  EXPECT_EQ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            DigestOf(DigestKind::kSha256, "abc"));
  EXPECT_EQ("900150983cd24fb0d6963f7d28e17f72", DigestOf(DigestKind::kMd5, "abc"));
}

TEST(Digest, OfAFileIsThatOfItsBytes) {
  const TemporaryDirectory folder;
  const std::string bytes(1'000'000, 'x');
  test::WriteFile(folder.path() / "f", bytes);
  EXPECT_EQ(DigestOf(DigestKind::kSha256, bytes), *DigestOfFile(DigestKind::kSha256, folder.path() / "f"));
}

TEST(Digest, OfAMissingFileNamesTheFile) {
  const auto digest = DigestOfFile(DigestKind::kMd5, "/nonexistent/f");
  ASSERT_FALSE(digest.ok());
  EXPECT_NE(std::string::npos, digest.error().message().find("/nonexistent/f"));
  EXPECT_EQ(ExitCode::kNoInput, digest.error().code());
}

}  // namespace
}  // namespace roost

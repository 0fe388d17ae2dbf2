#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "roost/base/error.h"
#include "roost/base/files.h"

namespace roost {

enum class DigestKind { kSha256, kMd5 };

/// A digest computed piece by piece.
class Digest {
 public:
  explicit Digest(DigestKind kind);
  ~Digest();
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;

  void Update(std::string_view bytes);
  /// Lower-case hexadecimal. Call once.
  std::string Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string DigestOf(DigestKind kind, std::string_view bytes);

/// Reads the file in pieces: memory does not grow with its size.
Result<std::string> DigestOfFile(DigestKind kind, const Path& path);

}  // namespace roost

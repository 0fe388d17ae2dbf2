#include "roost/base/digest.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

namespace roost {

struct Digest::Context {
  EVP_MD_CTX* md = EVP_MD_CTX_new();
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(md); }
};

Digest::Digest(DigestKind kind) : context_(std::make_unique<Context>()) {
  const EVP_MD* algorithm = kind == DigestKind::kSha256 ? EVP_sha256() : EVP_md5();
  if (context_->md == nullptr || EVP_DigestInit_ex(context_->md, algorithm, nullptr) != 1) {
    throw Error("this machine's OpenSSL cannot compute " +
                std::string(kind == DigestKind::kSha256 ? "SHA-256" : "MD5") + " digests");
  }
}

Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

void Digest::Update(std::string_view bytes) {
  ROOST_CHECK(EVP_DigestUpdate(context_->md, bytes.data(), bytes.size()) == 1, "updating a digest");
}

std::string Digest::Finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> value{};
  unsigned size = 0;
  ROOST_CHECK(EVP_DigestFinal_ex(context_->md, value.data(), &size) == 1, "finishing a digest");
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex.push_back(kDigits[value[i] >> 4]);
    hex.push_back(kDigits[value[i] & 15]);
  }
  return hex;
}

std::string DigestOf(DigestKind kind, std::string_view bytes) {
  Digest digest(kind);
  digest.Update(bytes);
  return digest.Finish();
}

Result<std::string> DigestOfFile(DigestKind kind, const Path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return ErrnoError(errno, "open", path);
  Digest digest(kind);
  std::string buffer(std::size_t{256} * 1024, '\0');
  while (true) {
    const ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(errno, "read", path);
    if (n == 0) return digest.Finish();
    digest.Update(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
  }
}

}  // namespace roost

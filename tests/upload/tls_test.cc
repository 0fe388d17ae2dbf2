// Who is on the other side is always checked. The server is openssl's own.

#include <csignal>
#include <cstdlib>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "roost/base/process.h"
#include "roost/base/text.h"
#include "roost/upload/http.h"
#include "support/support.h"

namespace roost::http {
namespace {

using ::testing::HasSubstr;

class TlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("no_proxy", "*", 1);
    if (test::RunCommand({"/bin/sh", "-c", "command -v openssl"}).status.value != 0) {
      GTEST_SKIP() << "needs the openssl program";
    }
  }

  void TearDown() override {
    if (!server_) return;
    server_->Signal(SIGKILL);
    server_->Wait();
  }

  /// Serves "index.html" under a certificate for `name` ("IP:127.0.0.1") that no authority has signed.
  void Serve(const std::string& name) {
    const auto made =
        test::RunCommand({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                          "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj",
                          "/CN=test", "-addext", "subjectAltName=" + name},
                         folder_.path());
    ASSERT_EQ(0, made.status.value) << made.err;
    test::WriteFile(folder_.path() / "index.html", "content");
    ProcessOptions options;
    options.argv = {"openssl", "s_server", "-WWW", "-accept", "127.0.0.1:0",
                    "-cert",   "cert.pem", "-key", "key.pem"};
    options.working_directory = folder_.path();
    options.output = folder_.path() / "said";
    auto process = Subprocess::Start(options);
    ASSERT_TRUE(process.ok()) << process.error().message();
    server_ = std::move(*process);
    // "ACCEPT 127.0.0.1:40123"
    ASSERT_TRUE(test::WaitUntil([&] {
      const std::string said = test::ReadText(folder_.path() / "said");
      const auto line = said.find("ACCEPT ");
      const auto end = line == std::string::npos ? line : said.find('\n', line);
      if (end == std::string::npos) return false;
      port_ = said.substr(said.rfind(':', end) + 1, end - said.rfind(':', end) - 1);
      return true;
    }));
  }

  Result<Response> Get(const Path& ca_bundle) {
    ClientOptions options;
    options.ca_bundle = ca_bundle;
    Request request;
    request.url = "https://127.0.0.1:" + port_ + "/index.html";
    return Client(options).Send(request);
  }

  TemporaryDirectory folder_;
  std::optional<Subprocess> server_;
  std::string port_;
};

TEST_F(TlsTest, AnUnknownAuthorityIsRefused) {
  ASSERT_NO_FATAL_FAILURE(Serve("IP:127.0.0.1"));
  const auto response = Get({});
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(ExitCode::kPermission, response.error().code());
  EXPECT_THAT(response.error().message(), HasSubstr("not trusted"));
  EXPECT_THAT(response.error().hint(), HasSubstr("CURL_CA_BUNDLE"));
}

TEST_F(TlsTest, AnAuthorityThatTheUserNamesIsTrusted) {
  ASSERT_NO_FATAL_FAILURE(Serve("IP:127.0.0.1"));
  const auto response = Get(folder_.path() / "cert.pem");
  ASSERT_TRUE(response.ok()) << response.error().message();
  EXPECT_EQ("content", response->body);
}

TEST_F(TlsTest, ACertificateForAnotherHostIsRefused) {
  ASSERT_NO_FATAL_FAILURE(Serve("DNS:other.example"));
  const auto response = Get(folder_.path() / "cert.pem");
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(ExitCode::kPermission, response.error().code());
}

}  // namespace
}  // namespace roost::http

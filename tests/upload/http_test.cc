#include "roost/upload/http.h"

#include <cstdlib>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "roost/base/digest.h"
#include "support/support.h"
#include "upload/loopback_server.h"

namespace roost::http {
namespace {

using test::LoopbackServer;
using test::Respond;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Answer = LoopbackServer::Answer;

class HttpTest : public ::testing::Test {
 protected:
  void SetUp() override { ::setenv("no_proxy", "*", 1); }  // a proxy would not find our loopback servers

  Result<Response> Get(const std::string& url) {
    Request request;
    request.url = url;
    return client_.Send(request);
  }

  Result<void> DownloadTo(const Path& path, const std::string& url, const Limits& limits = {}) {
    AtomicFile file(path);
    auto done = client_.Download(url, file, limits);
    if (done.ok()) file.Commit().value();
    return done;
  }

  TemporaryDirectory folder_;
  Client client_;
};

TEST_F(HttpTest, DownloadsALargeFileWhole) {
  std::string body(32 << 20, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 2654435761u >> 13);
  const LoopbackServer server([&](const auto&) { return Respond("200 OK", body); });

  std::uint64_t last = 0;
  std::optional<std::uint64_t> total;
  AtomicFile file(folder_.path() / "weights.pt");
  const auto done = client_.Download(server.Url("/weights.pt"), file, {}, [&](const Progress& progress) {
    last = progress.received;
    total = progress.to_receive;
    return true;
  });
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "weights.pt"))
      << "committing is the caller's decision";
  ASSERT_TRUE(file.Commit().ok());
  EXPECT_EQ(DigestOf(DigestKind::kSha256, body),
            DigestOfFile(DigestKind::kSha256, folder_.path() / "weights.pt").value());
  EXPECT_EQ(body.size(), last);
  EXPECT_EQ(body.size(), total);
}

TEST_F(HttpTest, FollowsRedirectsAndKeepsOnlyTheLastBody) {
  const LoopbackServer server([](const auto& request) {
    if (request.target == "/old") return Respond("302 Found", "moved", "Location: /new?sig=1\r\n");
    return Respond("200 OK", "content");
  });
  ASSERT_TRUE(DownloadTo(folder_.path() / "f", server.Url("/old")).ok());
  EXPECT_EQ("content", test::ReadText(folder_.path() / "f"));
  ASSERT_EQ(2u, server.requests().size());
  EXPECT_EQ("/new?sig=1", server.requests()[1].target);
}

TEST_F(HttpTest, DoesNotSendCredentialsOnToAnotherHost) {
  const LoopbackServer target([](const auto&) { return Respond("200 OK", "content"); });
  const LoopbackServer server([&](const auto&) {
    return Respond("302 Found", "", "Location: http://localhost:" + std::to_string(target.port()) + "/f\r\n");
  });
  Request request;
  request.url = server.Url("/f");
  request.headers = {{"Authorization", "Bearer t0p"}};
  const auto response = client_.Send(request);
  ASSERT_TRUE(response.ok()) << response.error().message();
  EXPECT_THAT(server.requests().at(0).head, HasSubstr("Bearer t0p"));
  EXPECT_THAT(target.requests().at(0).head, Not(HasSubstr("t0p")));
}

TEST_F(HttpTest, GivesUpOnRedirectsThatGoRoundInCircles) {
  const LoopbackServer server([](const auto&) { return Respond("302 Found", "", "Location: /again\r\n"); });
  Request request;
  request.url = server.Url("/");
  request.limits.redirects = 3;
  EXPECT_FALSE(client_.Send(request).ok());
  EXPECT_EQ(4u, server.requests().size());
}

TEST_F(HttpTest, ARedirectCannotLeadToALocalFile) {
  const LoopbackServer server(
      [](const auto&) { return Respond("302 Found", "", "Location: file:///etc/passwd\r\n"); });
  const auto response = Get(server.Url("/"));
  ASSERT_FALSE(response.ok());
  EXPECT_THAT(response.error().message(), HasSubstr("not an http or https address"));
}

TEST_F(HttpTest, ARedirectOfAPutIsAnAnswerAndNotFollowed) {
  const LoopbackServer server([](const auto&) {
    return Respond("308 Resume Incomplete", "", "Range: bytes=0-9\r\nLocation: /other\r\n");
  });
  const auto body = TextBody("0123456789abcdef");
  Request request;
  request.method = "PUT";
  request.url = server.Url("/session");
  request.body = body.get();
  const auto response = client_.Send(request);
  ASSERT_TRUE(response.ok()) << response.error().message();
  EXPECT_EQ(308, response->status);
  EXPECT_EQ("bytes=0-9", response->Find("range"));
  EXPECT_EQ(1u, server.requests().size());
}

TEST_F(HttpTest, ANotFoundFileIsMissingInputAndLeavesNothingBehind) {
  const LoopbackServer server(
      [](const auto&) { return Respond("404 Not Found", "<html>no such file</html>"); });
  const auto done = DownloadTo(folder_.path() / "f", server.Url("/yolov5q.pt?token=s3cret"));
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(ExitCode::kNoInput, done.error().code());
  EXPECT_EQ("cannot download " + server.Url("/yolov5q.pt") + ": the server answered 404 (not found)",
            done.error().message());
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(HttpTest, ABusyServerIsWorthAnotherTry) {
  const LoopbackServer server([](const auto&) { return Respond("503 Service Unavailable", ""); });
  EXPECT_EQ(ExitCode::kTryAgain, DownloadTo(folder_.path() / "f", server.Url("/f")).error().code());
}

TEST_F(HttpTest, ACutConnectionIsAnErrorAndNotAShortFile) {
  const LoopbackServer server(
      [](const auto&) { return Answer{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc"}; });
  const auto done = DownloadTo(folder_.path() / "f", server.Url("/f"));
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(ExitCode::kTryAgain, done.error().code());
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(HttpTest, AStalledTransferIsGivenUp) {
  const LoopbackServer server([](const auto&) {
    return Answer{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc", /*keep_open=*/true};
  });
  Limits limits;
  limits.stall = std::chrono::seconds(1);
  const auto done = DownloadTo(folder_.path() / "f", server.Url("/f"), limits);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(ExitCode::kTryAgain, done.error().code());
}

TEST_F(HttpTest, ABodyOverTheLimitIsRefused) {
  const LoopbackServer server([](const auto&) { return Respond("200 OK", std::string(1001, 'x')); });
  Limits limits;
  limits.body_bytes = 1000;
  const auto done = DownloadTo(folder_.path() / "f", server.Url("/f"), limits);
  ASSERT_FALSE(done.ok());
  EXPECT_THAT(done.error().message(), HasSubstr("larger than 1000 bytes"));
}

TEST_F(HttpTest, NobodyListeningSaysSoWithoutSecrets) {
  // Bound but not listening: connections are refused, and nobody else can take the port.
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(0, ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size));
  ASSERT_EQ(0, ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size));
  const std::string port = std::to_string(ntohs(address.sin_port));

  const auto response = Get("http://user:passw0rd@127.0.0.1:" + port + "/f?X-Signature=abcdef");
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(ExitCode::kTryAgain, response.error().code());
  EXPECT_THAT(response.error().message(), AllOf(HasSubstr("http://127.0.0.1:" + port + "/f"),
                                                Not(HasSubstr("passw0rd")), Not(HasSubstr("abcdef"))));
  EXPECT_THAT(response.error().hint(), HasSubstr("online"));
}

TEST_F(HttpTest, TheCallerCanStopATransfer) {
  const LoopbackServer server([](const auto&) {
    return Answer{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc", /*keep_open=*/true};
  });
  AtomicFile file(folder_.path() / "f");
  const auto done = client_.Download(server.Url("/f"), file, {},
                                     [](const Progress& progress) { return progress.received < 3; });
  ASSERT_FALSE(done.ok());
  EXPECT_THAT(done.error().message(), HasSubstr("stopped"));
}

TEST_F(HttpTest, AnErrorOfTheSinkIsTheErrorOfTheRequest) {
  const LoopbackServer server([](const auto&) { return Respond("200 OK", "content"); });
  Request request;
  request.url = server.Url("/f");
  request.sink = [](std::string_view) -> Result<void> { return Error("disk full", ExitCode::kCannotCreate); };
  const auto response = client_.Send(request);
  ASSERT_FALSE(response.ok());
  EXPECT_EQ("disk full", response.error().message());
}

TEST_F(HttpTest, TheBodyOfAnErrorIsNotTakenForContent) {
  const LoopbackServer server([](const auto&) { return Respond("403 Forbidden", "rateLimitExceeded"); });
  std::string taken;
  Request request;
  request.url = server.Url("/f");
  request.sink = [&](std::string_view bytes) -> Result<void> {
    taken.append(bytes);
    return {};
  };
  const auto response = client_.Send(request);
  ASSERT_TRUE(response.ok());
  EXPECT_EQ("", taken);
  EXPECT_EQ("rateLimitExceeded", response->body);
}

TEST_F(HttpTest, SendsARangeOfAFileWithItsHeaders) {
  test::WriteFile(folder_.path() / "f", "0123456789");
  const LoopbackServer server([](const auto&) { return Respond("201 Created", "{\"id\":7}"); });
  const auto body = FileBody(folder_.path() / "f", 2, 5);
  ASSERT_TRUE(body.ok());
  Request request;
  request.method = "PUT";
  request.url = server.Url("/session?upload_id=1");
  request.headers = {{"Content-Range", "bytes 2-6/10"}};
  request.body = body->get();
  const auto response = client_.Send(request);
  ASSERT_TRUE(response.ok()) << response.error().message();
  EXPECT_EQ(201, response->status);
  EXPECT_EQ("{\"id\":7}", response->body);
  const auto sent = server.requests().at(0);
  EXPECT_EQ("PUT", sent.method);
  EXPECT_EQ("23456", sent.body);
  EXPECT_THAT(sent.head, AllOf(HasSubstr("Content-Range: bytes 2-6/10"), HasSubstr("Content-Length: 5"),
                               Not(HasSubstr("Expect"))));
}

TEST_F(HttpTest, AnEmptyBodyStillHasALength) {
  const LoopbackServer server([](const auto&) { return Respond("200 OK", ""); });
  const auto body = TextBody("");
  Request request;
  request.method = "PUT";
  request.url = server.Url("/session");
  request.body = body.get();
  ASSERT_TRUE(client_.Send(request).ok());
  EXPECT_THAT(server.requests().at(0).head, HasSubstr("Content-Length: 0"));
}

TEST_F(HttpTest, OneClientServesManyRequestsOfDifferentKinds) {
  const LoopbackServer server([](const auto& request) {
    if (request.method == "HEAD")
      return Answer{"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n"};
    return Respond("200 OK", request.method + " " + request.body);
  });
  const auto body = TextBody("x");
  for (const std::string method : {"POST", "HEAD", "GET", "DELETE", "PROPFIND"}) {
    Request request;
    request.method = method;
    request.url = server.Url("/f");
    if (method == "POST" || method == "PROPFIND") request.body = body.get();
    ASSERT_TRUE(body->Seek(0).ok());
    const auto response = client_.Send(request);
    ASSERT_TRUE(response.ok()) << method << ": " << response.error().message();
    if (method == "HEAD") {
      EXPECT_EQ("7", response->Find("Content-Length"));
    } else {
      EXPECT_EQ(method + " " + (request.body != nullptr ? "x" : ""), response->body);
    }
  }
}

TEST_F(HttpTest, RefusesHeadersThatWouldSmuggleOthers) {
  Request request;
  request.url = "http://127.0.0.1/";
  request.headers = {{"X-Name", "a\r\nX-Other: b"}};
  EXPECT_FALSE(client_.Send(request).ok());
}

TEST(DisplayUrl, ShowsNeitherCredentialsNorQuery) {
  EXPECT_EQ("https://h/p", DisplayUrl("https://user:p%40ss@h/p?sig=1#x"));
  EXPECT_EQ("https://h/a@b", DisplayUrl("https://h/a@b"));
  EXPECT_EQ("https://h", DisplayUrl("https://u@x@h"));
  EXPECT_EQ("nonsense", DisplayUrl("nonsense"));
}

}  // namespace
}  // namespace roost::http

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "roost/base/error.h"
#include "roost/base/files.h"

/// A small HTTP client. TLS certificates are always verified; proxies come from the environment as libcurl
/// knows them (https_proxy, http_proxy, all_proxy, no_proxy). Error messages carry host and path of a URL and
/// never its query, user name or password: a query may be a signature.
namespace roost::http {

struct Header {
  std::string name;
  std::string value;
};

/// The bytes of a request body. Read from the start to the end, and again from a given place when the
/// connection broke before the server had read anything or a proxy asked for a second try.
class Body {
 public:
  virtual ~Body() = default;
  virtual std::uint64_t size() const = 0;
  /// Fills the front of `buffer`; 0 at the end.
  virtual Result<std::size_t> Read(std::span<char> buffer) = 0;
  /// The next Read() begins at `offset`, counted from the start of this body.
  virtual Result<void> Seek(std::uint64_t offset) = 0;
};

/// A body held in memory.
std::unique_ptr<Body> TextBody(std::string text);

/// `length` bytes of a file from `offset` on, read as they are sent. An Error where the file cannot be opened
/// or is shorter than that.
Result<std::unique_ptr<Body>> FileBody(const Path& path, std::uint64_t offset, std::uint64_t length);

/// How far a request is. Totals are absent where nobody announced them.
struct Progress {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::optional<std::uint64_t> to_receive;
};

/// What a request may take. A request that exceeds one of these ends with an Error.
struct Limits {
  std::chrono::seconds connect{30};
  /// A transfer that moves fewer than 1000 bytes per second for this long is given up.
  std::chrono::seconds stall{60};
  /// Followed for GET and HEAD only, so that neither a body nor a method is sent to another place; from https
  /// to https only. 0: a redirect is a Response like any other.
  int redirects = 10;
  /// Of a response body, wherever it goes: by default more than any model file, and less than a disk.
  std::uint64_t body_bytes = std::uint64_t{4} << 30;
};

struct Request {
  std::string method = "GET";
  std::string url;
  /// Not sent on when a redirect leads to another host, if the name is Authorization or Cookie.
  std::vector<Header> headers;
  /// Nothing = no body.
  Body* body = nullptr;
  /// Takes the body of a 2xx response as it arrives; an Error ends the request with that Error. Without a
  /// sink the body is in the Response. Bodies of other statuses never reach the sink.
  std::function<Result<void>(std::string_view)> sink;
  /// Called at least once per second; false ends the request ("stopped", ExitCode::kTryAgain).
  std::function<bool(const Progress&)> progress;
  Limits limits;
};

struct Response {
  int status = 0;
  /// Of the last response, after redirects.
  std::vector<Header> headers;
  /// What did not go to a sink; for statuses other than 2xx the first 64 KiB.
  std::string body;

  bool ok() const { return status >= 200 && status < 300; }
  /// Value of the first header of that name (case does not matter), or nothing.
  std::optional<std::string> Find(std::string_view name) const;
};

/// What holds for every request of a Client.
struct ClientOptions {
  std::string user_agent = "roost/" ROOST_VERSION;
  /// CA certificates to trust in place of the system's: a PEM file, or a folder made by c_rehash.
  Path ca_bundle;
  Path ca_directory;
};

/// Defaults, with CA certificates from CURL_CA_BUNDLE, SSL_CERT_FILE and SSL_CERT_DIR where those are set.
ClientOptions OptionsFromEnvironment();

/// Sends requests one at a time and keeps connections open between them. One Client per thread.
class Client {
 public:
  explicit Client(ClientOptions options = OptionsFromEnvironment());
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  /// Every status that a server gives is a Response. An Error means that there was no complete response: its
  /// code is kTryAgain where the same request may succeed later (no network, cut or stalled connection).
  Result<Response> Send(const Request& request);

  /// GET `url` into `file`, which is left uncommitted: check it, then Commit(). A status other than 2xx is an
  /// Error (see StatusError).
  Result<void> Download(const std::string& url, AtomicFile& file, const Limits& limits = {},
                        std::function<bool(const Progress&)> progress = {});

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
  ClientOptions options_;
};

/// "cannot <action> <url>: the server answered 404 (not found)". The code follows from the status: 404 and
/// 410 no input, 401, 403 and 407 permission, 408, 425, 429 and 5xx try again.
Error StatusError(std::string_view action, std::string_view url, int status);

/// `url` as messages may show it: without user, password, query and fragment.
std::string DisplayUrl(std::string_view url);

}  // namespace roost::http

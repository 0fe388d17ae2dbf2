#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <mutex>

#include <curl/curl.h>

#include "roost/base/text.h"
#include "roost/upload/http.h"

namespace roost::http {
namespace {

constexpr std::size_t kErrorBodyBytes = 65536;
constexpr long kStallBytesPerSecond = 1000;

/// libcurl's own process-wide state, made once and kept: curl_global_cleanup() would pull it from under other
/// clients.
void InitializeCurl() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw Error("libcurl cannot be initialised");
  });
}

/// Keeps SIGPIPE away from this thread while libcurl writes to connections that the other side has closed.
/// (libcurl would change the disposition of the whole process, which is no good with several threads.)
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  ~NoSigpipe() {
    const timespec now{0, 0};
    if (!was_pending_) ::sigtimedwait(&sigpipe_, nullptr, &now);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t sigpipe_;
  sigset_t before_;
  bool was_pending_ = false;
};

struct HeaderList {
  curl_slist* list = nullptr;
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() { curl_slist_free_all(list); }
  void Add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
};

/// One request under way: what libcurl's callbacks see. Exceptions must not pass through C code, so callbacks
/// turn them into `failure`.
struct Exchange {
  const Request& request;
  CURL* curl;
  Response response;
  std::uint64_t received = 0;
  std::optional<Error> failure;
  bool stopped = false;

  template <typename Step>
  bool Guard(Step&& step) {
    try {
      Result<void> result = step();
      if (!result.ok()) failure = result.error();
    } catch (const Error& error) {
      failure = error;
    } catch (const std::exception& error) {
      failure = Error(error.what());
    }
    return !failure.has_value();
  }

  Result<void> TakeBody(std::string_view bytes) {
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    response.status = static_cast<int>(status);
    received += bytes.size();
    if (received > request.limits.body_bytes) {
      return Error("the answer of " + DisplayUrl(request.url) + " is larger than " +
                   std::to_string(request.limits.body_bytes) + " bytes");
    }
    if (response.ok() && request.sink) return request.sink(bytes);
    const std::size_t room = response.ok() ? bytes.size() : kErrorBodyBytes - response.body.size();
    response.body.append(bytes.substr(0, room));
    return {};
  }

  void TakeHeader(std::string_view line) {
    if (line.starts_with("HTTP/")) {  // a new response begins: after a redirect or "100 Continue"
      response = {};
      received = 0;
      return;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return;
    response.headers.push_back(
        {std::string(Trim(line.substr(0, colon))), std::string(Trim(line.substr(colon + 1)))});
  }
};

std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view bytes(data, size * count);
  return exchange.Guard([&] { return exchange.TakeBody(bytes); }) ? bytes.size() : 0;
}

std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view line(data, size * count);
  const bool taken = exchange.Guard([&]() -> Result<void> {
    exchange.TakeHeader(line);
    return {};
  });
  return taken ? line.size() : 0;
}

std::size_t OnSend(char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  std::size_t n = 0;
  const bool read = exchange.Guard([&]() -> Result<void> {
    auto got = exchange.request.body->Read(std::span<char>(data, size * count));
    if (!got) return got.error();
    n = *got;
    return {};
  });
  return read ? n : CURL_READFUNC_ABORT;
}

int OnSeek(void* user, curl_off_t offset, int origin) {
  auto& exchange = *static_cast<Exchange*>(user);
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
  return exchange.Guard([&] { return exchange.request.body->Seek(static_cast<std::uint64_t>(offset)); })
             ? CURL_SEEKFUNC_OK
             : CURL_SEEKFUNC_FAIL;
}

int OnProgress(void* user, curl_off_t to_receive, curl_off_t received, curl_off_t /*to_send*/,
               curl_off_t sent) {
  auto& exchange = *static_cast<Exchange*>(user);
  Progress progress;
  progress.sent = static_cast<std::uint64_t>(sent);
  progress.received = static_cast<std::uint64_t>(received);
  if (to_receive > 0) progress.to_receive = static_cast<std::uint64_t>(to_receive);
  const bool going = exchange.Guard([&]() -> Result<void> {
    exchange.stopped = !exchange.request.progress(progress);
    return {};
  });
  return going && !exchange.stopped ? 0 : 1;
}

/// Why libcurl gave up. `detail` is its own sentence, which may be empty.
Error TransportError(const Request& request, CURLcode code, std::string_view detail) {
  const std::string reason = detail.empty() ? curl_easy_strerror(code) : Printable(Trim(detail));
  const std::string message =
      "cannot " + std::string(request.body != nullptr ? "send to " : "fetch ") + DisplayUrl(request.url);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return Error(message + ": " + reason, ExitCode::kTryAgain,
                   "Is this machine online? A proxy is taken from https_proxy and http_proxy.");
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return Error(message + ": " + reason, ExitCode::kTryAgain);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return Error(message + ": the server's certificate is not trusted: " + reason, ExitCode::kPermission,
                   "For a certificate authority of your own, name its PEM file in CURL_CA_BUNDLE or "
                   "SSL_CERT_FILE; is the clock of this machine right?");
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
      return Error(message + ": not an http or https address", ExitCode::kUsage);
    default:
      return Error(message + ": " + reason);
  }
}

bool HasLineBreak(std::string_view text) { return text.find_first_of("\r\n") != std::string_view::npos; }

Path PathFromEnvironment(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

std::string_view MeaningOf(int status) {
  switch (status) {
    case 400:
      return "bad request";
    case 401:
      return "not signed in";
    case 403:
      return "forbidden";
    case 404:
      return "not found";
    case 407:
      return "the proxy wants a sign-in";
    case 408:
      return "timed out";
    case 410:
      return "gone";
    case 429:
      return "too many requests";
    case 500:
      return "internal server error";
    case 502:
      return "bad gateway";
    case 503:
      return "unavailable";
    case 504:
      return "gateway timed out";
    default:
      return {};
  }
}

}  // namespace

struct Client::Handle {
  CURL* curl;
  Handle() {
    InitializeCurl();
    curl = curl_easy_init();
    if (curl == nullptr) throw Error("libcurl cannot make a handle");
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { curl_easy_cleanup(curl); }
};

Client::Client(ClientOptions options) : handle_(std::make_unique<Handle>()), options_(std::move(options)) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Result<Response> Client::Send(const Request& request) {
  CURL* curl = handle_->curl;
  curl_easy_reset(curl);  // keeps connections
  Exchange exchange{.request = request, .curl = curl};
  std::array<char, CURL_ERROR_SIZE> detail{};

  HeaderList headers;
  headers.Add("Expect:");  // no "100-continue": it costs a round trip and many servers do not answer it
  for (const Header& header : request.headers) {
    if (HasLineBreak(header.name) || HasLineBreak(header.value)) {
      return Error("header " + Printable(header.name) + " has a line break in it");
    }
    headers.Add(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  }

  const bool from_https = request.url.starts_with("https:");
  const bool is_get = request.method == "GET";
  const bool is_head = request.method == "HEAD";
  const bool follow = request.limits.redirects > 0 && (is_get || is_head);

  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, from_https ? "https" : "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, follow ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, static_cast<long>(request.limits.redirects));
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.list);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, options_.user_agent.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail.data());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(request.limits.connect.count()));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.limits.stall.count()));
  if (!options_.ca_bundle.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, options_.ca_bundle.c_str());
  if (!options_.ca_directory.empty()) curl_easy_setopt(curl, CURLOPT_CAPATH, options_.ca_directory.c_str());

  if (is_head) {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else if (request.body != nullptr) {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, OnSend);
    curl_easy_setopt(curl, CURLOPT_READDATA, &exchange);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, OnSeek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, &exchange);
  }
  if (!is_head && (!is_get || request.body != nullptr)) {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }

  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
  if (request.progress) {
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, OnProgress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &exchange);
  }

  CURLcode code = CURLE_OK;
  {
    const NoSigpipe guard;
    code = curl_easy_perform(curl);
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_reset(curl);  // forgets the addresses of what ends with this function

  if (exchange.failure) return *exchange.failure;
  if (exchange.stopped) {
    return Error("stopped before " + DisplayUrl(request.url) + " was complete", ExitCode::kTryAgain);
  }
  if (code != CURLE_OK) return TransportError(request, code, detail.data());
  exchange.response.status = static_cast<int>(status);
  return std::move(exchange.response);
}

Result<void> Client::Download(const std::string& url, AtomicFile& file, const Limits& limits,
                              std::function<bool(const Progress&)> progress) {
  Request request;
  request.url = url;
  request.limits = limits;
  request.progress = std::move(progress);
  request.sink = [&file](std::string_view bytes) { return file.Write(bytes); };
  const auto response = Send(request);
  if (!response) return response.error();
  if (!response->ok()) return StatusError("download", url, response->status);
  return {};
}

ClientOptions OptionsFromEnvironment() {
  ClientOptions options;
  options.ca_bundle = PathFromEnvironment({"CURL_CA_BUNDLE", "SSL_CERT_FILE"});
  options.ca_directory = PathFromEnvironment({"SSL_CERT_DIR"});
  return options;
}

std::optional<std::string> Response::Find(std::string_view name) const {
  const auto it = std::find_if(headers.begin(), headers.end(),
                               [&](const Header& header) { return EqualsIgnoreCase(header.name, name); });
  if (it == headers.end()) return std::nullopt;
  return it->value;
}

Error StatusError(std::string_view action, std::string_view url, int status) {
  std::string message = "cannot " + std::string(action) + " " + DisplayUrl(url) + ": the server answered " +
                        std::to_string(status);
  if (const std::string_view meaning = MeaningOf(status); !meaning.empty()) {
    message.append(" (").append(meaning).append(")");
  }
  ExitCode code = ExitCode::kFailed;
  if (status == 404 || status == 410) code = ExitCode::kNoInput;
  if (status == 401 || status == 403 || status == 407) code = ExitCode::kPermission;
  if (status == 408 || status == 425 || status == 429 || status >= 500) code = ExitCode::kTryAgain;
  return Error(std::move(message), code);
}

std::string DisplayUrl(std::string_view url) { return roost::DisplayUrl(url); }

}  // namespace roost::http

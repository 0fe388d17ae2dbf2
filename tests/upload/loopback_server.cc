#include "upload/loopback_server.h"

#include <array>
#include <cstdint>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "roost/base/text.h"

namespace roost::test {
namespace {

/// More bytes, or "" when the other side is done.
std::string Receive(int fd) {
  std::array<char, 65536> buffer{};
  const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
  return n > 0 ? std::string(buffer.data(), static_cast<std::size_t>(n)) : std::string();
}

std::size_t ContentLength(const std::string& head) {
  for (const std::string& line : Split(head, '\n')) {
    if (ToLower(line).starts_with("content-length:")) return std::stoul(line.substr(15));
  }
  return 0;
}

}  // namespace

LoopbackServer::LoopbackServer(std::function<Answer(const Request&)> answer)
    : answer_(std::move(answer)),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_.get(), generic, size) != 0 || ::listen(listener_.get(), 16) != 0 ||
      ::getsockname(listener_.get(), generic, &size) != 0) {
    throw std::runtime_error("no free port on the loopback interface");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Serve(); });
}

LoopbackServer::~LoopbackServer() {
  const std::uint64_t one = 1;
  if (::write(stop_.get(), &one, sizeof one) == sizeof one) thread_.join();
}

std::string LoopbackServer::Url(const std::string& target) const {
  return "http://127.0.0.1:" + std::to_string(port_) + target;
}

std::vector<LoopbackServer::Request> LoopbackServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void LoopbackServer::Serve() {
  while (true) {
    std::array<pollfd, 2> events = {{{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    if (::poll(events.data(), events.size(), -1) < 0) continue;
    if (events[1].revents != 0) return;
    FileDescriptor connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.valid()) ServeOne(std::move(connection));
  }
}

void LoopbackServer::ServeOne(FileDescriptor connection) {
  std::string text;
  std::size_t end_of_head = std::string::npos;
  while ((end_of_head = text.find("\r\n\r\n")) == std::string::npos) {
    const std::string more = Receive(connection.get());
    if (more.empty()) return;
    text += more;
  }
  Request request;
  request.head = text.substr(0, end_of_head);
  request.body = text.substr(end_of_head + 4);
  const auto words = Split(request.head.substr(0, request.head.find('\r')), ' ');
  request.method = words.at(0);
  request.target = words.at(1);
  const std::size_t length = ContentLength(request.head);
  while (request.body.size() < length) {
    const std::string more = Receive(connection.get());
    if (more.empty()) return;
    request.body += more;
  }

  const Answer answer = answer_(request);
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  std::string_view rest = answer.bytes;
  while (!rest.empty()) {
    const ssize_t n = ::send(connection.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  if (answer.keep_open) kept_.push_back(std::move(connection));
}

LoopbackServer::Answer Respond(const std::string& status, const std::string& body,
                               const std::string& extra_headers) {
  return {"HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
          "\r\nConnection: close\r\n" + extra_headers + "\r\n" + body};
}

}  // namespace roost::test

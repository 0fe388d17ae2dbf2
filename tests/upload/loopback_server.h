#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "roost/base/files.h"

namespace roost::test {

/// A server on a free port of the loopback interface, on a thread of its own. Takes one request per
/// connection and answers with exactly the bytes that the test chose, so that it can also be a broken server.
class LoopbackServer {
 public:
  struct Request {
    std::string method;
    std::string target;
    std::string head;  ///< request line and headers
    std::string body;
  };
  struct Answer {
    std::string bytes;       ///< status line, headers, body
    bool keep_open = false;  ///< say nothing more, but do not close either, as long as the server lives
  };

  explicit LoopbackServer(std::function<Answer(const Request&)> answer);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  int port() const { return port_; }
  /// "http://127.0.0.1:PORT" + `target`.
  std::string Url(const std::string& target) const;
  /// Those that have been answered, in order.
  std::vector<Request> requests() const;

 private:
  void Serve();
  void ServeOne(FileDescriptor connection);

  std::function<Answer(const Request&)> answer_;
  FileDescriptor listener_;
  FileDescriptor stop_;  ///< eventfd, written by the destructor
  int port_ = 0;
  std::vector<FileDescriptor> kept_;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;  ///< guarded by `mutex_`
  std::thread thread_;
};

/// A whole response with Content-Length.
LoopbackServer::Answer Respond(const std::string& status, const std::string& body,
                               const std::string& extra_headers = "");

}  // namespace roost::test

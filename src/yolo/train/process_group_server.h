#pragma once

#include <memory>

namespace roost::yolo {

/// The store through which processes find each other, served by whoever starts them: they cannot race for a
/// port. It lives as long as this object.
class RendezvousServer {
 public:
  /// `port` 0: any that is free. Throws Error (cannot create).
  explicit RendezvousServer(int port = 0);
  ~RendezvousServer();
  RendezvousServer(const RendezvousServer&) = delete;
  RendezvousServer& operator=(const RendezvousServer&) = delete;

  int port() const;

 private:
  struct Store;
  std::unique_ptr<Store> store_;
};

}  // namespace roost::yolo

#include "yolo/train/process_group_server.h"

#include <cstdint>
#include <exception>
#include <string>

#ifdef USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif

#include "roost/base/error.h"

namespace roost::yolo {

#ifdef USE_C10D_GLOO

struct RendezvousServer::Store {
  c10::intrusive_ptr<c10d::TCPStore> tcp;
};

RendezvousServer::RendezvousServer(int port) : store_(std::make_unique<Store>()) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(port);
  options.isServer = true;
  options.waitWorkers = false;
  try {
    store_->tcp = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
  } catch (const std::exception& error) {
    throw Error("cannot serve the processes at port " + std::to_string(port) + ": " + error.what(),
                ExitCode::kCannotCreate);
  }
}

int RendezvousServer::port() const { return store_->tcp->getPort(); }

#else

struct RendezvousServer::Store {};
RendezvousServer::RendezvousServer(int /*port*/) {
  throw Error("this build cannot train in several processes: it was made without gloo", ExitCode::kFailed,
              "Install libgloo-dev and build again.");
}
int RendezvousServer::port() const { return 0; }

#endif

RendezvousServer::~RendezvousServer() = default;

}  // namespace roost::yolo

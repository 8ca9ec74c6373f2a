#pragma once
// HTTP/1.1 server: one I/O thread of Asio coroutines for all connections, a small pool of worker
// threads for handlers, which block on the database. Bodies live in wiped memory. A faulty request
// (too large, too slow, malformed) is answered with the router's JSON error before the connection
// closes, because the official CLI reports success after a dropped connection. The sharing between
// clients is described in connection.h and limits.h.
//
// A server has any number of listening sockets (listening_socket.h). With a certificate it speaks
// TLS at addresses, and always plain HTTP at paths.
//
// Threads: run() blocks its caller; any other thread may call stop(), reload() and run_soon().
// stop() stops accepting, wakes parked requests, and waits at most `grace` for the other requests.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control-plane/http/counters.h"
#include "control-plane/http/listening_socket.h"
#include "control-plane/http/router.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

struct ServerOptions {
  // PEM chain; empty: plain HTTP, for loopback only
  std::string tls_certificate_file = {};
  std::string tls_key_file = {};
  bool allow_plain_http = false;  // on an address that is not loopback
  int worker_threads = 4;
  int max_connections = 4096;
  std::chrono::seconds request_timeout{30};  // to receive a request, and to write its answer
  std::chrono::seconds idle_timeout{75};
  std::chrono::seconds stranger_timeout = limits::kStrangerTime;  // for both, of a stranger
  std::chrono::seconds grace{10};
};

class Server {
 public:
  // Reads the certificate. ErrorCode::invalid for plain HTTP at a socket that the network reaches.
  static Result<std::unique_ptr<Server>> make(ServerOptions options,
                                              std::vector<ListeningSocket> sockets,
                                              const Router& router, const Log& log,
                                              HttpCounters& counters);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  // Serves until stop(). An error if it ended without stop().
  Result<void> run();
  void stop();
  // Runs the function on the I/O thread.
  void run_soon(std::function<void()> function);
  // Reads certificate and key again, for new connections; open connections continue. If the files
  // cannot be used, the error is logged and the old certificate stays.
  void reload();

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace agent_secrets::control_plane

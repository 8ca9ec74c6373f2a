#pragma once
// HTTP on loopback for probes and scrapers: GET and HEAD of the pages of status_pages.h. There is
// no authentication, so the server listens on loopback only and accepts only requests whose `Host`
// is an address or "localhost". Bounded: 16 connections, small requests, three seconds for each. A
// further connection closes the connection that has waited longest. No other file of this program
// uses Beast.
//
// Threads: run() blocks its caller until stop(), which any thread may call; the pages function runs
// on the thread of run().

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "sidecar/status_pages.h"

namespace agent_secrets::sidecar {

class StatusServer {
 public:
  using Pages = std::function<Page(std::string_view path)>;

  // "127.0.0.1:PORT" or "[::1]:PORT" (port 0: any free one). Binds at once, so a port in use is an
  // error here.
  static Result<std::unique_ptr<StatusServer>> bind(std::string_view address, Pages pages);
  ~StatusServer();
  [[nodiscard]] std::uint16_t port() const;
  void run();
  void stop();

 private:
  struct Impl;
  explicit StatusServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace agent_secrets::sidecar

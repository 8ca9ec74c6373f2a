#pragma once
// Tells the service manager what this process does, by the datagrams of sd_notify(3): that it is
// ready, reloads, stops, and is alive (the watchdog). Nothing is sent without NOTIFY_SOCKET, which
// a service manager sets.
//
// The messages follow Type=notify and Type=notify-reload of systemd.service(5). The protocol is a
// few lines of text in one datagram, so libsystemd is not needed.
//
// Threads: safe from several after construction; no state changes.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets::control_plane {

class ServiceManager {
 public:
  // Reads and wipes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, so that no child process speaks
  // for this one. Call it once, before there are threads. ErrorCode::invalid for an address that
  // cannot be used.
  static Result<ServiceManager> from_environment();
  ServiceManager() = default;

  void ready(std::string_view status) const;
  void reloading() const;  // ready() follows
  void stopping() const;
  void alive() const;
  // How often to call alive(); absent: the service manager does not watch this process.
  [[nodiscard]] std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }

 private:
  void send(std::string_view message) const;

  UniqueFd socket_;  // connected
  std::optional<std::chrono::microseconds> watchdog_;
};

}  // namespace agent_secrets::control_plane

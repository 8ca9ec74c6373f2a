#include "control-plane/service_manager.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/limits.h"
#include "core/printable.h"

namespace agent_secrets::control_plane {
namespace {

std::string take_variable(const char* name) {
  // NOLINTBEGIN(concurrency-mt-unsafe): called before there is another thread
  const char* value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  (void)::unsetenv(name);
  // NOLINTEND(concurrency-mt-unsafe)
  return text;
}

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const char* end = std::to_address(text.end());
  const auto [rest, error] = std::from_chars(std::to_address(text.begin()), end, number);
  if (text.empty() || error != std::errc() || rest != end || number <= 0) return std::nullopt;
  return number;
}

// sd_watchdog_enabled(3): without WATCHDOG_PID, every process of the service is meant. Half of the
// time leaves room for a message that comes late.
std::optional<std::chrono::microseconds> take_watchdog() {
  const auto time = number_of(take_variable("WATCHDOG_USEC"));
  const std::string process = take_variable("WATCHDOG_PID");
  if (!time || (!process.empty() && number_of(process) != ::getpid())) return std::nullopt;
  return std::chrono::microseconds(std::max<std::int64_t>(*time / 2, 1));
}

// A path, or a name in the abstract namespace that is written with a leading '@'.
Result<UniqueFd> connect_to(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const bool is_usable = (name.starts_with('/') || name.starts_with('@')) && name.size() > 1 &&
                         name.size() < sizeof(address.sun_path);
  if (!is_usable) {
    return fail(ErrorCode::invalid, "NOTIFY_SOCKET: not the address of a Unix socket",
                "the service manager sets it; unset it elsewhere");
  }
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name.starts_with('@')) address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const timeval at_most{.tv_sec = limits::kNotifyTime / std::chrono::seconds(1), .tv_usec = 0};
  if (!socket.is_open() ||
      ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &at_most, sizeof(at_most)) != 0 ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    return fail(ErrorCode::failed, "connect to NOTIFY_SOCKET: " + errno_message(errno),
                "the service manager sets it; unset it elsewhere");
  }
  return socket;
}

std::int64_t monotonic_microseconds() {
  timespec now{};
  (void)::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

}  // namespace

Result<ServiceManager> ServiceManager::from_environment() {
  ServiceManager manager;
  manager.watchdog_ = take_watchdog();
  const std::string name = take_variable("NOTIFY_SOCKET");
  if (name.empty()) {
    manager.watchdog_.reset();
    return manager;
  }
  auto socket = connect_to(name);
  if (!socket) return propagate(socket);
  manager.socket_ = std::move(*socket);
  return manager;
}

void ServiceManager::ready(std::string_view status) const {
  send(fmt::format("READY=1\nSTATUS={}", printable(std::string(status))));
}

void ServiceManager::reloading() const {
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_microseconds()));
}

void ServiceManager::stopping() const { send("STOPPING=1\nSTATUS=Waiting for open requests"); }

void ServiceManager::alive() const { send("WATCHDOG=1"); }

// A message that cannot be sent is lost. The service manager then acts as if this process were not
// ready or not alive.
void ServiceManager::send(std::string_view message) const {
  if (!socket_.is_open()) return;
  (void)::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL);
}

}  // namespace agent_secrets::control_plane

#include "control-plane/listen_address.h"

#include <charconv>
#include <memory>
#include <system_error>

#include <fmt/format.h>

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kUnix = "unix:";

std::unexpected<Error> not_an_address(std::string_view text) {
  return fail(ErrorCode::invalid, fmt::format("listen: '{}' is not HOST:PORT or unix:PATH", text),
              "give an address and a port, such as 127.0.0.1:7710");
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  if (text.starts_with(kUnix) && text.size() > kUnix.size()) {
    return ListenAddress{.host = {}, .port = 0, .path = std::string(text.substr(kUnix.size()))};
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return not_an_address(text);
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string_view digits = text.substr(colon + 1);
  const char* end = std::to_address(digits.end());
  ListenAddress address{.host = std::string(host)};
  const auto [rest, error] = std::from_chars(std::to_address(digits.begin()), end, address.port);
  if (error != std::errc() || rest != end || host.empty()) return not_an_address(text);
  return address;
}

Result<mode_t> parse_socket_mode(std::string_view text) {
  constexpr int kOctal = 8;
  constexpr mode_t kReadAndWrite = 0666;
  mode_t mode = 0;
  const char* end = std::to_address(text.end());
  const auto [rest, error] = std::from_chars(std::to_address(text.begin()), end, mode, kOctal);
  if (error == std::errc() && rest == end && (mode & ~kReadAndWrite) == 0) return mode;
  return fail(ErrorCode::invalid, fmt::format("socket mode: '{}' is not a mode", text),
              "give 0600, 0660 for a proxy in the group, or 0666");
}

Result<ListeningSocket> open_listener(std::string_view text, mode_t mode_of_path) {
  auto address = parse_listen_address(text);
  if (!address) return propagate(address);
  if (!address->path.empty()) return listen_at_path(address->path, mode_of_path);
  auto socket = listen_at(address->host, address->port);
  if (socket) socket->name = fmt::format("{}:{}", text.substr(0, text.rfind(':')), socket->port);
  return socket;
}

std::string url_of(const ListeningSocket& socket, bool with_tls) {
  if (socket.reach == ListeningSocket::Reach::path) return socket.name;
  return fmt::format("{}://{}", with_tls ? "https" : "http", socket.name);
}

}  // namespace agent_secrets::control_plane

#include "control-plane/listen_address.h"

#include <charconv>
#include <memory>
#include <system_error>

#include <fmt/format.h>

namespace agent_secrets::control_plane {
namespace {

std::unexpected<Error> not_an_address(std::string_view text) {
  return fail(ErrorCode::invalid, fmt::format("listen: '{}' is not HOST:PORT", text),
              "give an address and a port, such as 127.0.0.1:7710");
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
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

std::string listen_url(std::string_view scheme, std::string_view text, std::uint16_t port) {
  return fmt::format("{}://{}:{}", scheme, text.substr(0, text.rfind(':')), port);
}

}  // namespace agent_secrets::control_plane

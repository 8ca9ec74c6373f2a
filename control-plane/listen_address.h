#pragma once
// The value of `serve --listen`, HOST:PORT. A host that is an IPv6 address has brackets:
// [::1]:7710.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"

namespace agent_secrets::control_plane {

struct ListenAddress {
  std::string host;  // without brackets
  std::uint16_t port = 0;
};

// ErrorCode::invalid, with an example, for text that is not HOST:PORT.
Result<ListenAddress> parse_listen_address(std::string_view text);

// The URL of the server that listens at HOST:PORT of `text`. `port` is the real port: for port 0
// the kernel chooses one.
std::string listen_url(std::string_view scheme, std::string_view text, std::uint16_t port);

}  // namespace agent_secrets::control_plane

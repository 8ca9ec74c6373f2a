#pragma once
// The value of `serve --listen`: HOST:PORT, or unix:PATH. A host that is an IPv6 address has
// brackets: [::1]:7710.

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "control-plane/http/listening_socket.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct ListenAddress {
  std::string host;  // without brackets
  std::uint16_t port = 0;
  std::string path = {};  // of a Unix socket: then there is no host
};

// ErrorCode::invalid, with an example, for any other text.
Result<ListenAddress> parse_listen_address(std::string_view text);

// 0660, for example: octal digits, without bits that are no permissions of a user.
Result<mode_t> parse_socket_mode(std::string_view text);

// Listens at the address. The name of the socket has the host as it is written in `text`, and the
// real port: for port 0 the kernel chooses one.
Result<ListeningSocket> open_listener(std::string_view text, mode_t mode_of_path);

// https://HOST:PORT, or unix:PATH.
std::string url_of(const ListeningSocket& socket, bool with_tls);

}  // namespace agent_secrets::control_plane

#pragma once
// A Response as the bytes of an HTTP/1.1 answer.

#include <chrono>
#include <string>
#include <string_view>

#include "control-plane/http/message.h"

namespace agent_secrets::control_plane {

struct ResponseFraming {
  bool head = false;      // leave the body out, keep its length
  bool close = false;     // the connection ends with this answer
  bool http_1_0 = false;  // the client must be told that it may go on
  std::chrono::seconds date{};
};

// Adds what every answer carries: Date (instances set their clock by it), Content-Length,
// Connection, `Cache-Control: no-store` and `X-Content-Type-Options: nosniff` unless the handler
// chose its own.
std::string response_text(const Response& response, const ResponseFraming& framing);

// "Not Found"
std::string_view reason_phrase(int status);

}  // namespace agent_secrets::control_plane

#pragma once
// A Response as the bytes of an HTTP/1.1 answer.

#include <chrono>
#include <string>
#include <string_view>

#include "control-plane/http/message.h"

namespace agent_secrets::control_plane {

struct ResponseFraming {
  bool head = false;      // leave the body out, keep its length
  bool close = false;     // the connection closes after this answer
  bool http_1_0 = false;  // the client needs an explicit `Connection: keep-alive`
  std::chrono::seconds date{};
};

// Adds the headers of every answer: Date (instances correct their clock with it), Content-Length,
// Connection, `Cache-Control: no-store` and `X-Content-Type-Options: nosniff` unless the handler
// has set them.
std::string response_text(const Response& response, const ResponseFraming& framing);

// "Not Found"
std::string_view reason_phrase(int status);

}  // namespace agent_secrets::control_plane

#pragma once
// The one shape of an instance API error: {"error": a sentence, "code": a stable word}. Clients
// branch on the status and the code; the sentence is for people. None of it quotes the request.

#include <string_view>

#include "control-plane/http/message.h"

namespace agent_secrets::control_plane {

Response refuse(int status, std::string_view code, std::string_view sentence);

// For a temporary failure of the server (a region store that is down): 503 with Retry-After. The
// caller logs the cause; the answer does not have it.
Response unavailable();

}  // namespace agent_secrets::control_plane

#pragma once
// Makes the pages of the status server from the sidecar's state: /status (sidecar.json), /readyz,
// /livez and /metrics (docs/sidecar.md). No HTTP library here, so that tests need none.

#include <chrono>
#include <string>
#include <string_view>

#include "sidecar/knowledge.h"

namespace agent_secrets::sidecar {

// The state from which /readyz answers 503.
enum class UnreadyWhen { never, superseded, stale };

struct Page {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

Page status_page(std::string_view path, const Knowledge& knowledge, UnreadyWhen unready_when,
                 std::chrono::milliseconds unix_now);

}  // namespace agent_secrets::sidecar

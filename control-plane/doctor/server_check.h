#pragma once
// The doctor's check of a running server: what it answers at a URL that agents use.
//
// Threads: one.

#include <chrono>
#include <string>

#include "core/check_report.h"
#include "core/transport.h"

namespace agent_secrets::control_plane {

// `server`: GET URL/readyz, and the certificate that the server shows.
Step check_server(Transport& transport, const std::string& url, std::chrono::seconds now);

}  // namespace agent_secrets::control_plane

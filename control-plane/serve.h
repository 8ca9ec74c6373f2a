#pragma once
// `serve`: wires the stores, the regions with their background threads, the REST API, the instance
// API, the deploy command and the HTTP server, and runs until SIGTERM or SIGINT (signals.h). With
// --only-region it is a region node instead (serve_region_node.h).

#include <string>
#include <vector>

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

// commands/serve.cc declares them.
struct ServeOptions {
  DataOptions data;
  std::vector<std::string> listen;   // empty: the default address, or the service manager's sockets
  std::string socket_mode = "0600";  // of Unix sockets
  std::string tls_certificate_file;
  std::string tls_key_file;
  std::vector<std::string> public_urls;
  bool allow_plain_http = false;
  int max_connections = 4096;
  std::string on_deploy;  // empty: none
  int on_deploy_timeout_s = 300;
  std::string audit_bundles = "strict";  // or "best-effort" (instance-api/bundle_audit.h)
  bool no_web = false;                   // without the web page (web/page.h)
  std::string log_level_file;            // empty: the level of AGENT_SECRETS_LOG
};

// Runs a server with a catalog. Call it before there are threads: it blocks the signals that it
// waits for.
Result<void> serve(const ServeOptions& options, const Clock& clock, const Log& log);

}  // namespace agent_secrets::control_plane

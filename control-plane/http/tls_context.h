#pragma once
// The server's side of TLS: certificate and key, checked, and the policy of core/tls_policy.h. No
// renegotiation, no compression, no session tickets: a launch and a CLI make one connection in a
// process's life, and a sidecar keeps its own, so that a ticket would be made and never used, and
// its key would open what was recorded.
//
// Ownership: each connection holds a reference to OpenSSL's part of the context that it began with,
// so a replaced TlsContext may go while its connections live. Threads: any.

#include <chrono>
#include <memory>
#include <string>

#include "core/error.h"
#include "core/log.h"

namespace boost::asio::ssl {
class context;
}

namespace agent_secrets::control_plane {

struct TlsContext {
  std::shared_ptr<boost::asio::ssl::context> context;
  // Of the server's own certificate, in Unix time.
  std::chrono::seconds not_before{};
  std::chrono::seconds not_after{};
  std::string fingerprint;  // of SHA-256, in hex, as `openssl x509 -fingerprint -sha256` has it
};

// Reads both files: the certificate followed by its chain, and its key. An error names the file;
// also where the key is not the certificate's.
Result<TlsContext> load_tls_context(const std::string& certificate_file,
                                    const std::string& key_file);

// What is served from now on, and a warning for a certificate that no client accepts at this time.
void log_certificate(const TlsContext& tls, std::chrono::milliseconds unix_time, const Log& log);

}  // namespace agent_secrets::control_plane

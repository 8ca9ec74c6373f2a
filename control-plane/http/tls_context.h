#pragma once
// The server's TLS settings: the checked certificate and key, and the policy of core/tls_policy.h.
// No renegotiation, no compression, no session tickets. A launch and a CLI make one connection in a
// process's life, and a sidecar keeps its connection open, so a ticket would not be used; and a
// stolen ticket key would decrypt recorded traffic.
//
// Ownership: each connection has a reference to OpenSSL's part of its context, so a replaced
// TlsContext may be destroyed before its connections end. Threads: any.

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "core/error.h"
#include "core/log.h"

namespace boost::asio::ssl {
class context;
}

namespace agent_secrets::control_plane {

struct TlsContext {
  std::shared_ptr<boost::asio::ssl::context> context;
  // Validity of the server's own certificate, in Unix time.
  std::chrono::seconds not_before{};
  std::chrono::seconds not_after{};
  std::string fingerprint;  // SHA-256 in hex, in the format of `openssl x509 -fingerprint -sha256`
};

// Reads both files: the certificate followed by its chain, and its key. An error names the file; a
// key that does not match the certificate is an error too.
Result<TlsContext> load_tls_context(const std::string& certificate_file,
                                    const std::string& key_file);

// The mode of a key that other users of the host may read or replace, or its group may replace;
// absent if it is private, or not there.
std::optional<unsigned> open_mode_of_key(const std::string& key_file);
// Logs a warning if other users of the host may read or replace the key, or its group may replace
// it. That is no error: the keys of certbot are often readable by a group, and some file systems
// have no modes. `key_file` may be empty: then there is no key.
void warn_of_open_key(const std::string& key_file, const Log& log);

// Logs the certificate that is used from now on, and a warning if it is not valid at this time.
void log_certificate(const TlsContext& tls, std::chrono::milliseconds unix_time, const Log& log);

}  // namespace agent_secrets::control_plane

#pragma once
// Starts OpenSSL with only what a TLS client needs. By default OpenSSL reads openssl.cnf, adds a
// hundred algorithms that TLS does not use to its tables, and loads all error texts: a fifth of the
// instructions of a launch (docs/performance.md).
//
// A missing part fails closed: a certificate signed with a digest that is not loaded here is
// refused. Source: OPENSSL_init_crypto(3); crypto/init.c, crypto/core_namemap.c and
// crypto/err/err_all.c of OpenSSL 3.0 and 3.5.

#include <string>

namespace agent_secrets {

// Call it from one thread, before the first use of OpenSSL in this process, also through libcurl:
// only the first start has an effect.
void start_tls_library();

// The reason of a failed handshake, from libcurl's text. The text has only a number if the error
// texts are not loaded: "OpenSSL/3.0.19: error:0A00010B:lib(20)::reason(267)" is "wrong version
// number". Any other text is returned unchanged.
std::string tls_error_text(const std::string& detail);

}  // namespace agent_secrets

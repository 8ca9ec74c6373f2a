#pragma once
// OpenSSL, started with what a TLS client needs and nothing else. Left to itself it reads
// openssl.cnf, enters a hundred algorithms that TLS never asks for into its tables, and loads every
// error text it has: a fifth of the instructions of a launch (docs/performance.md).
//
// What is left out fails closed: a certificate signed with a digest that is not known here is
// refused. Source: OPENSSL_init_crypto(3); crypto/init.c and crypto/core_namemap.c of OpenSSL 3.0.

#include <string>

namespace agent_secrets {

// Before anything else of the process uses OpenSSL, also through libcurl: the first start decides,
// and a later one changes nothing. Call it from one thread.
void start_tls_library();

// What went wrong in a handshake, from libcurl's text of it, which names a number where the error
// texts have not been loaded: "OpenSSL/3.0.19: error:0A00010B:lib(20)::reason(267)" is "wrong
// version number". Any other text comes back as it is.
std::string tls_error_text(const std::string& detail);

}  // namespace agent_secrets

#pragma once
// The TLS versions and suites of the server and the clients: 1.3 and 1.2, and in 1.2 only suites
// with an ephemeral key exchange (ECDHE) and authenticated encryption (AEAD). So kRSA is refused,
// because a server key that is stolen later would decrypt recorded traffic; and CBC, because timing
// attacks have broken it more than once. All suites of TLS 1.3 fulfil both conditions.
//
// Source: RFC 9325 section 4.2; openssl-ciphers(1).

namespace agent_secrets {

// For SSL_CTX_set_cipher_list() and CURLOPT_SSL_CIPHER_LIST.
inline constexpr const char* kTls12Suites = "ECDHE+AESGCM:ECDHE+CHACHA20";

}  // namespace agent_secrets

#pragma once
// Which TLS is spoken, by the server and by the clients alike: 1.3 and 1.2, and in 1.2 only suites
// with an ephemeral key exchange (ECDHE) and authenticated encryption (AEAD). Refused are therefore
// kRSA, with which whoever gets the server's key later can read what was recorded before, and CBC,
// which has been broken by timing more than once. All suites of TLS 1.3 fulfil both.
//
// Source: RFC 9325 section 4.2; openssl-ciphers(1).

namespace agent_secrets {

// For SSL_CTX_set_cipher_list() and CURLOPT_SSL_CIPHER_LIST.
inline constexpr const char* kTls12Suites = "ECDHE+AESGCM:ECDHE+CHACHA20";

}  // namespace agent_secrets

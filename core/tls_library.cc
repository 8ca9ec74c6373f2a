#include "core/tls_library.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/error.h"

// The functions with which OpenSSL loads its error texts. A static program can call them. Shared
// libraries of OpenSSL do not export them: in a dynamic program both addresses are null.
extern "C" {
[[gnu::weak]] int ossl_err_load_crypto_strings();
[[gnu::weak]] int ossl_err_load_SSL_strings();
}

namespace agent_secrets {
namespace {

constexpr bool kIsOpenssl30 = OPENSSL_VERSION_MAJOR == 3 && OPENSSL_VERSION_MINOR == 0;

bool has_text_loaders() {
  return ossl_err_load_crypto_strings != nullptr && ossl_err_load_SSL_strings != nullptr;
}

// Error texts are loaded when there is an error, in a static program and with OpenSSL 3.0. Shared
// libraries of newer releases (3.5 is tested) cannot load the texts later if the start has left
// them out. There the first use of OpenSSL loads them, which takes 0.4 ms of a launch.
bool loads_error_texts_later() { return kIsOpenssl30 || has_text_loaders(); }

// Not done: reading openssl.cnf (it can load engines and providers, and the image could choose the
// file by OPENSSL_CONF); tables of algorithms by their old names, except the digests below; cleanup
// at exit, which the kernel does.
constexpr std::uint64_t kCryptoOptions = OPENSSL_INIT_NO_LOAD_CONFIG |
                                         OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
                                         OPENSSL_INIT_NO_ADD_ALL_DIGESTS | OPENSSL_INIT_NO_ATEXIT;

// The digests that sign certificates. The check of the security level finds a signature's digest by
// its old name and refuses a digest that it does not find. SHA-1 is here so that the error says
// that it is too weak.
using Digest = const EVP_MD* (*)();
constexpr std::array<Digest, 5> kCertificateDigests = {EVP_sha1, EVP_sha224, EVP_sha256, EVP_sha384,
                                                       EVP_sha512};

// libcurl's prefix, then ERR_error_string(3): "OpenSSL/3.0.19: error:0A00010B:…" from libcurl 7.88,
// "TLS connect error: error:0A00010B:…" from libcurl 8.14.
unsigned long error_code_of(std::string_view text) {
  constexpr std::string_view kPrefix = "error:";
  constexpr std::size_t kDigits = 8;
  for (std::size_t at = text.find(kPrefix); at != std::string_view::npos;
       at = text.find(kPrefix, at + 1)) {
    const std::string_view digits = text.substr(at + kPrefix.size(), kDigits);
    unsigned long code = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    const bool whole = digits.size() == kDigits && end == digits.data() + digits.size();
    if (error == std::errc() && whole) return code;
  }
  return 0;
}

void load_error_texts() {
  if (has_text_loaders()) {
    AGENT_SECRETS_ASSERT(ossl_err_load_crypto_strings() == 1 && ossl_err_load_SSL_strings() == 1);
    return;
  }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  if constexpr (kIsOpenssl30) {
    ERR_load_ERR_strings();
    ERR_load_SSL_strings();
  } else {
    AGENT_SECRETS_ASSERT(OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS, nullptr) == 1);
    AGENT_SECRETS_ASSERT(OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, nullptr) == 1);
  }
#pragma GCC diagnostic pop
}

// An alert is "sslv3 alert …" in OpenSSL 3.0 and "ssl/tls alert …" in newer releases. Both become
// one text without "sslv3", which would mislead the reader.
std::string with_one_name_of_alerts(std::string_view reason) {
  for (const std::string_view name : {"sslv3 alert ", "ssl/tls alert "}) {
    if (reason.starts_with(name)) return "tls alert " + std::string(reason.substr(name.size()));
  }
  return std::string(reason);
}

}  // namespace

void start_tls_library() {
  const bool later = loads_error_texts_later();
  const std::uint64_t no_crypto_texts = later ? OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS : 0;
  const std::uint64_t no_tls_texts = later ? OPENSSL_INIT_NO_LOAD_SSL_STRINGS : 0;
  AGENT_SECRETS_ASSERT(OPENSSL_init_crypto(kCryptoOptions | no_crypto_texts, nullptr) == 1);
  for (const Digest digest : kCertificateDigests)
    AGENT_SECRETS_ASSERT(EVP_add_digest(digest()) == 1);
  AGENT_SECRETS_ASSERT(OPENSSL_init_ssl(no_tls_texts, nullptr) == 1);
}

std::string tls_error_text(const std::string& detail) {
  const unsigned long code = error_code_of(detail);
  if (code == 0) return detail;
  load_error_texts();
  const char* const reason = ERR_reason_error_string(code);
  return reason == nullptr ? detail : with_one_name_of_alerts(reason);
}

}  // namespace agent_secrets

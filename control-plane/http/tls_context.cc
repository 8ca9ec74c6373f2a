#include "control-plane/http/tls_context.h"

#include <array>
#include <ctime>
#include <iterator>
#include <optional>

#include <boost/asio/ssl/context.hpp>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "core/clock.h"
#include "core/tls_policy.h"

namespace agent_secrets::control_plane {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;
using std::chrono::seconds;

void set_policy(SSL_CTX* context) {
  AGENT_SECRETS_ASSERT(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
  AGENT_SECRETS_ASSERT(SSL_CTX_set_cipher_list(context, kTls12Suites) == 1);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_NO_TICKET);
  // SSL_OP_NO_TICKET stops tickets in TLS 1.2 only; in 1.3 it would only change the kind of ticket.
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

std::optional<seconds> unix_time(const ASN1_TIME* time) {
  std::tm calendar{};
  if (ASN1_TIME_to_tm(time, &calendar) != 1) return std::nullopt;
  return seconds(::timegm(&calendar));
}

std::string fingerprint_of(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  AGENT_SECRETS_ASSERT(X509_digest(certificate, EVP_sha256(), digest.data(), &size) == 1);
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    fmt::format_to(std::back_inserter(text), "{}{:02X}", i == 0 ? "" : ":", digest[i]);
  }
  return text;
}

}  // namespace

Result<TlsContext> load_tls_context(const std::string& certificate_file,
                                    const std::string& key_file) {
  TlsContext tls{.context = std::make_shared<ssl::context>(ssl::context::tls_server),
                 .fingerprint = {}};
  SSL_CTX* const native = tls.context->native_handle();
  set_policy(native);
  error_code error;
  tls.context->use_certificate_chain_file(certificate_file, error);
  if (error) {
    return fail(ErrorCode::invalid, "TLS certificate " + certificate_file + ": " + error.message(),
                "give the certificate followed by its chain, as PEM");
  }
  const char* const key_hint =
      "give the private key of that certificate, as PEM without a passphrase";
  tls.context->use_private_key_file(key_file, ssl::context::pem, error);
  if (error) {
    return fail(ErrorCode::invalid, "TLS key " + key_file + ": " + error.message(), key_hint);
  }
  // SSL_CTX_use_PrivateKey does not refuse a key of another type than the certificate's.
  if (SSL_CTX_check_private_key(native) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::invalid,
                "TLS key " + key_file + ": it is not the key of " + certificate_file, key_hint);
  }
  const X509* const certificate = SSL_CTX_get0_certificate(native);
  const auto not_before = unix_time(X509_get0_notBefore(certificate));
  const auto not_after = unix_time(X509_get0_notAfter(certificate));
  if (!not_before || !not_after) {
    return fail(ErrorCode::invalid,
                "TLS certificate " + certificate_file + ": its validity is not a time");
  }
  tls.not_before = *not_before;
  tls.not_after = *not_after;
  tls.fingerprint = fingerprint_of(certificate);
  return tls;
}

std::optional<unsigned> open_mode_of_key(const std::string& key_file) {
  struct stat facts{};
  if (key_file.empty() || ::stat(key_file.c_str(), &facts) != 0) return std::nullopt;
  if ((facts.st_mode & (S_IWGRP | S_IROTH | S_IWOTH)) == 0) return std::nullopt;
  return facts.st_mode & 07777;
}

void warn_of_open_key(const std::string& key_file, const Log& log) {
  const auto mode = open_mode_of_key(key_file);
  if (!mode) return;
  log.warning("others may read or replace the TLS key; chmod 640 it, or 600",
              {{"file", key_file}, {"mode", fmt::format("{:04o}", *mode)}});
}

void log_certificate(const TlsContext& tls, std::chrono::milliseconds unix_time, const Log& log) {
  log.info("certificate", {{"not_after", format_timestamp(tls.not_after)},
                           {"sha256_fingerprint", tls.fingerprint}});
  if (unix_time >= tls.not_after) {
    log.warning("the certificate has expired: clients refuse it",
                {{"not_after", format_timestamp(tls.not_after)}});
  } else if (unix_time < tls.not_before) {
    log.warning("the certificate is not valid yet: clients refuse it",
                {{"not_before", format_timestamp(tls.not_before)}});
  }
}

}  // namespace agent_secrets::control_plane

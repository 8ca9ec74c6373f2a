#include "core/curl_error.h"

#include <string_view>

#include <fmt/format.h>
#include <openssl/x509_vfy.h>

#include "core/tls_library.h"

namespace agent_secrets {
namespace {

constexpr const char* kNetworkHint =
    "check that the control plane runs and that this network can reach it";
constexpr const char* kProxyHint =
    "check https_proxy; a host in no_proxy is asked without the proxy";
constexpr const char* kBrokenHint =
    "look at the control plane's log, and at what stands between here and there";

std::string lower_first(std::string text) {
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  return text;
}

long long_info(CURL* easy, CURLINFO which) {
  long value = 0;
  curl_easy_getinfo(easy, which, &value);
  return value;
}

// Microseconds from the start; 0 for a step that was not reached.
curl_off_t time_info(CURL* easy, CURLINFO which) {
  curl_off_t value = 0;
  curl_easy_getinfo(easy, which, &value);
  return value;
}

std::string socket_error(CURL* easy) {
  const auto error_number = static_cast<int>(long_info(easy, CURLINFO_OS_ERRNO));
  return error_number == 0 ? "no connection" : errno_message(error_number);
}

// The connection's other end: the proxy if one is used.
std::string next_hop(const FailedTransfer& attempt) {
  return attempt.proxy.empty() ? attempt.authority : "proxy " + attempt.proxy;
}

const char* next_hop_hint(const FailedTransfer& attempt) {
  return attempt.proxy.empty() ? kNetworkHint : kProxyHint;
}

std::string certificate_error(const FailedTransfer& attempt) {
  const long verdict = long_info(attempt.easy, CURLINFO_SSL_VERIFYRESULT);
  // libcurl reports "unspecified" if the chain is valid but the host name does not match.
  if (verdict == X509_V_OK || verdict == X509_V_ERR_UNSPECIFIED) {
    return "it does not match the host name";
  }
  return X509_verify_cert_error_string(verdict);
}

const char* certificate_hint(const FailedTransfer& attempt) {
  switch (long_info(attempt.easy, CURLINFO_SSL_VERIFYRESULT)) {
    case X509_V_OK:
    case X509_V_ERR_UNSPECIFIED:
      return "use the host name that the server's certificate is for in the credential's URL";
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "renew the server's certificate, or set this host's clock";
    default:
      return "issue the credential with the server's private ca, or install the ca in this image";
  }
}

// libcurl's sentence ends in OpenSSL's reason, "error:0A000410:lib(20)::reason(1040)", or has the
// system's reason, "OpenSSL SSL_connect: REASON in connection to HOST:PORT".
std::string handshake_error(std::string_view detail) {
  if (const std::size_t colons = detail.rfind("::"); colons != std::string_view::npos) {
    const std::string reason = tls_error_text(std::string(detail));
    return lower_first(reason == detail ? std::string(detail.substr(colons + 2)) : reason);
  }
  constexpr std::string_view kConnect = "SSL_connect: ";
  const std::size_t start = detail.find(kConnect);
  if (start == std::string_view::npos || detail.find("SSL_ERROR_SYSCALL") != std::string::npos) {
    return "the connection broke off";
  }
  detail.remove_prefix(start + kConnect.size());
  return lower_first(std::string(detail.substr(0, detail.find(" in connection to"))));
}

Error proxy_refusal(const FailedTransfer& attempt, long status) {
  const char* hint = kProxyHint;
  if (status == 407) hint = "give the proxy's user and password in https_proxy";
  if (status == 403) hint = "let the proxy connect to the control plane, or use no_proxy";
  if (status >= 500) hint = "check that the proxy can reach the control plane";
  return {
      ErrorCode::unreachable,
      fmt::format("ask proxy {} for {}: it answered {}", attempt.proxy, attempt.authority, status),
      hint};
}

// The proxy has not yet answered CONNECT.
bool is_asking_proxy(const FailedTransfer& attempt) {
  return attempt.is_tls && !attempt.proxy.empty() &&
         long_info(attempt.easy, CURLINFO_HTTP_CONNECTCODE) == 0;
}

std::string ask_proxy(const FailedTransfer& attempt) {
  return "ask proxy " + attempt.proxy + " for " + attempt.authority;
}

// The peer closed the connection (FIN or RST), before or after the request was sent. Timing decides
// which of them libcurl reports, so the error does not distinguish FIN from RST.
Error broken_off(const FailedTransfer& attempt) {
  if (is_asking_proxy(attempt)) {
    return {ErrorCode::unreachable, ask_proxy(attempt) + ": the connection broke off", kProxyHint};
  }
  const bool has_begun = long_info(attempt.easy, CURLINFO_HEADER_SIZE) > 0;
  return {ErrorCode::unreachable,
          (has_begun ? "receive the answer of " + attempt.authority
                     : "wait for " + attempt.authority + " to answer") +
              ": the connection broke off",
          kBrokenHint};
}

// The first step that was not finished.
Error timed_out(const FailedTransfer& attempt) {
  CURL* const easy = attempt.easy;
  const double seconds = static_cast<double>(time_info(easy, CURLINFO_TOTAL_TIME_T)) / 1e6;
  const auto error = [seconds](const std::string& step, const char* hint) {
    return Error{ErrorCode::timed_out, fmt::format("{}: timed out after {:.1f}s", step, seconds),
                 hint};
  };
  if (time_info(easy, CURLINFO_NAMELOOKUP_TIME_T) == 0) {
    return error("resolve " + next_hop(attempt), "check the DNS of this container");
  }
  // CURLINFO_CONNECT_TIME_T is not set before TLS is done (libcurl 7.88); the local port is.
  if (long_info(easy, CURLINFO_LOCAL_PORT) <= 0) {
    return error("connect " + next_hop(attempt), next_hop_hint(attempt));
  }
  if (attempt.is_tls && time_info(easy, CURLINFO_APPCONNECT_TIME_T) == 0) {
    if (is_asking_proxy(attempt)) return error(ask_proxy(attempt), kProxyHint);
    return error("tls handshake with " + attempt.authority,
                 "check that the control plane runs and speaks https on this port");
  }
  if (time_info(easy, CURLINFO_STARTTRANSFER_TIME_T) == 0) {
    return error("wait for " + attempt.authority + " to answer",
                 "look at the control plane's log and load");
  }
  return {ErrorCode::timed_out,
          fmt::format("receive the answer of {}: timed out after {:.1f}s, with {} bytes of it",
                      attempt.authority, seconds, attempt.body_bytes),
          kBrokenHint};
}

}  // namespace

Error explain(const FailedTransfer& attempt, CURLcode code) {
  const std::string& authority = attempt.authority;
  if (const long status = long_info(attempt.easy, CURLINFO_HTTP_CONNECTCODE);
      status != 0 && status / 100 != 2 && code != CURLE_OPERATION_TIMEDOUT) {
    return proxy_refusal(attempt, status);
  }
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return {ErrorCode::unreachable, "resolve " + authority + ": no address found",
              "check the host name in the credential, and the DNS of this container"};
    case CURLE_COULDNT_RESOLVE_PROXY:
      return {ErrorCode::unreachable, "resolve proxy " + attempt.proxy + ": no address found",
              kProxyHint};
    case CURLE_COULDNT_CONNECT:
      return {ErrorCode::unreachable,
              "connect " + next_hop(attempt) + ": " + socket_error(attempt.easy),
              next_hop_hint(attempt)};
    case CURLE_OPERATION_TIMEDOUT:
      return timed_out(attempt);
    case CURLE_PEER_FAILED_VERIFICATION:
      return {ErrorCode::untrusted,
              "verify the certificate of " + authority + ": " + certificate_error(attempt),
              certificate_hint(attempt)};
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CRL_BADFILE:
      return {ErrorCode::untrusted,
              "load the certificates to trust: " + lower_first(attempt.detail),
              "install ca-certificates in this image, or issue the credential with a ca"};
    case CURLE_SSL_CONNECT_ERROR:
      return {ErrorCode::unreachable,
              "tls handshake with " + authority + ": " + handshake_error(attempt.detail),
              "check that the control plane speaks https, TLS 1.2 or newer, on this port"};
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
      return broken_off(attempt);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return {ErrorCode::failed, "read the answer of " + authority + ": it is not HTTP/1",
              "check host and port of the URL in the credential"};
    default:
      return {ErrorCode::failed,
              "talk to " + authority + ": " + lower_first(curl_easy_strerror(code)), kBrokenHint};
  }
}

}  // namespace agent_secrets

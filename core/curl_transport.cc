#include "core/curl_transport.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/x509_vfy.h>

#include "core/limits.h"
#include "core/system_trust.h"

namespace agent_secrets {
namespace {

using std::chrono::milliseconds;

// Name resolution, TCP and TLS together: long enough for two lost SYNs (retried after 1 and 3 s),
// short enough to leave time for another base URL.
constexpr milliseconds kConnectTimeout{5'000};

struct CurlDelete {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(char* text) const { curl_free(text); }
};
template <typename T>
using CurlPtr = std::unique_ptr<T, CurlDelete>;

// libcurl reports a wrong option or no memory here; both are ours to rule out.
template <typename Value>
void set_option(CURL* easy, CURLoption option, Value value) {
  AGENT_SECRETS_ASSERT(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

void initialise_libraries() {
  static const bool done = [] {
    // openssl.cnf, found through OPENSSL_CONF too, can load engines and providers: an image's file
    // has no say here, and not reading it is faster. The first initialisation decides.
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  }();
  AGENT_SECRETS_ASSERT(done);
}

struct Target {
  std::string scheme;
  std::string host;
  std::string authority;  // host:port, for messages
};

Result<Target> parse_target(const std::string& url) {
  const CurlPtr<CURLU> parsed(curl_url());
  AGENT_SECRETS_ASSERT(parsed != nullptr);
  const auto part = [&](CURLUPart which, unsigned flags) -> std::string {
    char* text = nullptr;
    if (curl_url_get(parsed.get(), which, &text, flags) != CURLUE_OK) return {};
    return CurlPtr<char>(text).get();
  };
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_DISALLOW_USER) != CURLUE_OK) {
    return fail(ErrorCode::invalid, "not a URL that can be fetched",
                "use https://HOST[:PORT], without a user name");
  }
  Target target{
      .scheme = part(CURLUPART_SCHEME, 0), .host = part(CURLUPART_HOST, 0), .authority = {}};
  target.authority = target.host + ':' + part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
  return target;
}

// libcurl itself resolves "localhost" to 127.0.0.1 and ::1 without asking anybody (since 7.77).
bool is_loopback(const std::string& host) {
  if (host == "localhost" || host == "[::1]") return true;
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

Result<Target> permitted_target(const std::string& url, bool allow_plain_http) {
  auto target = parse_target(url);
  if (!target) return target;
  if (target->scheme == "https") return target;
  if (target->scheme != "http") {
    return fail(ErrorCode::invalid, target->scheme + ": is not a scheme that is spoken here",
                "use https://");
  }
  if (allow_plain_http || is_loopback(target->host)) return target;
  return fail(ErrorCode::invalid,
              "plain http to " + target->authority + " is refused: it is not a loopback address",
              "use https://");
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// An answer while it arrives.
struct Arrival {
  HttpResponse response;
  std::size_t header_bytes = 0;
  bool too_large = false;
};

std::size_t on_body(char* data, std::size_t, std::size_t size, void* arrival_pointer) {
  auto& arrival = *static_cast<Arrival*>(arrival_pointer);
  if (size > limits::kResponseBody - arrival.response.body.size()) {
    arrival.too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  arrival.response.body.append(data, size);
  return size;
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* arrival_pointer) {
  auto& arrival = *static_cast<Arrival*>(arrival_pointer);
  const std::string_view line(data, size);
  arrival.header_bytes += size;
  if (arrival.header_bytes > limits::kRequestHeader) {
    arrival.too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  // A status line: what an interim (1xx) answer said does not count.
  if (line.starts_with("HTTP/")) arrival.response.headers.clear();
  if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    arrival.response.headers[lower_case(line.substr(0, colon))] = trimmed(line.substr(colon + 1));
  }
  return size;
}

std::string lower_first(std::string text) {
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  return text;
}

std::string socket_error(CURL* easy) {
  long error_number = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error_number);
  return error_number == 0 ? "no connection"
                           : lower_first(errno_message(static_cast<int>(error_number)));
}

std::string certificate_error(CURL* easy, const char* detail) {
  long verdict = X509_V_OK;
  curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
  // libcurl leaves "unspecified" when the chain was fine and it was the name that did not match.
  const bool is_name = verdict == X509_V_OK || verdict == X509_V_ERR_UNSPECIFIED;
  return is_name ? detail : X509_verify_cert_error_string(verdict);
}

bool was_connected(CURL* easy) {
  curl_off_t until_request_us = 0;
  curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &until_request_us);
  return until_request_us > 0;
}

Error explain(CURL* easy, CURLcode code, const std::string& authority, const char* detail) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return {ErrorCode::unreachable, "resolve " + authority + ": no address found",
              "check the host name in the credential, and the DNS of this container"};
    case CURLE_COULDNT_RESOLVE_PROXY:
      return {ErrorCode::unreachable, "reach " + authority + ": the proxy's name has no address",
              "check https_proxy and no_proxy"};
    case CURLE_COULDNT_CONNECT:
      return {ErrorCode::unreachable, "connect " + authority + ": " + socket_error(easy),
              "check that the control plane runs and that this network can reach it"};
    case CURLE_OPERATION_TIMEDOUT:
      return was_connected(easy)
                 ? Error{ErrorCode::timed_out, "wait for " + authority + " to answer: timed out"}
                 : Error{ErrorCode::timed_out, "connect " + authority + ": timed out",
                         "check that the control plane runs and that this network can reach it"};
    case CURLE_PEER_FAILED_VERIFICATION:
      return {ErrorCode::untrusted,
              "verify the certificate of " + authority + ": " + certificate_error(easy, detail),
              "check the server's certificate, and the credential's ca if it has a private one"};
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CRL_BADFILE:
      return {ErrorCode::untrusted, "load the certificates to trust: " + lower_first(detail)};
    case CURLE_SSL_CONNECT_ERROR:
      return {ErrorCode::unreachable, "tls handshake with " + authority + ": " + detail};
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
      return {ErrorCode::unreachable, "talk to " + authority + ": the connection broke off"};
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return {ErrorCode::failed, "talk to " + authority + ": the answer is not HTTP"};
    default:
      return {ErrorCode::failed,
              "talk to " + authority + ": " + lower_first(curl_easy_strerror(code))};
  }
}

// 304 is an answer to If-None-Match, not a redirect.
bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

struct CurlTransport::Handle {
  CurlPtr<CURL> easy{curl_easy_init()};
  std::array<char, CURL_ERROR_SIZE> detail{};
  bool trust_is_set = false;

  explicit Handle(const TransportOptions& options) {
    AGENT_SECRETS_ASSERT(easy != nullptr);
    CURL* const curl = easy.get();
    set_option(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    set_option(curl, CURLOPT_FOLLOWLOCATION, 0L);
    set_option(curl, CURLOPT_NOSIGNAL, 1L);  // no SIGALRM for name resolution
    set_option(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set_option(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set_option(curl, CURLOPT_PATH_AS_IS, 1L);  // a proof signs the path as it is written
    set_option(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set_option(curl, CURLOPT_TCP_KEEPALIVE, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700  // 7.87.0; before it, dead DNS can outlast the deadline
    set_option(curl, CURLOPT_QUICK_EXIT, options.leave_resolver_behind ? 1L : 0L);
#endif
    set_option(curl, CURLOPT_USERAGENT, options.user_agent.c_str());
    set_option(curl, CURLOPT_ERRORBUFFER, detail.data());
    set_option(curl, CURLOPT_WRITEFUNCTION, on_body);
    set_option(curl, CURLOPT_HEADERFUNCTION, on_header);
  }

  // Deferred until https is spoken: looking for certificates reads directories.
  void set_trust(const std::string& ca_pem) {
    if (std::exchange(trust_is_set, true)) return;
    const SystemTrust system = ca_pem.empty() ? find_system_trust() : SystemTrust{};
    // libcurl has defaults for both, and reads a default CAPATH even beside a blob.
    set_option(easy.get(), CURLOPT_CAINFO, system.bundle);
    set_option(easy.get(), CURLOPT_CAPATH, system.directory);
    if (ca_pem.empty()) return;
    curl_blob blob{
        .data = const_cast<char*>(ca_pem.data()), .len = ca_pem.size(), .flags = CURL_BLOB_COPY};
    set_option(easy.get(), CURLOPT_CAINFO_BLOB, &blob);
  }
};

CurlTransport::CurlTransport(TransportOptions options) : options_(std::move(options)) {
  initialise_libraries();
  handle_ = std::make_unique<Handle>(options_);
}

CurlTransport::~CurlTransport() = default;

Result<HttpResponse> CurlTransport::get(const HttpRequest& request, milliseconds timeout) {
  auto target = permitted_target(request.url, options_.allow_plain_http);
  if (!target) return propagate(target, "get " + request.url);
  // To libcurl 0 means for ever.
  if (timeout <= milliseconds::zero()) {
    return fail(ErrorCode::timed_out, "connect " + target->authority + ": no time left");
  }
  timeout = std::min<milliseconds>(timeout, std::chrono::hours(24));

  CurlPtr<curl_slist> headers;
  for (const std::string& header : request.headers) {
    curl_slist* longer = curl_slist_append(headers.get(), header.c_str());
    AGENT_SECRETS_ASSERT(longer != nullptr);
    // `longer` is the same list. NOLINTNEXTLINE(bugprone-unused-return-value)
    (void)headers.release();
    headers.reset(longer);
  }

  CURL* const easy = handle_->easy.get();
  Arrival arrival;
  handle_->detail[0] = '\0';
  if (target->scheme == "https") handle_->set_trust(options_.ca_pem);
  set_option(easy, CURLOPT_URL, request.url.c_str());
  set_option(easy, CURLOPT_HTTPHEADER, headers.get());
  set_option(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  set_option(easy, CURLOPT_CONNECTTIMEOUT_MS,
             static_cast<long>(std::min(timeout, kConnectTimeout).count()));
  set_option(easy, CURLOPT_NOPROXY, is_loopback(target->host) ? "*" : nullptr);
  set_option(easy, CURLOPT_WRITEDATA, &arrival);
  set_option(easy, CURLOPT_HEADERDATA, &arrival);

  const CURLcode code = curl_easy_perform(easy);
  set_option(easy, CURLOPT_HTTPHEADER, nullptr);
  if (arrival.too_large) {
    return fail(ErrorCode::too_large, "talk to " + target->authority + ": the answer is too large");
  }
  if (code != CURLE_OK) {
    return std::unexpected(explain(easy, code, target->authority, handle_->detail.data()));
  }
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  // "HTTP/200 OK" or "HTTP/27.0.5": to libcurl an answer, of status 0 or 5.
  if (status < 100) {
    return fail(ErrorCode::failed, "talk to " + target->authority + ": the answer is not HTTP");
  }
  arrival.response.status = static_cast<int>(status);
  if (is_redirect(arrival.response.status)) {
    return fail(ErrorCode::failed,
                fmt::format("talk to {}: it redirects elsewhere ({}), which is never followed",
                            target->authority, status),
                "give the final URL in the credential");
  }
  return std::move(arrival.response);
}

}  // namespace agent_secrets

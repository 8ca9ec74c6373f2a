#include "core/curl_transport.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

#include <curl/curl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "core/curl_error.h"
#include "core/curl_inspection.h"
#include "core/curl_perform.h"
#include "core/limits.h"
#include "core/name_service.h"
#include "core/proxy.h"
#include "core/resolve.h"
#include "core/system_trust.h"
#include "core/threads.h"
#include "core/tls_library.h"
#include "core/tls_policy.h"

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

// libcurl reports a wrong option or a lack of memory here; neither may happen.
template <typename Value>
void set_option(CURL* easy, CURLoption option, Value value) {
  AGENT_SECRETS_ASSERT(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

void initialise_libraries() {
  static const bool done = [] {
    start_tls_library();
    resolve_hosts_without_modules();
    // libcurl writes the keys of its connections to the file in SSLKEYLOGFILE.
    std::array<char*, 1> nothing{};
    char** const image = std::exchange(environ, nothing.data());
    const bool initialised = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    environ = image;
    return initialised;
  }();
  AGENT_SECRETS_ASSERT(done);
}

struct Target {
  std::string scheme;
  std::string host;       // an IPv6 address without its brackets
  std::string authority;  // host:port, for messages
  Proxy proxy;            // empty: none
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
  Target target{.scheme = part(CURLUPART_SCHEME, 0),
                .host = part(CURLUPART_HOST, 0),
                .authority = {},
                .proxy = {}};
  target.authority = target.host + ':' + part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
  if (target.host.starts_with('[')) target.host = target.host.substr(1, target.host.size() - 2);
  return target;
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
              "use https://, or --allow-plain-http on a network that you trust");
}

Result<Target> find_target(const std::string& url, bool allow_plain_http) {
  auto target = permitted_target(url, allow_plain_http);
  if (!target) return target;
  auto proxy = choose_proxy(target->scheme, target->host, [](const char* name) {
    return std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here sets a variable
  });
  if (!proxy) return propagate(proxy);
  if (*proxy) target->proxy = std::move(**proxy);
  return target;
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

// An answer that is being received.
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
  // A new status line: the headers of an interim (1xx) answer are dropped.
  if (line.starts_with("HTTP/")) arrival.response.headers.clear();
  if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    arrival.response.headers[lower_case(line.substr(0, colon))] = trimmed(line.substr(colon + 1));
  }
  return size;
}

// 304 is an answer to If-None-Match, not a redirect.
bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// tcp(7): the kernel closes the connection after this time, and libcurl's poll reports it.
int on_socket(void* timeout_pointer, curl_socket_t socket, curlsocktype purpose) {
  const auto& timeout = *static_cast<const std::chrono::seconds*>(timeout_pointer);
  if (purpose != CURLSOCKTYPE_IPCXN) return CURL_SOCKOPT_OK;
  const auto timeout_ms = static_cast<unsigned>(milliseconds(timeout).count());
  // If this fails, a dead connection is only noticed later.
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
  return CURL_SOCKOPT_OK;
}

// The host and the port of "host:port" or "[address]:port".
struct Hop {
  std::string host;
  std::string port;
};

Hop hop_of(const std::string& authority) {
  const std::size_t colon = authority.rfind(':');
  std::string host = authority.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return {.host = std::move(host), .port = authority.substr(colon + 1)};
}

bool is_unresolved(std::optional<int> performed) {
  return performed == CURLE_COULDNT_RESOLVE_HOST || performed == CURLE_COULDNT_RESOLVE_PROXY;
}

struct MultiDelete {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

}  // namespace

struct CurlTransport::Handle {
  std::unique_ptr<CURLM, MultiDelete> multi{curl_multi_init()};  // outlives the transfers in it
  TransferWatch watch;
  CurlPtr<CURL> easy{curl_easy_init()};
  std::array<char, CURL_ERROR_SIZE> detail{};
  bool trust_is_set = false;

  explicit Handle(const TransportOptions& options) {
    AGENT_SECRETS_ASSERT(multi != nullptr && easy != nullptr);
    CURL* const curl = easy.get();
    set_option(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    set_option(curl, CURLOPT_FOLLOWLOCATION, 0L);
    set_option(curl, CURLOPT_NOSIGNAL, 1L);  // no SIGALRM for name resolution
    set_option(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set_option(curl, CURLOPT_SSL_CIPHER_LIST, kTls12Suites);
    set_option(curl, CURLOPT_PROXY_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set_option(curl, CURLOPT_PROXY_SSL_CIPHER_LIST, kTls12Suites);
    set_option(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set_option(curl, CURLOPT_NOPROXY, "");     // core/proxy.h has decided
    set_option(curl, CURLOPT_PATH_AS_IS, 1L);  // a proof signs the path as it is written
    set_option(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set_option(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    if (options.dead_peer_timeout.count() > 0) {
      const auto probe_seconds =
          std::max(static_cast<long>(options.dead_peer_timeout.count() / 2), 1L);
      set_option(curl, CURLOPT_TCP_KEEPIDLE, probe_seconds);
      set_option(curl, CURLOPT_TCP_KEEPINTVL, std::max(probe_seconds / 2, 1L));
      set_option(curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
      set_option(curl, CURLOPT_SOCKOPTDATA, &options.dead_peer_timeout);
    }
#if LIBCURL_VERSION_NUM >= 0x075700  // 7.87.0; older versions can exceed the deadline in DNS
    set_option(curl, CURLOPT_QUICK_EXIT, options.leave_resolver_behind ? 1L : 0L);
#endif
    set_option(curl, CURLOPT_USERAGENT, options.user_agent.c_str());
    set_option(curl, CURLOPT_ERRORBUFFER, detail.data());
    set_option(curl, CURLOPT_WRITEFUNCTION, on_body);
    set_option(curl, CURLOPT_HEADERFUNCTION, on_header);
  }

  // libcurl resolves on a thread. If it could not make a thread, the caller's thread resolves, and
  // `easy` is tried again with the addresses. If that finds no address either, the error says what
  // refuses the thread.
  Result<std::optional<int>> perform_without_thread(const std::string& authority, Error refusal,
                                                    milliseconds timeout, int interrupt_fd) {
    const auto begin = std::chrono::steady_clock::now();
    const Hop hop = hop_of(authority);
    const auto addresses = resolve_on_this_thread(hop.host, timeout);
    const auto taken = std::chrono::ceil<milliseconds>(std::chrono::steady_clock::now() - begin);
    if (addresses.empty() || taken >= timeout) {
      refusal.code = ErrorCode::unreachable;
      refusal.message = fmt::format("resolve {}: no address found; {}", authority, refusal.message);
      return std::unexpected(std::move(refusal));
    }
    // "+": the entry expires like every address in libcurl's cache.
    const std::string entry =
        fmt::format("+{}:{}:{}", hop.host, hop.port, fmt::join(addresses, ","));
    const CurlPtr<curl_slist> entries(curl_slist_append(nullptr, entry.c_str()));
    AGENT_SECRETS_ASSERT(entries != nullptr);
    set_option(easy.get(), CURLOPT_RESOLVE, entries.get());
    set_option(easy.get(), CURLOPT_TIMEOUT_MS, static_cast<long>((timeout - taken).count()));
    const auto performed = curl_perform(multi.get(), easy.get(), interrupt_fd);
    set_option(easy.get(), CURLOPT_RESOLVE, nullptr);
    return performed;
  }

  // Done only for https, because the search for certificates reads directories.
  void set_trust(const std::string& ca_pem) {
    if (std::exchange(trust_is_set, true)) return;
    const SystemTrust system = ca_pem.empty() ? find_system_trust() : SystemTrust{};
    // libcurl has defaults for both options, and reads a default CAPATH even if a blob is set.
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

Result<HttpResponse> CurlTransport::send(const HttpRequest& request, milliseconds timeout) {
  if (request.inspection != nullptr) *request.inspection = Inspection();
  auto target = find_target(request.url, options_.allow_plain_http);
  if (!target) return propagate(target, "get " + request.url);
  // libcurl takes 0 as no limit.
  if (timeout <= milliseconds::zero()) {
    return fail(ErrorCode::timed_out, "connect " + target->authority + ": no time left",
                "raise --timeout");
  }
  timeout = std::min<milliseconds>(timeout, std::chrono::hours(24));

  CurlPtr<curl_slist> headers;
  for (const std::string& header : request.headers) {
    curl_slist* longer = curl_slist_append(headers.get(), header.c_str());
    AGENT_SECRETS_ASSERT(longer != nullptr);
    // `longer` owns the same list. NOLINTNEXTLINE(bugprone-unused-return-value)
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
  // "" means no proxy, and libcurl does not read the environment.
  set_option(easy, CURLOPT_PROXY, target->proxy.url.c_str());
  set_option(easy, CURLOPT_WRITEDATA, &arrival);
  set_option(easy, CURLOPT_HEADERDATA, &arrival);

  if (request.inspection != nullptr) {
    request.inspection->authority = target->authority;
    handle_->watch.begin(easy, *request.inspection);
  }
  if (request.body) {
    set_option(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
    set_option(easy, CURLOPT_POSTFIELDS, request.body->c_str());  // makes it a POST
  }
  const auto begin = std::chrono::steady_clock::now();
  Result<std::optional<int>> tried =
      curl_perform(handle_->multi.get(), easy, options_.interrupt_fd);
  if (is_unresolved(*tried)) {
    if (auto refusal = find_thread_refusal("name resolution")) {
      const auto taken = std::chrono::steady_clock::now() - begin;
      const auto& hop = target->proxy.authority;
      tried = handle_->perform_without_thread(
          hop.empty() ? target->authority : hop, std::move(*refusal),
          std::max(timeout - std::chrono::ceil<milliseconds>(taken), milliseconds(1)),
          options_.interrupt_fd);
    }
  }
  if (request.inspection != nullptr) handle_->watch.end(easy);
  set_option(easy, CURLOPT_HTTPHEADER, nullptr);
  if (request.body) {
    set_option(easy, CURLOPT_POSTFIELDS, nullptr);
    set_option(easy, CURLOPT_HTTPGET, 1L);
  }
  if (!tried) return propagate(tried);
  const std::optional<int> performed = *tried;
  if (!performed) {
    return fail(ErrorCode::interrupted,
                "wait for " + target->authority + " to answer: interrupted");
  }
  const auto code = static_cast<CURLcode>(*performed);
  if (arrival.too_large) {
    return fail(ErrorCode::too_large,
                "receive the answer of " + target->authority + ": it is too large",
                "check that the credential's URL is the instance API's");
  }
  if (code != CURLE_OK) {
    return std::unexpected(explain({.easy = easy,
                                    .detail = handle_->detail.data(),
                                    .is_tls = target->scheme == "https",
                                    .authority = target->authority,
                                    .proxy = target->proxy.authority,
                                    .body_bytes = arrival.response.body.size()},
                                   code));
  }
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  // libcurl accepts "HTTP/200 OK", "HTTP/27.0.5" and "HTTP/2233721.1 403", with a status that does
  // not exist.
  if (status < 100 || status > 999) {
    return fail(ErrorCode::failed, "talk to " + target->authority + ": the answer is not HTTP");
  }
  arrival.response.status = static_cast<int>(status);
  arrival.response.peer = target->authority;
  if (is_redirect(arrival.response.status)) {
    return fail(ErrorCode::failed,
                fmt::format("{} answered {}, a redirect, which is never followed",
                            target->authority, status),
                "give the final URL in the credential");
  }
  return std::move(arrival.response);
}

}  // namespace agent_secrets

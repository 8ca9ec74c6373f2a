#pragma once
// GET over HTTPS within one deadline. The seam is Transport: one attempt, no retry, no policy;
// CurlTransport is the real one, tests/fakes/fake_transport.h the other. fetch() adds what
// instances need on top: retries with exponential backoff and full jitter, Retry-After, several
// base URLs in turn, all inside one total deadline.
//
// Errors of an attempt: unreachable (resolve, connect), timed_out, untrusted (certificate),
// too_large (limits::kResponseBody), failed (not HTTP, redirect). A status code is not an error
// here: it is the caller's to read. Redirects are never followed: a signed request names its
// target. TLS 1.2 or newer. Plain http:// only to a loopback address unless the options say
// otherwise.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets {

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; the last of a repeated one
  std::string body;                            // never holds plaintext secrets: bundles are sealed
  [[nodiscard]] std::string header(const std::string& lower_case_name) const;  // or ""
  // The Date header, as Unix time: what the server's clock says.
  [[nodiscard]] std::optional<std::chrono::seconds> date() const;
};

class Transport {
 public:
  virtual ~Transport() = default;
  // One attempt that ends within `timeout`. One thread at a time.
  virtual Result<HttpResponse> get(const HttpRequest& request,
                                   std::chrono::milliseconds timeout) = 0;
};

struct TransportOptions {
  std::string
      ca_pem;  // trust exactly these instead of the system's certificates; empty: the system's
  bool allow_plain_http = false;  // to hosts that are not loopback
  std::string user_agent;
  // A name server that is silent cannot be waited for less than it takes: leave libcurl's resolver
  // thread behind at the deadline instead of joining it. For a program that ends or execs soon.
  bool leave_resolver_behind = false;
};

// Keeps its connection alive between calls. The program must ignore SIGPIPE: libcurl is told to
// leave signals alone, and not every version and TLS library writes with MSG_NOSIGNAL.
class CurlTransport final : public Transport {
 public:
  explicit CurlTransport(TransportOptions options);
  ~CurlTransport() override;
  CurlTransport(const CurlTransport&) = delete;
  CurlTransport& operator=(const CurlTransport&) = delete;
  Result<HttpResponse> get(const HttpRequest& request, std::chrono::milliseconds timeout) override;

 private:
  struct Handle;
  TransportOptions options_;
  std::unique_ptr<Handle> handle_;
};

struct RetryPolicy {
  std::chrono::milliseconds deadline{30'000};  // total, from the call
  // One attempt at most, so that a host that accepts and never answers leaves time for the next.
  std::chrono::milliseconds attempt{std::chrono::milliseconds::max()};
  std::chrono::milliseconds first_backoff{100};
  std::chrono::milliseconds max_backoff{5'000};
};

// Builds the request for one attempt at one base URL, because a proof names its base URL and its
// moment.
using RequestFactory = std::function<HttpRequest(const std::string& base_url)>;

// A number in [0, 1): full jitter.
using RandomFraction = std::function<double()>;
double random_fraction();

// The first answer that is not 429 or 5xx. Retries unreachable, timed_out, 429 and 5xx until the
// deadline; the last of those becomes the error (`unavailable` for a status). Everything else ends
// it at once. A round visits each base URL without a pause; between rounds it waits the backoff,
// and Retry-After (seconds) on top. A wait that the deadline would cut short is not begun: nothing
// could follow it, and the caller may have a cache to turn to.
Result<HttpResponse> fetch(Transport& transport, Clock& clock, const RandomFraction& random,
                           const std::vector<std::string>& base_urls, const RequestFactory& make,
                           const RetryPolicy& policy);

}  // namespace agent_secrets

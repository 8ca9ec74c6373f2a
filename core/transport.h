#pragma once
// Interface for one HTTP request of an instance: one attempt, without retries (core/fetch.h adds
// them).
// CurlTransport is the real implementation, tests/fakes/fake_transport.h the fake.
//
// Errors of an attempt: unreachable (resolve, connect), timed_out, untrusted (certificate),
// too_large (limits::kResponseBody), interrupted (by the caller), failed (not HTTP, redirect). A
// status code is not an error here: the caller checks it.
//
// An attempt can be inspected: the steps reached, their times, and the peer. Without a request for
// inspection there is no cost.

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"

namespace agent_secrets {

// The time of each phase. Absent for a phase that was not finished or not needed (TLS with plain
// http; the first three on a reused connection).
struct PhaseTimes {
  std::optional<std::chrono::microseconds> resolve;
  std::optional<std::chrono::microseconds> connect;
  std::optional<std::chrono::microseconds> tls;
  std::optional<std::chrono::microseconds> answer;  // from sending the request to the first byte
  std::optional<std::chrono::microseconds> body;
};

// The server's certificate, trusted or not: names in RFC 2253 form with everything but printable
// ASCII escaped, times as Unix time.
struct PeerCertificate {
  std::string subject;
  std::string issuer;
  std::chrono::seconds valid_from{};
  std::chrono::seconds valid_until{};
};

struct Inspection {
  std::string authority;  // "host:port"
  std::vector<std::string>
      addresses;  // addresses that were tried, in this order; the proxy's, if there is a proxy
  bool through_proxy = false;
  PhaseTimes times;
  std::string tls_version;  // "TLSv1.3", or "" before the handshake was done
  std::string tls_cipher;
  std::optional<PeerCertificate> certificate;
};

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  // Of a POST. Absent: a GET. The initializer lets designated initializers leave it out under
  // -Wextra.
  std::optional<std::string> body = std::nullopt;
  // Overwritten by the attempt, whether it succeeds or fails; not owned. The initializer lets
  // designated initializers leave it out under -Wextra.
  Inspection* inspection = nullptr;
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string>
      headers;       // names in lower case; the last value of a repeated header
  std::string body;  // never has plaintext secrets: bundles are sealed
  // host:port of the peer, for messages. The initializer lets designated initializers leave it out
  // under -Wextra. NOLINTNEXTLINE(readability-redundant-member-init)
  std::string peer = {};
  [[nodiscard]] std::string header(const std::string& lower_case_name) const;  // or ""
  // The Date header as Unix time: the time of the server's clock.
  [[nodiscard]] std::optional<std::chrono::seconds> date() const;
  // The time to wait by Retry-After, at most a day (RFC 9110 section 10.2.3). A point in time is
  // compared with the answer's own Date, so the two clocks may differ. Absent if the header is
  // missing, negative, in the past or not valid.
  [[nodiscard]] std::optional<std::chrono::seconds> retry_after() const;
};

class Transport {
 public:
  virtual ~Transport() = default;
  // One attempt that ends within `timeout`. One thread at a time.
  virtual Result<HttpResponse> send(const HttpRequest& request,
                                    std::chrono::milliseconds timeout) = 0;
};

}  // namespace agent_secrets

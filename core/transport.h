#pragma once
// One GET: the seam between what instances ask and how it travels. One attempt, no retry, no policy
// (core/fetch.h adds those). CurlTransport is the real one, tests/fakes/fake_transport.h the other.
//
// Errors of an attempt: unreachable (resolve, connect), timed_out, untrusted (certificate),
// too_large (limits::kResponseBody), interrupted (by the caller), failed (not HTTP, redirect). A
// status code is not an error here: it is the caller's to read.
//
// An attempt can be inspected: how far it came, in what time, and whom it met. Who does not ask for
// that pays nothing for it.

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"

namespace agent_secrets {

// What each phase took by itself. Nothing for one that was not finished, and for one that was not
// needed: TLS over plain http, the first three on a connection that was kept open.
struct PhaseTimes {
  std::optional<std::chrono::microseconds> resolve;
  std::optional<std::chrono::microseconds> connect;
  std::optional<std::chrono::microseconds> tls;
  std::optional<std::chrono::microseconds> answer;  // from sending the request to the first byte
  std::optional<std::chrono::microseconds> body;
};

// As the server showed it, trusted or not: names in RFC 2253 form with everything but printable
// ASCII escaped, times as Unix time.
struct PeerCertificate {
  std::string subject;
  std::string issuer;
  std::chrono::seconds valid_from{};
  std::chrono::seconds valid_until{};
};

struct Inspection {
  std::string authority;               // "host:port"
  std::vector<std::string> addresses;  // that were tried, in that order; a proxy's, if there is one
  bool through_proxy = false;
  PhaseTimes times;
  std::string tls_version;  // "TLSv1.3", or "" before the handshake was done
  std::string tls_cipher;
  std::optional<PeerCertificate> certificate;
};

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  // Overwritten by the attempt, whether it succeeds or fails; not owned. The initializer lets
  // designated initializers leave it out under -Wextra.
  Inspection* inspection = nullptr;
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; the last of a repeated one
  std::string body;                            // never holds plaintext secrets: bundles are sealed
  // host:port that was asked, for messages. The initializer lets designated initializers leave it
  // out under -Wextra. NOLINTNEXTLINE(readability-redundant-member-init)
  std::string peer = {};
  [[nodiscard]] std::string header(const std::string& lower_case_name) const;  // or ""
  // The Date header, as Unix time: what the server's clock says.
  [[nodiscard]] std::optional<std::chrono::seconds> date() const;
  // How long Retry-After asks to wait, a day at most (RFC 9110 section 10.2.3). A point in time is
  // read against the answer's own Date, so the two clocks need not agree. Nothing where it is not
  // there, negative, past, or no sense can be made of it.
  [[nodiscard]] std::optional<std::chrono::seconds> retry_after() const;
};

class Transport {
 public:
  virtual ~Transport() = default;
  // One attempt that ends within `timeout`. One thread at a time.
  virtual Result<HttpResponse> get(const HttpRequest& request,
                                   std::chrono::milliseconds timeout) = 0;
};

}  // namespace agent_secrets

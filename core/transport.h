#pragma once
// One GET: the seam between what instances ask and how it travels. One attempt, no retry, no policy
// (core/fetch.h adds those). CurlTransport is the real one, tests/fakes/fake_transport.h the other.
//
// Errors of an attempt: unreachable (resolve, connect), timed_out, untrusted (certificate),
// too_large (limits::kResponseBody), interrupted (by the caller), failed (not HTTP, redirect). A status code is not an error
// here: it is the caller's to read.

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

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

}  // namespace agent_secrets

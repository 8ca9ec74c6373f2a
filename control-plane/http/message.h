#pragma once
// Requests and responses as the API code sees them. No Beast type here: Beast lives in
// control-plane/http alone.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/limits.h"

namespace agent_secrets::control_plane {

struct Request {
  std::string method;
  std::string target;                 // path and query as received (what a request proof signs)
  std::vector<std::string> segments;  // of the path, percent-decoded once each
  std::map<std::string, std::string> query;    // decoded
  std::map<std::string, std::string> headers;  // names in lower case; trailers are dropped
  std::map<std::string, std::string> params;   // of the matched route: {"org": "acme"}
  std::string_view body;                       // owned by the server, wiped after the answer
  std::chrono::milliseconds waited{0};         // how long it has been parked (Wait)
  bool must_answer = false;                    // the server stops: another Wait becomes a 503

  [[nodiscard]] std::string_view header(const std::string& lower_case_name) const;  // or ""
};

// A token, key or proof that was shown and did not hold. The server counts them, and answers 429 in
// place of the 401 when one address, or one key id, has too many.
struct FailedAuthentication {
  std::string kid = {};    // the key id that the client named, or "": unverified text
  bool kid_known = false;  // a credential has this key id
};

struct Response {
  int status = 200;
  std::string body = {};
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::optional<FailedAuthentication> failed = {};  // not sent
};

// "Call me again when woken, or after `at_most`." The server parks the connection on a timer, no
// thread: it calls subscribe(wake) at once, then the handler again with `waited` grown, then the
// function that subscribe returned, which cancels. `wake` may be called from any thread, and late.
struct Wait {
  std::chrono::milliseconds at_most{};
  std::function<std::function<void()>(std::function<void()> wake)> subscribe;
};

using Outcome = std::variant<Response, Wait>;
using Handler = std::function<Outcome(const Request&)>;

// The first step of a route, on the header alone (the request's body is empty): either the answer,
// and then the body is never read, or who asks and what answers once the body is there. A request
// with a body takes the first step twice, before and after the body arrives, so that a token that
// is revoked meanwhile no longer counts.
struct Admitted {
  // Names the token, key or credential for limits and queues; never shown, never empty.
  std::string account;
  Handler handle;
  std::uint64_t body_max = limits::kRequestBody;
};
using Admission = std::variant<Response, Admitted>;
using Admit = std::function<Admission(const Request&)>;

}  // namespace agent_secrets::control_plane

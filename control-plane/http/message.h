#pragma once
// Requests and responses for the API code. This header has no Beast type: only control-plane/http
// uses Beast.

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
  std::string address = {};                    // of the client, as failures are counted by it
  std::string_view body;                       // owned by the server, wiped after the answer
  std::chrono::milliseconds waited{0};         // how long the request was parked (Wait)
  bool must_answer = false;                    // the server is stopping: another Wait becomes a 503

  [[nodiscard]] std::string_view header(const std::string& lower_case_name) const;  // or ""
};

// A wrong token, key or proof. The server counts them, and answers 429 in place of 401 if one
// address, or one key id, has too many.
struct FailedAuthentication {
  std::string kid = {};    // the key id that the client named, or "": unverified text
  bool kid_known = false;  // a credential has this key id
};

struct Response {
  int status = 200;
  std::string body = {};
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::optional<FailedAuthentication> failed = {};  // for counters; not sent
  std::string actor = {};  // who asked, for the access log; not sent; "" if that is not known
};

struct Wait;
struct Later;
using Outcome = std::variant<Response, Wait, Later>;
using Handler = std::function<Outcome(const Request&)>;

// A handler returns Wait to be called again after a wake or after `at_most`. The server parks the
// connection on a timer, without a thread. It calls subscribe(wake) at once, later again(request)
// with a larger `waited`, then the function that subscribe returned, which cancels the
// subscription. `wake` may be called from any thread, and also after the cancellation. The request
// is not authenticated a second time: what may have changed since, `again` has to find out.
//
// Before `again`, the server calls at_hand(request), if there is one, on the thread of the sockets.
// If at_hand returns an answer, `again` is not called: an answer that is in memory needs no worker
// thread. at_hand may neither wait nor throw. It is not called if the request must be answered.
struct Wait {
  std::chrono::milliseconds at_most{};
  std::function<std::function<void()>(std::function<void()> wake)> subscribe;
  Handler again;
  std::function<std::optional<Response>(const Request&)> at_hand = {};
};

// A handler returns Later if its answer has to wait, as for a commit that it shares with others:
// then no worker thread waits with it. The server calls start() once, on the worker thread.
// `answer` is called exactly once, from any thread, and perhaps before start() returns.
//
// start() may return work that makes answers, its own and others. A worker thread calls it after
// the requests that wait for a thread already, and then again, after those that wait by then, as
// long as it returns true. Neither function uses the request or throws.
struct Later {
  using Rest = std::function<bool()>;  // or empty
  std::function<Rest(std::move_only_function<void(Response)> answer)> start;
};

// The first step of a route, on the header alone (the request's body is empty). It returns either
// the answer (then the body is never read), or the account and the handler for the second step,
// after the body has arrived. A request whose body is still to arrive takes the first step twice,
// before and after the body arrives, so that a token that was revoked meanwhile is refused.
struct Admitted {
  // Identifies the token, key or credential, for limits and queues; never shown, never empty.
  std::string account;
  Handler handle;
  std::uint64_t body_max = limits::kRequestBody;
};
using Admission = std::variant<Response, Admitted>;
using Admit = std::function<Admission(const Request&)>;

}  // namespace agent_secrets::control_plane

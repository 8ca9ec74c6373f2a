#pragma once
// Method and path pattern → the route's two steps (message.h). Patterns are literal segments and
// {name} segments, matched on decoded segments, so an escaped slash does not become a separator. A
// last {name...} takes one segment or more, and fills no parameter. Empty leading segments
// ("//v1/…", from a trailing slash in PIPECAT_API_HOST) are dropped; "." and ".." segments are
// refused.
//
// Threads: add() before the server starts; the rest from any.

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/http/message.h"

namespace agent_secrets::control_plane {

// The outcome of a request, and its account (empty if the first step refused it).
struct Dispatched {
  std::string account;
  Outcome outcome;
};

class Router {
 public:
  // Answers a path without a route (404), or a method that no route of the path has (405).
  using Fallback = std::function<Response(const Request&, int status)>;
  explicit Router(Fallback fallback);

  void add(std::string_view method, std::string_view pattern, Admit admit);
  // Adds a route without a token. It answers from the header: a body is not read.
  void add_open(std::string_view method, std::string_view pattern,
                std::function<Response(const Request&)> answer);
  // Adds a route that the server answers on its I/O thread, without a turn and a worker, so that it
  // answers while all workers wait for a database. `answer` must not block.
  void add_immediate(std::string_view method, std::string_view pattern,
                     std::function<Response(const Request&)> answer);
  // The next three do not throw: an exception becomes a 500 through the fallback. The first two
  // fill request.params.
  Admission admit(Request& request) const;      // the first step alone
  Dispatched dispatch(Request& request) const;  // both steps
  Outcome run(const Handler& handle, const Request& request) const;
  // "GET /v1/organizations/{org}/secrets" for each route, in the order of add().
  [[nodiscard]] std::vector<std::string> routes() const;
  // The place of the request's route in routes(), for the access log and metrics. Absent: no route.
  [[nodiscard]] std::optional<std::size_t> route_of(const Request& request) const;
  // The pattern of a route: never a name or a query. Empty: no route.
  [[nodiscard]] std::string_view pattern_of(std::optional<std::size_t> route) const;
  // The answer of a route that add_immediate() has added; absent for any other route.
  [[nodiscard]] std::optional<Response> answer_at_once(std::optional<std::size_t> route,
                                                       const Request& request) const;
  // The fallback's answer for a failure outside of a route: 400, 408, 413, 429, 431, 503.
  [[nodiscard]] Response refuse(const Request& request, int status) const;

 private:
  struct Route {
    std::string method;
    std::string pattern;
    std::vector<std::string> segments;
    Admit admit;
    std::function<Response(const Request&)> at_once = {};  // of an immediate route
  };
  // Null: `allowed` gets the methods of the routes that match the path.
  const Route* find(const Request& request, std::set<std::string>* allowed) const;
  [[nodiscard]] Response refuse_unrouted(const Request& request,
                                         std::set<std::string> allowed) const;

  Fallback fallback_;
  std::vector<Route> routes_;
};

}  // namespace agent_secrets::control_plane

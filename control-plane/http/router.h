#pragma once
// Method and path pattern → handler. Patterns are literal segments and {name} segments, matched on
// decoded segments, so an escaped slash stays inside its segment and never becomes a separator. A
// last {name...} takes one segment or more, and fills no parameter.
// Empty leading segments ("//v1/…", from a trailing slash in PIPECAT_API_HOST, contract 1.1) are
// dropped; "." and ".." segments are refused.
//
// Threads: add() before the server starts; dispatch() from any.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/http/message.h"

namespace agent_secrets::control_plane {

class Router {
 public:
  // Answers for a path that no route matches (404) or a method that its routes lack (405).
  using Fallback = std::function<Response(const Request&, int status)>;
  explicit Router(Fallback fallback);

  void add(std::string_view method, std::string_view pattern, Handler handler);
  // Fills request.params; never throws: an exception of a handler becomes a 500 through the
  // fallback.
  Outcome dispatch(Request& request) const;
  // "GET /v1/organizations/{org}/secrets" of each, as they were added.
  [[nodiscard]] std::vector<std::string> routes() const;
  // The one that a request takes, for the access log and metrics: never a name or a query.
  // Empty: no route.
  [[nodiscard]] std::string_view route_of(const Request& request) const;
  // The fallback's answer for what fails before there is a route: 400, 413, 431.
  [[nodiscard]] Response refuse(const Request& request, int status) const;

 private:
  struct Route {
    std::string method;
    std::string pattern;
    std::vector<std::string> segments;
    Handler handler;
  };
  Fallback fallback_;
  std::vector<Route> routes_;
};

}  // namespace agent_secrets::control_plane

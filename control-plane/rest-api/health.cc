#include "control-plane/rest-api/health.h"

#include <string_view>

#include <boost/json/object.hpp>

#include "control-plane/rest-api/errors.h"

namespace agent_secrets::control_plane {
namespace {

// A load balancer asks again by itself, and caches must not answer for us.
Response uncached(Response response) {
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

bool is_excluded(const Request& request, std::string_view name) {
  const auto exclude = request.query.find("exclude");
  if (exclude == request.query.end()) return false;
  return ("," + exclude->second + ",").find("," + std::string(name) + ",") != std::string::npos;
}

// The 503 has the "error" and the "code" of every other error.
Response readiness_response(const Request& request, const std::vector<ReadinessCheck>& checks) {
  std::string problem;
  boost::json::object each;
  for (const ReadinessCheck& check : checks) {
    each[check.name] = check.problem.empty() ? "ok" : check.problem;
    if (problem.empty() && !is_excluded(request, check.name)) problem = check.problem;
  }
  const bool ready = problem.empty();
  boost::json::object body;
  if (!ready) body = error_body(request, 503, problem);
  body["ready"] = ready;
  body["checks"] = std::move(each);
  return json_response(body, ready ? 200 : 503);
}

}  // namespace

void add_health_routes(Router& router,
                       const std::function<std::vector<ReadinessCheck>()>& readiness) {
  router.add_immediate("GET", "/livez",
                       [](const Request&) { return uncached(json_response({{"alive", true}})); });
  router.add_open("GET", "/readyz", [readiness](const Request& request) {
    return uncached(readiness_response(request, readiness()));
  });
}

}  // namespace agent_secrets::control_plane

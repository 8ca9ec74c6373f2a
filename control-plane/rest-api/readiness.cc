#include "control-plane/rest-api/readiness.h"

#include "control-plane/rest-api/errors.h"

namespace agent_secrets::control_plane {
namespace {

// A load balancer asks again by itself, and caches must not answer for us.
Response uncached(Response response) {
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

}  // namespace

void add_readiness_route(Router& router, const std::function<Result<void>()>& ready) {
  router.add_open("GET", "/readyz", [ready](const Request& request) {
    const auto outcome = ready();
    if (!outcome) return uncached(error_response(request, 503, outcome.error().message));
    return uncached(json_response({{"ready", true}}));
  });
}

}  // namespace agent_secrets::control_plane

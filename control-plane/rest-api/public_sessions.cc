// What a public API key is for: starting a session of an agent, and speaking to one.
// This control plane runs no agents and so has none to offer; what is left is to say so
// to whoever holds a key, and 401 to everybody else. Never 404, which `agent start` takes for a
// session that has started.
#include <array>

#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/rest_api.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kNoSessions =
    "This control plane does not run agents. Start sessions where you run their containers.";

// HEAD is the router's GET.
constexpr std::array<std::string_view, 6> kProxied{"GET",   "POST",   "PUT",
                                                   "PATCH", "DELETE", "OPTIONS"};

Response answer(const RestApi& api, const Request& request) {
  const auto bearer = bearer_of(request);
  if (!bearer) return error_response(request, 401, "A public API key is needed");
  const auto live = api.catalog.is_live_public_key(hash_bearer(*bearer));
  if (!live) return error_response(request, live.error(), api.log);
  if (!*live) {
    Response refused = error_response(request, 401, "Unauthorized");
    refused.failed.emplace();
    return refused;
  }
  return error_response(request, 501, kNoSessions);
}

// The start has a code of its own for "no key at all".
Response answer_start(const RestApi& api, const Request& request) {
  if (bearer_of(request)) return answer(api, request);
  return coded_error_response(401, "A public API key is needed to start a session", "PCC-1002");
}

}  // namespace

void add_public_routes(Router& router, const RestApi& api) {
  router.add_open("POST", "/v1/public/{name}/start",
                  [&api](const Request& request) { return answer_start(api, request); });
  for (const std::string_view method : kProxied) {
    router.add_open(method, "/v1/public/{service}/sessions/{sessionId}/{path...}",
                    [&api](const Request& request) { return answer(api, request); });
  }
}

}  // namespace agent_secrets::control_plane

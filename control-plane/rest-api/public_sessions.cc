// The routes for public API keys: start a session of an agent, and send requests to a session. This
// control plane runs no agents, so the answer is 501 with a live public key and 401 without. It is
// never 404, because `agent start` reports success after a 404.
#include <array>

#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/rest_api.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kNoSessions =
    "This control plane does not run agents. Start sessions where you run their containers.";

// The router handles HEAD as GET.
constexpr std::array<std::string_view, 6> kProxied{"GET",   "POST",   "PUT",
                                                   "PATCH", "DELETE", "OPTIONS"};

Response answer(const RestApi& api, const Request& request) {
  const auto bearer = bearer_of(request);
  if (!bearer) return error_response(request, 401, "A public API key is needed");
  const auto live = api.catalog.identities.is_live_public_key(hash_bearer(*bearer));
  if (!live) return error_response(request, live.error(), api.log);
  if (!*live) {
    Response refused = error_response(request, 401, "Unauthorized");
    refused.failed.emplace();
    return refused;
  }
  return error_response(request, 501, kNoSessions);
}

// A start without a key has a special code.
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

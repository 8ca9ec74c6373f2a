#include "control-plane/rest-api/rest_api.h"

#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/openapi.h"

namespace agent_secrets::control_plane {

void add_single_route(Router& router, const RestApi& api, std::string_view method,
                      std::string_view pattern, const RestHandler& handler) {
  router.add(method, pattern, [&api, handler](const Request& request) -> Outcome {
    const auto principal = authorize(api.catalog, request);
    if (!principal) return error_response(request, principal.error(), api.log);
    auto response = handler(api, request, *principal);
    if (!response) return error_response(request, response.error(), api.log);
    return std::move(*response);
  });
}

void add_identity_route(Router& router, const RestApi& api, std::string_view method,
                        std::string_view pattern, const IdentityHandler& handler) {
  router.add(method, pattern, [&api, handler](const Request& request) -> Outcome {
    const auto identity = authenticate(api.catalog, request);
    if (!identity) return error_response(request, identity.error(), api.log);
    auto response = handler(*identity);
    if (!response) return error_response(request, response.error(), api.log);
    return std::move(*response);
  });
}

void add_route(Router& router, const RestApi& api, std::string_view method, std::string_view path,
               const RestHandler& handler) {
  add_single_route(router, api, method, "/v1/organizations/{org}" + std::string(path), handler);
  add_single_route(router, api, method, "/v1" + std::string(path), handler);
}

void add_rest_routes(Router& router, const RestApi& api) {
  add_secret_routes(router, api);
  add_agent_routes(router, api);
  add_instance_list_routes(router, api);
  add_session_routes(router, api);
  add_event_routes(router, api);
  add_organization_routes(router, api);
  add_property_routes(router, api);
  add_api_key_routes(router, api);
  add_public_routes(router, api);
  add_declined_routes(router, api);
  add_openapi_route(router);
}

}  // namespace agent_secrets::control_plane

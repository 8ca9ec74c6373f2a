#include "control-plane/rest-api/rest_api.h"

#include <utility>
#include <variant>

#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/openapi.h"
#include "control-plane/rest-api/rights.h"

namespace agent_secrets::control_plane {

namespace {

Response refuse_caller(const Request& request, const Error& error, const Log& log) {
  Response response = error_response(request, error, log);
  if (response.status == 401 && shows_authorization(request)) response.failed.emplace();
  return response;
}

Response answer(const RestApi& api, const Request& request, const Actor& actor,
                Result<Response> result) {
  Response response =
      result ? std::move(*result) : error_response(request, result.error(), api.log);
  response.actor = describe(actor);
  return response;
}

// The caller, or the refusal.
std::variant<Response, Principal> admit(const RestApi& api, const Request& request, Role least) {
  auto identity = authenticate(api.catalog.identities, request);
  if (!identity) return refuse_caller(request, identity.error(), api.log);
  auto principal = authorize(*identity, request);
  if (!principal) return answer(api, request, identity->actor, propagate(principal));
  if (auto may = check_role(*principal, least); !may) {
    return answer(api, request, principal->actor, propagate(may));
  }
  return std::move(*principal);
}

// One look of a long poll, and the wait for the next one.
Outcome look(const RestApi& api, const LongPollHandler& handler, Role least, const Request& request,
             const Principal& principal) {
  const bool is_last = request.must_answer || request.waited >= kLongPollWait;
  auto found = handler(api, request, principal, is_last);
  if (!found) return answer(api, request, principal.actor, propagate(found));
  if (*found) return answer(api, request, principal.actor, std::move(**found));
  return Wait{.at_most = kLongPollLook,
              .subscribe = [](const std::function<void()>&) { return [] {}; },
              .again = [&api, &handler, least](const Request& later) -> Outcome {
                auto caller = admit(api, later, least);
                if (auto* refusal = std::get_if<Response>(&caller)) return std::move(*refusal);
                return look(api, handler, least, later, std::get<Principal>(caller));
              }};
}

}  // namespace

// The second step refers to `handler`, which the route owns as long as the router exists.
void add_single_route(Router& router, const RestApi& api, std::string_view method,
                      std::string_view pattern, const RestHandler& handler) {
  const Role least = least_role(method, pattern);
  router.add(method, pattern, [&api, handler, least](const Request& request) -> Admission {
    auto caller = admit(api, request, least);
    if (auto* refusal = std::get_if<Response>(&caller)) return std::move(*refusal);
    return Admitted{.account = account_of(request),
                    .handle = [&api, &handler, principal = std::get<Principal>(std::move(caller))](
                                  const Request& whole) -> Outcome {
                      return answer(api, whole, principal.actor, handler(api, whole, principal));
                    }};
  });
}

void add_long_poll(Router& router, const RestApi& api, std::string_view pattern,
                   const LongPollHandler& handler) {
  const Role least = least_role("GET", pattern);
  router.add("GET", pattern, [&api, handler, least](const Request& request) -> Admission {
    auto caller = admit(api, request, least);
    if (auto* refusal = std::get_if<Response>(&caller)) return std::move(*refusal);
    return Admitted{
        .account = account_of(request),
        .handle = [&api, &handler, least, principal = std::get<Principal>(std::move(caller))](
                      const Request& whole) -> Outcome {
          return look(api, handler, least, whole, principal);
        }};
  });
}

void add_identity_route(Router& router, const RestApi& api, std::string_view method,
                        std::string_view pattern, const IdentityHandler& handler) {
  router.add(method, pattern, [&api, handler](const Request& request) -> Admission {
    auto identity = authenticate(api.catalog.identities, request);
    if (!identity) return refuse_caller(request, identity.error(), api.log);
    return Admitted{.account = account_of(request),
                    .handle = [&api, &handler,
                               identity = std::move(*identity)](const Request& whole) -> Outcome {
                      return answer(api, whole, identity.actor, handler(identity));
                    }};
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
  add_fleet_routes(router, api);
  add_session_routes(router, api);
  add_event_routes(router, api);
  add_organization_routes(router, api);
  add_property_routes(router, api);
  add_api_key_routes(router, api);
  add_audit_routes(router, api);
  add_token_routes(router, api);
  add_member_routes(router, api);
  add_credential_routes(router, api);
  add_public_routes(router, api);
  add_declined_routes(router, api);
  add_openapi_route(router);
}

}  // namespace agent_secrets::control_plane

#pragma once
// The public REST API for the official CLI (paths below /v1/organizations/{org}) and for private
// keys (the same resources below /v1). Both families share the handlers. The catalog has the rules;
// this folder has the wire formats.
//
// Every route needs a token or a private API key, except the routes for public keys (/v1/public)
// and the declined routes of /auth. A route about an organization needs a role there (rights.h).
//
// Threads: safe from several. The objects that it refers to must outlive it, and it must outlive
// the router's use.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "control-plane/catalog/catalog.h"
#include "control-plane/http/counters.h"
#include "control-plane/http/router.h"
#include "control-plane/rest-api/authenticate.h"
#include "control-plane/rest-api/process_metrics.h"
#include "control-plane/rest-api/regions.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

struct RestApi {
  Catalog& catalog;
  RestRegions regions;
  std::function<void()> roll_out;  // wakes the deploy commands; no effect without --on-deploy
  std::function<ProcessState()> process;  // for /metrics
  const HttpCounters& counters;           // for /metrics
  const Clock& clock;
  const Log& log;
};

void add_rest_routes(Router& router, const RestApi& api);

// The events of an agent, oldest first, in the format of the API and of `agent events --json`.
boost::json::object events_json(const std::vector<AgentEvent>& events);

// For the files of this folder: each file adds its routes.
using RestHandler =
    std::function<Result<Response>(const RestApi&, const Request&, const Principal&)>;
// Adds a path in both families: "/secrets" is /v1/organizations/{org}/secrets and /v1/secrets.
void add_route(Router& router, const RestApi& api, std::string_view method, std::string_view path,
               const RestHandler& handler);
// Adds a path in one family.
void add_single_route(Router& router, const RestApi& api, std::string_view method,
                      std::string_view pattern, const RestHandler& handler);

inline constexpr std::chrono::seconds kLongPollLook{2};
inline constexpr std::chrono::seconds kLongPollWait{25};

// A handler of a long poll. It returns nothing if there is no news, is called again every
// kLongPollLook, and must return an answer when `is_last` is true. The caller is authenticated
// before each call, so a revocation ends the wait.
using LongPollHandler = std::function<Result<std::optional<Response>>(
    const RestApi&, const Request&, const Principal&, bool is_last)>;
void add_long_poll(Router& router, const RestApi& api, std::string_view pattern,
                   const LongPollHandler& handler);

// A handler that needs only the caller, not an organization.
using IdentityHandler = std::function<Result<Response>(const Identity&)>;
void add_identity_route(Router& router, const RestApi& api, std::string_view method,
                        std::string_view pattern, const IdentityHandler& handler);

void add_secret_routes(Router& router, const RestApi& api);
void add_agent_routes(Router& router, const RestApi& api);
void add_instance_list_routes(Router& router, const RestApi& api);
void add_fleet_routes(Router& router, const RestApi& api);
void add_session_routes(Router& router, const RestApi& api);
void add_event_routes(Router& router, const RestApi& api);
void add_organization_routes(Router& router, const RestApi& api);
void add_property_routes(Router& router, const RestApi& api);
void add_api_key_routes(Router& router, const RestApi& api);
void add_token_routes(Router& router, const RestApi& api);
void add_member_routes(Router& router, const RestApi& api);
void add_credential_routes(Router& router, const RestApi& api);
void add_public_routes(Router& router, const RestApi& api);
void add_audit_routes(Router& router, const RestApi& api);
void add_declined_routes(Router& router, const RestApi& api);

}  // namespace agent_secrets::control_plane

#pragma once
// The public REST API: what the official CLI (paths below /v1/organizations/{org}) and users of a
// private key (the same resources below /v1) speak. Both families share the handlers; the catalog
// holds the rules; here are the wire formats.
//
// Every route wants a token or a private API key, but for what public keys are for (/v1/public) and
// the sentences of /auth. Members and admins may use all of them.
//
// Threads: safe from several. All that it refers to must outlive it, and it must outlive the
// router's use.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "control-plane/catalog/catalog.h"
#include "control-plane/http/counters.h"
#include "control-plane/http/router.h"
#include "control-plane/rest-api/authenticate.h"
#include "control-plane/stores.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

// How a handler tells a region's Provisioner, by region code, that there is work.
struct RegionSignals {
  std::function<void(const std::string& region)> wake;         // soon
  std::function<void(const std::string& region)> publish_now;  // before this returns
  std::function<void()> roll_out;  // there may be a deploy command to run; nothing without one
};

struct RestApi {
  Catalog& catalog;
  RegionSignals regions;
  const std::map<std::string, RegionHandle>& stores;  // by region code
  const HttpCounters& counters;                       // for /metrics
  const Clock& clock;
  const Log& log;
};

void add_rest_routes(Router& router, const RestApi& api);

// What happened to an agent, oldest first, as the API and `agent events --json` show it.
boost::json::object events_json(const std::vector<AgentEvent>& events);

// For the files of this folder: each adds its part.
using RestHandler =
    std::function<Result<Response>(const RestApi&, const Request&, const Principal&)>;
// A path in both families: "/secrets" is /v1/organizations/{org}/secrets and /v1/secrets.
void add_route(Router& router, const RestApi& api, std::string_view method, std::string_view path,
               const RestHandler& handler);
// A path in one.
void add_single_route(Router& router, const RestApi& api, std::string_view method,
                      std::string_view pattern, const RestHandler& handler);

// One about the caller, whatever it reaches.
using IdentityHandler = std::function<Result<Response>(const Identity&)>;
void add_identity_route(Router& router, const RestApi& api, std::string_view method,
                        std::string_view pattern, const IdentityHandler& handler);

void add_secret_routes(Router& router, const RestApi& api);
void add_agent_routes(Router& router, const RestApi& api);
void add_instance_list_routes(Router& router, const RestApi& api);
void add_session_routes(Router& router, const RestApi& api);
void add_event_routes(Router& router, const RestApi& api);
void add_organization_routes(Router& router, const RestApi& api);
void add_property_routes(Router& router, const RestApi& api);
void add_api_key_routes(Router& router, const RestApi& api);
void add_public_routes(Router& router, const RestApi& api);
void add_declined_routes(Router& router, const RestApi& api);

}  // namespace agent_secrets::control_plane

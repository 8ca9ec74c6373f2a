#include "control-plane/instance-api/routes.h"

#include <utility>

#include "control-plane/instance-api/bundle.h"
#include "control-plane/instance-api/watch.h"

namespace agent_secrets::control_plane {

InstanceApi::InstanceApi(std::map<std::string, RegionHandle>& regions,
                         std::map<std::string, ChangeHub>& hubs,
                         std::vector<std::string> public_urls, const Clock& clock, const Log& log)
    : authenticator_(regions, std::move(public_urls), clock, log),
      hubs_(hubs),
      clock_(clock),
      log_(log) {
  for (const auto& [code, handle] : regions) AGENT_SECRETS_ASSERT(hubs_.contains(code));
}

Response InstanceApi::bundle(const Request& request) const {
  auto caller = authenticator_.authenticate(request);
  if (!caller) return std::move(caller.error());
  return answer_bundle(*caller, clock_, log_);
}

Outcome InstanceApi::watch(const Request& request) const {
  auto caller = authenticator_.authenticate(request);
  if (!caller) return std::move(caller.error());
  return answer_watch(request, *caller, hubs_.at(caller->region), log_);
}

void add_instance_routes(Router& router, InstanceApi& api) {
  router.add("GET", "/instance/v1/bundle",
             [&api](const Request& request) -> Outcome { return api.bundle(request); });
  router.add("GET", "/instance/v1/watch",
             [&api](const Request& request) { return api.watch(request); });
}

}  // namespace agent_secrets::control_plane

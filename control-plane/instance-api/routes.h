#pragma once
// The instance API: what injector and sidecar speak (docs/protocol.md). One object for all regions
// that this process serves; the region is the one whose store knows the credential that asks.
//
// Threads: safe from several. The maps, the clock and the log must outlive it and its routes, and
// the maps must not gain or lose regions meanwhile.

#include <map>
#include <string>
#include <vector>

#include "control-plane/http/message.h"
#include "control-plane/http/router.h"
#include "control-plane/instance-api/authenticate.h"
#include "control-plane/region/change_hub.h"
#include "control-plane/stores.h"
#include "core/clock.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

class InstanceApi {
 public:
  // `hubs` has one entry for each region. `public_urls` are the base URLs that credentials name and
  // proofs are made for, exactly as spelled there.
  InstanceApi(std::map<std::string, RegionHandle>& regions, std::map<std::string, ChangeHub>& hubs,
              std::vector<std::string> public_urls, const Clock& clock, const Log& log);

  [[nodiscard]] Response bundle(const Request& request) const;
  [[nodiscard]] Outcome watch(const Request& request) const;

 private:
  Authenticator authenticator_;
  std::map<std::string, ChangeHub>& hubs_;
  const Clock& clock_;
  const Log& log_;
};

void add_instance_routes(Router& router, InstanceApi& api);

}  // namespace agent_secrets::control_plane

#pragma once
// The instance API for injector and sidecar (docs/protocol.md). One object serves all regions of
// this process; a request belongs to the region whose store has its credential.
//
// Every authenticated request is also a report of its instance, for the region's InstanceRecorder.
// A watch reports the sequence that the instance runs, once at its arrival (not again after a
// wake). A bundle request reports the sequence that was sent, unless it has ?purpose=check or
// one-shot. Requests of a revoked credential are not recorded.
//
// Every answer to an authenticated bundle request, a refusal too, is recorded in the region's audit
// log before it is sent (instance-api/bundle_audit.h).
//
// Threads: safe from several. The regions, the clock and the log must outlive it and its routes.

#include <memory>
#include <string>
#include <vector>

#include "control-plane/http/message.h"
#include "control-plane/http/router.h"
#include "control-plane/instance-api/authenticate.h"
#include "control-plane/instance-api/bundle.h"
#include "control-plane/instance-api/regions.h"
#include "control-plane/instance-api/sealed_blocks.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

class InstanceApi {
 public:
  // `public_urls` are the base URLs in credentials and proofs, in exactly the same spelling.
  InstanceApi(InstanceRegions regions, std::vector<std::string> public_urls, const Clock& clock,
              const Log& log);

  // Waits until the answer is recorded.
  [[nodiscard]] Response bundle(const Request& request);
  [[nodiscard]] Outcome watch(const Request& request) const;
  // The first steps of the routes.
  [[nodiscard]] Admission admit_bundle(const Request& request);
  [[nodiscard]] Admission admit_watch(const Request& request) const;

 private:
  // One answer that is to be recorded.
  struct Unrecorded;
  [[nodiscard]] Outcome bundle_for(const Request& request,
                                   const std::shared_ptr<const Caller>& caller);
  [[nodiscard]] Response recorded(Unrecorded& made, const Result<void>& written) const;
  [[nodiscard]] Outcome watch_for(const Request& request, const Caller& caller) const;

  Authenticator authenticator_;
  SealedBlocks sealed_blocks_;
  const Clock& clock_;
  const Log& log_;
};

void add_instance_routes(Router& router, InstanceApi& api);

}  // namespace agent_secrets::control_plane

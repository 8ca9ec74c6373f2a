// `deploy-command forget`: the control plane has no deploy command any more.
//
// A server on a data directory says by itself whether it has one. Of several servers on one
// database some may have --on-deploy and others not, so there an operator decides.

#include <string>
#include <variant>

#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"
#include "control-plane/data.h"
#include "control-plane/replica/lease_keeper.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

struct ForgetOptions {
  DataOptions data;
};

// While it holds the lease of the runner, no other process runs deploy commands. One that takes the
// lease later records its command again (rollout/runner.h), so none is lost.
Result<void> forget_under_lease(Catalog& catalog) {
  auto taken = catalog.leases.take(
      {.work = std::string(kRolloutsWork), .holder = random_holder(), .time = limits::kLeaseTime});
  if (!taken) return propagate(taken);
  if (const auto* holder = std::get_if<std::string>(&*taken)) {
    return fail(ErrorCode::conflict,
                "the server " + *holder + " has a deploy command, or had it a few seconds ago",
                "stop every server that has --on-deploy, then try again");
  }
  auto forgotten = catalog.rollouts.forget_command(host_actor());
  auto released = catalog.leases.release(std::get<LeaseTerm>(*taken));
  return forgotten ? released : forgotten;
}

Result<void> forget(const ForgetOptions& options, const Clock& clock) {
  auto data = find_data(options.data);
  if (!data) return propagate(data);
  if (auto locked = data->place->lock_for_server(); !locked) return locked;
  auto stores = open_stores(*data->place, data->master_key, clock);
  if (!stores) return propagate(stores);
  auto done = forget_under_lease(*stores->catalog);
  if (!done) return propagate(done, "forget the deploy command");
  note("there is no deploy command any more: waiting deployments are available");
  return {};
}

}  // namespace

void declare_deploy_command(const Declarations& declare) {
  const Declarations group =
      declare.group("deploy-command", "Manage the record of the deploy command (serve --on-deploy)",
                    {.examples = {{"secret-control-plane deploy-command forget",
                                   "After the last server with --on-deploy was stopped for good"}},
                     .reading = {{"docs/OPERATIONS.md", "On deploy"}}});
  group.command("forget",
                "Make deployments available without a deploy command, also those that wait for one",
                forget);
}

}  // namespace agent_secrets::control_plane

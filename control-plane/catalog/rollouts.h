#pragma once
// The deploy commands that have to run (rollout/runner.h runs them).
//
// A rollout is one run of the command that is due for an agent: for a new deployment once its
// region has confirmed it, for a change of scaling, for a deletion once its region has confirmed
// it. An agent has at most one rollout: a newer request replaces an older one. A rollout stays due,
// also after a crash, until the run for the newest request has ended. So a crash can repeat a
// command and never loses one.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/model/actor.h"
#include "control-plane/model/lease_term.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct CatalogContext;
class Transaction;

enum class RolloutEvent { deploy, scale, remove };
std::string_view to_string(RolloutEvent event);  // "deploy", "scale", "delete"

// The deploy command that an agent waits for, or that has failed.
struct RolloutStatus {
  RolloutEvent event = RolloutEvent::deploy;
  bool has_failed = false;
  std::string failure;
};

// The input of a deploy command. No member is secret.
struct Rollout {
  std::int64_t agent_id = 0;
  std::int64_t ticket = 0;
  RolloutEvent event = RolloutEvent::deploy;
  std::string organization;
  std::string agent;
  std::string region;
  std::string deployment_id;
  std::string image;
  std::string secret_set;               // or ""
  std::int64_t secret_set_version = 0;  // pinned; 0 without a set
  std::string image_pull_secret_set;    // or ""
  int min_agents = 0;
  int max_agents = 0;
};

// Whether there is a deploy command is a property of the control plane, recorded in the catalog,
// not of the process: of several servers only some may have --on-deploy.
class Rollouts {
 public:
  explicit Rollouts(CatalogContext& context) : context_(context) {}

  Result<bool> has_command();
  // The control plane has a deploy command: each change from now on requests a run of it.
  Result<void> use_command(const Actor& actor);
  // It has none any more: the stored rollouts are removed, and their deployments count as rolled
  // out.
  Result<void> forget_command(const Actor& actor);
  // The rollouts that have not failed and whose change the region has confirmed. Oldest request
  // first; an agent that gets a newer request before its run keeps its place. An agent is listed
  // only after the run for a deleted agent with the same name, because both have the same target.
  Result<std::vector<Rollout>> list_due();
  // Records the end of a run. `failure` is "" after a success. True: the run was for the newest
  // request. False: a newer request is still due. ErrorCode::conflict when another process has
  // taken the lease kRolloutsWork: the rollout is still due.
  Result<bool> settle(const Rollout& rollout, std::string_view failure, const LeaseTerm& term);

 private:
  CatalogContext& context_;
};

// For the other subjects.
bool has_deploy_command(Transaction& tx);
// No effect without a deploy command.
void request_rollout(Transaction& tx, std::int64_t agent_id, RolloutEvent event);
std::optional<RolloutStatus> find_rollout(Transaction& tx, std::int64_t agent_id);

}  // namespace agent_secrets::control_plane

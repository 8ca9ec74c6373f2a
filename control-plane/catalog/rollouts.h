#pragma once
// The deploy commands that have to run (rollout/runner.h runs them).
//
// A rollout is one run of the command that is owed to an agent: for a new deployment once its
// region has it, for a change of scaling, for a deletion once its region knows of it. An agent has
// at most one rollout: a newer request replaces an older one. A rollout is durable, and only a run
// that answers the newest request settles it. So a crash at any moment repeats the command and
// never forgets it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

// What a deploy command gets. Nothing of it is secret.
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

class Rollouts {
 public:
  explicit Rollouts(CatalogContext& context) : context_(context) {}

  // Whether changes from now on wait for a command. False also removes the rollouts that wait,
  // because no command will run.
  Result<void> use(bool wanted);
  // The rollouts that have not failed and that the region knows of. Oldest request first; an agent
  // with a newer request before its run keeps its place. The run for a deleted agent comes before
  // the run for a later agent of its name, because both have the same deploy target.
  Result<std::vector<Rollout>> list_due();
  // `failure` is "" after a success. True: the run answered the newest request.
  Result<bool> settle(const Rollout& rollout, std::string_view failure);

 private:
  CatalogContext& context_;
};

// For the other subjects.
void request_rollout(Transaction& tx, const CatalogContext& context, std::int64_t agent_id,
                     RolloutEvent event);
std::optional<RolloutStatus> find_rollout(Transaction& tx, std::int64_t agent_id);

}  // namespace agent_secrets::control_plane

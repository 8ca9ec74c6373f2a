#pragma once
// Agents and their deployments: reading and deleting. catalog/deploys.h creates and changes them.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/catalog/rollouts.h"
#include "control-plane/model/actor.h"
#include "control-plane/model/agent_snapshot.h"
#include "control-plane/model/time.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class Authority;
struct CatalogContext;
class Transaction;

struct Scaling {
  int min_agents = 0;
  int max_agents = 50;
  bool operator==(const Scaling&) const = default;
};

// Which version of its secret set a deployment gives its instances.
enum class SecretVersion {
  pinned,  // the newest ready version at the time of the deploy
  latest,  // always the newest ready version
};
std::string_view to_string(SecretVersion version);  // "pinned", "latest"

// A change of any member makes a new deployment.
struct DeploymentSpec {
  std::string image;
  std::string secret_set;                       // or ""
  std::string image_pull_secret_set;            // or ""
  std::optional<SecretVersion> secret_version;  // absent: pinned, and the API does not show it
  // Members of the API that the catalog only keeps, each as its JSON text:
  // "agentProfile" → "\"agent-1x\"".
  std::map<std::string, std::string> settings;
  bool operator==(const DeploymentSpec&) const = default;
};

struct Deployment {
  std::string id;  // UUID
  DeploymentSpec spec;
  // The secret set's version. Image pull secrets are not given to instances, and not pinned.
  std::vector<PinnedSet> pins;
  UnixMs created_at{};
};

struct Agent {
  std::int64_t id = 0;
  std::string name;
  std::string region;
  Scaling scaling;
  Deployment deployment;  // the desired one
  // The newest deployment that the region has and that is rolled out, or "".
  std::string reconciled_deployment;
  std::optional<RolloutStatus> rollout;
  UnixMs created_at{};
  UnixMs updated_at{};
  bool is_accepted = true;  // the codes of the agent and its deployment hold
};

class Agents {
 public:
  explicit Agents(CatalogContext& context) : context_(context) {}

  Result<std::vector<Agent>> list(std::int64_t organization_id);
  Result<std::optional<Agent>> find(std::int64_t organization_id, std::string_view name);
  Result<std::vector<Deployment>> list_deployments(std::int64_t organization_id,
                                                   std::string_view agent);
  Result<void> remove(const Actor& actor, std::int64_t organization_id, std::string_view name);

 private:
  CatalogContext& context_;
};

// For the other subjects.
std::optional<Agent> find_agent_row(Transaction& tx, const Authority& authority,
                                    std::int64_t organization_id, std::string_view name);
// ErrorCode::not_found if there is none.
Result<Agent> existing_agent(Transaction& tx, const Authority& authority,
                             std::int64_t organization_id, std::string_view name);
// For what gives a right. ErrorCode::untrusted too, if the agent's rows are refused.
Result<Agent> accepted_agent(Transaction& tx, const Authority& authority,
                             std::int64_t organization_id, std::string_view name);
// The codes of the agent, which is not deleted, and of its deployment hold.
bool is_accepted_agent(Transaction& tx, const Authority& authority, std::int64_t id);
std::vector<PinnedSet> read_pins(Transaction& tx, std::string_view deployment_id);

}  // namespace agent_secrets::control_plane

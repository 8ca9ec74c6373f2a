#pragma once
// Deploys: creating an agent, and changing it. A deploy checks its sets (existence, type, region,
// then readiness) in the same transaction that pins their versions, and whether the actor may give
// the agent its set (catalog/bindings.h).

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "control-plane/catalog/agents.h"
#include "control-plane/model/actor.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// Absent members keep what the agent has, or take the default for a new agent.
struct DeployRequest {
  std::string agent;
  std::optional<std::string> region;
  std::optional<std::string> image;
  std::optional<std::string> secret_set;             // "": unbinds the set
  std::optional<std::string> image_pull_secret_set;  // "": unbinds the set
  std::optional<SecretVersion> secret_version;
  // Merged into the agent's settings; absent values remove a setting.
  std::map<std::string, std::optional<std::string>> settings;
  std::optional<int> min_agents;
  std::optional<int> max_agents;
  bool force = false;
};

struct DeployOutcome {
  Agent agent;
  // Sentences, or "": nothing changed; the set has a newer ready version; the agent has no secrets;
  // reserved names are among the keys.
  std::string warning;
  std::string first_set;  // a set that the agent has not had before, or ""
};

class Deploys {
 public:
  explicit Deploys(CatalogContext& context) : context_(context) {}

  Result<DeployOutcome> create_agent(const Actor& actor, std::int64_t organization_id,
                                     DeployRequest request);
  Result<DeployOutcome> update_agent(const Actor& actor, std::int64_t organization_id,
                                     DeployRequest request);

 private:
  CatalogContext& context_;
};

}  // namespace agent_secrets::control_plane

#pragma once
// An agent as its region serves it, and an earlier release of an agent. Plain records.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control-plane/model/time.h"
#include "core/credential.h"

namespace agent_secrets::control_plane {

struct PinnedSet {
  std::int64_t organization_id = 0;
  std::int64_t set_id = 0;
  std::string name;
  std::int64_t version = 0;         // pinned
  std::int64_t latest_version = 0;  // the newest ready version; equal to `version` if it is pinned
  // The keys whose values differ between the newest version and the version that an instance runs.
  // compare_with_running() (fleet/instance_state.h) fills both members; a snapshot has neither.
  std::vector<std::string> changed_keys;  // sorted; names only
  bool same_values = false;               // the comparison was possible and found no difference

  bool operator==(const PinnedSet&) const = default;
};

struct AgentCredentialRecord {
  std::string kid;
  CredentialPublicKeys keys;
  bool revoked = false;
  std::optional<UnixMs> expires_at = {};  // from then on the region refuses it

  bool operator==(const AgentCredentialRecord&) const = default;
};

struct AgentSnapshot {
  std::int64_t agent_id = 0;
  std::int64_t revision = 0;
  std::int64_t sequence = 0;
  std::string organization;
  std::string agent;
  bool deleted = false;
  std::string deployment_id;  // or "" when there is none
  std::vector<PinnedSet> sets;
  std::vector<AgentCredentialRecord> credentials;

  bool operator==(const AgentSnapshot&) const = default;
};

struct AgentRevision {
  std::int64_t agent_id = 0;
  std::int64_t revision = 0;

  bool operator==(const AgentRevision&) const = default;
};

// What an agent was given at an earlier sequence, for instances that still run it. A region keeps
// the last 64 of an agent.
struct Release {
  std::int64_t sequence = 0;
  std::string deployment_id;
  std::vector<PinnedSet> sets;  // name and version only
};

}  // namespace agent_secrets::control_plane

#pragma once
// The rows of a region store that have an authority code (keys/authority.h): agents and
// credentials. Writers, readers and checks use these functions, so each list of columns exists
// once.
//
// A snapshot is one coded row: that of the agent, together with the agent's rows in agent_sets. So
// no pin can be changed, added, removed or moved to another agent. The code of a credential has the
// revision of the snapshot in it, so the row of an earlier snapshot is refused in a later one: to
// bring back a revoked credential, the whole earlier snapshot has to be put back, whose sequence
// instances refuse if the agent was deployed since.

#include <cstdint>
#include <optional>

#include "control-plane/database/rows.h"
#include "control-plane/keys/authority.h"
#include "control-plane/model/agent_snapshot.h"
#include "control-plane/region/region_store.h"

namespace agent_secrets::control_plane {

// Ignores the credentials of the snapshot, and the order of its sets.
CodedRow coded_snapshot(const AgentSnapshot& snapshot);
// `revision` of the agent's snapshot.
CodedRow coded_credential(const AgentCredentialRecord& credential, std::int64_t agent_id,
                          std::int64_t revision);

// `row` has the columns kid, signing_key, box_key, revoked and expires_at.
AgentCredentialRecord read_credential(const Row& row);
// `row` has also agent_id, code and the `revision` of the agent. Absent: the row is refused.
std::optional<CredentialOwner> read_owner(const Row& row, const Authority& authority);

}  // namespace agent_secrets::control_plane

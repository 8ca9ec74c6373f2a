#pragma once
// Binding a set to an agent: whoever holds a credential of the agent can read the set's values
// afterwards. For a protected set an agent that has not had the set gets it only from an admin.

#include <cstdint>

#include "control-plane/catalog/sets.h"
#include "control-plane/model/actor.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class Authority;
class Transaction;

// In the transaction of a deploy, before it writes its deployment. True: the agent has not had the
// set before. ErrorCode::forbidden: the set is protected and the actor may not give it to the
// agent.
Result<bool> bind_set(Transaction& tx, const Authority& authority, const Actor& actor,
                      std::int64_t agent_id, const SecretSet& set);

}  // namespace agent_secrets::control_plane

#pragma once
// Binding a set to an agent. Afterwards every holder of a credential of the agent can read the
// values of the set. So only an admin binds a protected set to an agent that has not had it.

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

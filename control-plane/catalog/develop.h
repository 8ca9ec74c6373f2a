#pragma once
// Keys of developers' runs (`secret-injector --agent NAME`, docs/injector.md): the injector makes a
// key in memory, registers it for some hours with the developer's own token, and starts the bot
// with the values that the agent's instances get. The key is a credential with
// CredentialPurpose::develop (catalog/credentials.h).
//
// Registering a key gives access to the values of the agent's sets. An admin may, because an admin
// can bind any set to any agent. A member may if the organization allows it
// (Organizations::let_members_develop) and no set of the agent is protected. A member's keys end
// when the agent gets a protected set, and when a set of the agent becomes protected.
//
// The functions belong to the transaction of the change that needs them.

#include <cstdint>
#include <optional>
#include <string_view>

#include "control-plane/catalog/agents.h"
#include "control-plane/keys/authority.h"
#include "control-plane/model/actor.h"
#include "control-plane/model/time.h"
#include "core/error.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {

// What the organization allows (Organizations::let_members_develop).
bool members_may_develop(Transaction& tx, const Authority& authority, std::int64_t organization_id);
// ErrorCode::forbidden; the sentence says what an admin can do.
Result<void> check_may_develop(Transaction& tx, const Authority& authority, const Actor& actor,
                               std::int64_t organization_id, const Agent& agent);
// Every such key expires, at most limits::kDevelopKeyMax from now.
Result<void> check_develop_expiry(std::optional<UnixMs> expires_at, UnixMs now);
// Removes keys that ended long ago, and the actor's keys over limits::kDevelopKeysOfActor, with the
// new key: revoked keys first, then the keys that expire first. So checks, whose keys live for
// minutes, do not end a run. ErrorCode::invalid if the agent has limits::kDevelopKeys of all
// actors.
Result<void> make_room_for_develop_key(Transaction& tx, const Actor& actor, std::int64_t agent_id,
                                       UnixMs now);

// Revokes the keys that members made for the agent: it gets a protected set.
void end_keys_of_members(Transaction& tx, std::int64_t agent_id, UnixMs now);
// Revokes such keys for each agent whose deployment has the set: the set becomes protected.
void end_keys_of_members_with(Transaction& tx, std::int64_t set_id, UnixMs now);
// Revokes such keys for all agents of the organization, which withdraws its permission.
void end_keys_of_all_members(Transaction& tx, std::int64_t organization_id, UnixMs now);
// Revokes the keys that an actor made, because its token, its key or its membership ends: otherwise
// a key that was made with a stolen token would work after the token is revoked. Without
// `organization_id`, the keys of all organizations.
void end_keys_of(Transaction& tx, std::optional<std::int64_t> organization_id, const Actor& actor,
                 UnixMs now);

}  // namespace agent_secrets::control_plane

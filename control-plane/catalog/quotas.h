#pragma once
// The quotas of an organization (docs/limits.md), for the other subjects of the catalog. Each check
// belongs to the transaction that adds something. The errors are ErrorCode::invalid and say what to
// do.

#include <cstdint>

#include "control-plane/catalog/api_keys.h"
#include "control-plane/database/transaction.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// Stores the size of a set with the set.
void measure_set(Transaction& tx, std::int64_t set_id);
Transaction::LaterRows ask_size_of_sets(Transaction& tx, std::int64_t organization_id);
Result<void> check_set_count(Transaction& tx, std::int64_t organization_id);
// `before` and `now` are results of ask_size_of_sets(), from the beginning and the end of the
// transaction.
Result<void> check_size_of_sets(const Rows& before, const Rows& now);
Result<void> check_agent_count(Transaction& tx, std::int64_t organization_id);
Result<void> check_member_count(Transaction& tx, std::int64_t user_id,
                                std::int64_t organization_id);

void remove_old_deployments(Transaction& tx, std::int64_t agent_id);
void remove_old_agents(Transaction& tx, std::int64_t organization_id);

// Each removes rows that were revoked long ago, then counts the live rows.
Result<void> make_room_for_token(Transaction& tx, std::int64_t organization_id);
Result<void> make_room_for_user_token(Transaction& tx, std::int64_t user_id);
Result<void> make_room_for_api_key(Transaction& tx, std::int64_t organization_id, ApiKeyType type);
Result<void> make_room_for_credential(Transaction& tx, std::int64_t agent_id);

}  // namespace agent_secrets::control_plane

#pragma once
// The quotas of an organization (docs/limits.md), for the other subjects of the catalog. Each check
// belongs to the transaction that adds something. The errors are ErrorCode::invalid and say what to
// do.

#include <cstdint>

#include "control-plane/catalog/api_keys.h"
#include "control-plane/database/transaction.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// The size of one set, or of all sets of an organization. The row of a set stores the size of the
// set.
struct SetSize {
  std::int64_t keys = 0;   // of the newest version
  std::int64_t bytes = 0;  // of all stored keys and boxes, also of older versions
};
// Counts the values of a set anew, and stores the size with the set.
void measure_set(Transaction& tx, std::int64_t set_id);
// Fails if there is no room for one more set. Returns the size of all sets.
Result<SetSize> check_set_count(Transaction& tx, std::int64_t organization_id);
// `before` and `now` are sizes of all sets of the organization.
Result<void> check_size_of_sets(const SetSize& before, const SetSize& now);
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

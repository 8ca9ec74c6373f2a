#pragma once
// `user add | remove | list`, `member add | remove`: people, and the organizations that their
// tokens reach.

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

Result<void> add_user(const UserAddOptions& options, const Clock& clock);
// ErrorCode::conflict while it has memberships or live tokens, with their names. A later user of
// the name starts without any of them.
Result<void> remove_user(const UserRemoveOptions& options, const Clock& clock);
Result<void> list_users(const UserListOptions& options, const Clock& clock);
// Of one who is a member already: changes the role.
Result<void> add_member(const MemberAddOptions& options, const Clock& clock);
Result<void> remove_member(const MemberRemoveOptions& options, const Clock& clock);

}  // namespace agent_secrets::control_plane

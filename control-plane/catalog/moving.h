#pragma once
// What `move` has to know of the catalog that it copies to another place, and the mark that it
// leaves in it afterwards. Every command refuses to open a catalog with the mark: credentials that
// are revoked in the copy are still live in it.

#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace agent_secrets::control_plane {

class Transaction;

// The holder of a lease (catalog/leases.h) that has not ended. Absent: no server works with this
// catalog, or only a server that has just started or cannot reach it.
std::optional<std::string> find_holder(Transaction& tx);

// `place` is for messages: it has no user and no password.
void mark_as_moved(Transaction& tx, std::string_view place);
// ErrorCode::conflict when the catalog has the mark. `name` is the place that it is in.
Result<void> refuse_moved(Transaction& tx, std::string_view name);

}  // namespace agent_secrets::control_plane

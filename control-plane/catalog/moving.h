#pragma once
// For `move`: whether a server uses the catalog that is copied, and the mark that `move` leaves in
// this catalog after the copy. Every command refuses to open a marked catalog, because credentials
// that were revoked in the copy are still live in the marked catalog.

#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace agent_secrets::control_plane {

class Transaction;

// Returns the holder of a lease (catalog/leases.h) that has not ended. Absent if no server uses
// this catalog. A server that has just started, or that cannot reach the catalog, is not detected.
std::optional<std::string> find_holder(Transaction& tx);

// `place` is shown in messages, so it must not contain a user or a password.
void mark_as_moved(Transaction& tx, std::string_view place);
// ErrorCode::conflict if the catalog is marked as moved. `name` is the catalog's place, for the
// message.
Result<void> refuse_moved(Transaction& tx, std::string_view name);

}  // namespace agent_secrets::control_plane

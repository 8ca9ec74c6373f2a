#pragma once
// When the control plane was last backed up, as the catalog knows it: for metrics and checks.

#include <chrono>
#include <optional>

#include "control-plane/model/actor.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class Settings;
class Transaction;

Result<void> record_backup(Settings& settings, const Actor& actor,
                           std::chrono::milliseconds unix_time);
// Absent: never.
Result<std::optional<std::chrono::milliseconds>> find_last_backup(Settings& settings);
Result<std::optional<std::chrono::milliseconds>> find_last_backup(Transaction& tx);

}  // namespace agent_secrets::control_plane

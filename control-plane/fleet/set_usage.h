#pragma once
// Who still holds which version of a set, and so whether the keys of an old version may be revoked
// where they came from.
//
// For a version older than the newest ready one, revoking is
// - no: while an instance that watches runs it, or a deployment pins it (a start brings it back);
// - unknown: while an instance that never watched was given it, or a developer's run of the last
//   day, or an instance whose release is not known may hold it, or no server has listened long
//   enough to have heard from every watching instance;
// - yes: otherwise.
// It is about what was heard. An instance that started from its cache and has no sidecar is never
// heard of (docs/fleet.md).
//
// Threads: safe from several; no state.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control-plane/catalog/catalog.h"
#include "control-plane/fleet/fleet.h"

namespace agent_secrets::control_plane {

enum class SafeToRevoke { yes, no, unknown };

struct AgentUse {
  std::string agent;
  bool deleted = false;
  std::size_t instances = 0;                     // with the unwatched
  std::vector<std::string> unwatched;            // their ids
  std::optional<UnixMs> oldest_since;            // of any
  std::optional<UnixMs> unwatched_since;         // of the unwatched
  std::vector<std::string> developer_runs = {};  // their ids; not among `instances`
  std::optional<UnixMs> last_developer_start = {};
};

struct VersionUse {
  std::int64_t version = 0;
  std::vector<AgentUse> agents;  // whose instances hold it
  std::vector<std::string> pinned_by;
  std::size_t silent = 0;  // watched instances that held it when they fell silent
  SafeToRevoke safe = SafeToRevoke::unknown;
  std::string reason;  // of a no or an unknown
  [[nodiscard]] std::size_t instances() const;
  [[nodiscard]] std::size_t unwatched() const;
  [[nodiscard]] std::size_t developer_runs() const;
  [[nodiscard]] std::optional<UnixMs> oldest_since() const;
};

struct SetUsage {
  SecretSet set;
  Listening listening;
  bool is_served = false;
  std::size_t instances = 0;              // that hold the set, or may
  std::vector<VersionUse> versions;       // held, pinned, or the newest ready; newest first
  std::vector<AgentUse> version_unknown;  // may hold any
  SafeToRevoke every_other = SafeToRevoke::unknown;  // older and not in `versions`
  std::string every_other_reason;
};

// `store` is that of the set's region.
Result<SetUsage> read_set_usage(Catalog& catalog, RegionStore& store,
                                const Organization& organization, const SecretSet& set, UnixMs now);

std::string_view to_string(SafeToRevoke safe);

}  // namespace agent_secrets::control_plane

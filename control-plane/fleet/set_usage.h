#pragma once
// The instances that hold each version of a set, and so whether the keys of an old version can be
// revoked at their issuers.
//
// For a version older than the newest ready version, the answer is
// - no: while a watched instance runs it, or a deployment pins it, so that the next start would
//   receive it;
// - unknown: while an unwatched instance or a developer's run of the last day has received it, or
//   an instance whose release is not known may hold it, or no server has listened long enough for
//   a request of every watched instance;
// - yes: otherwise.
// The answer covers only instances that have sent a request. An instance that starts from its cache
// and has no sidecar sends none (docs/fleet.md).
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

// How many instances of an agent are named for one version.
inline constexpr std::size_t kInstancesNamed = 20;

enum class SafeToRevoke { yes, no, unknown };

struct AgentUse {
  std::string agent;
  bool deleted = false;
  std::size_t instances = 0;                     // unwatched instances included
  std::vector<std::string> ids = {};             // of the first kInstancesNamed
  std::vector<std::string> unwatched;            // their ids
  std::optional<UnixMs> oldest_since;            // of any instance
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
  std::string reason;  // of `no` and `unknown`
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
  std::vector<AgentUse> version_unknown;  // may hold any version
  SafeToRevoke every_other = SafeToRevoke::unknown;  // older and not in `versions`
  std::string every_other_reason;
};

// `store` is the store of the set's region.
Result<SetUsage> read_set_usage(Catalog& catalog, RegionStore& store,
                                const Organization& organization, const SecretSet& set, UnixMs now);

std::string_view to_string(SafeToRevoke safe);

}  // namespace agent_secrets::control_plane

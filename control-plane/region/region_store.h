#pragma once
// The store of one region: all data that the instance API of the region needs. A process can serve
// a region with this store and the region's keys alone.
//
// The region's Provisioner writes two kinds of records. Each write replaces a record whole and is
// idempotent, so repeating the steps after a crash repairs what the crash interrupted:
//  - set versions: values, encrypted by the store under the region's data key;
//  - agent snapshots: deployment, pins, credentials and the answer for watchers. A snapshot with a
//    lower revision than the stored snapshot is ignored, so several publishers may run at once.
//    Each snapshot that changes something gets the next number of the region's counter, in the same
//    transaction. One transaction at a time has the counter, until it has committed. So the numbers
//    become visible in their order and without a gap, and a reader that knows the last number that
//    it saw misses none.
//
// One process at a time provisions a region: it holds the lease provisioner:REGION. Set versions
// are written and deleted under its LeaseTerm. The store keeps the highest fence that it has seen,
// and refuses a lower one with ErrorCode::conflict. So a provisioner that lost its lease without
// knowing it neither deletes what its successor has written nor brings back what its successor has
// deleted. Agent snapshots need no term: their revision orders them.
//
// A credential that is revoked in the store stays revoked, even if a later snapshot has it as live:
// the catalog may have lost the revocation in a failover (docs/decisions/0036).
//
// The region's InstanceRecorder writes what instances report (region/instances.h). These records
// may be lost in a crash, and no answer to an instance depends on them.
//
// Snapshots and credentials have authority codes (region/coded_snapshot.h). A credential whose code
// does not hold counts as if it were not there.
//
// Threads: safe from several. Errors: ErrorCode::untrusted where a row does not decrypt, or where
// the code of a snapshot does not hold; else internal failures.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/audit/audit_log.h"
#include "control-plane/database/notices.h"
#include "control-plane/database/timeline.h"
#include "control-plane/database/write_counts.h"
#include "control-plane/keys/refused_rows.h"
#include "control-plane/keys/value_cipher.h"
#include "control-plane/model/agent_snapshot.h"
#include "control-plane/model/lease_term.h"
#include "control-plane/model/set_version.h"
#include "control-plane/region/credential_uses.h"
#include "control-plane/region/instances.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

struct CredentialOwner {
  std::int64_t agent_id = 0;
  AgentCredentialRecord credential;
};

struct RegionChanges {
  std::int64_t number = 0;           // of the newest change; 0 before the first one
  std::vector<std::int64_t> agents;  // whose last change has a higher number than the caller gave
};

struct StoredAgent {
  std::int64_t agent_id = 0;
  std::int64_t revision = 0;  // 0 too if a row of the agent is refused
  bool deleted = false;
};

// A set version that the store has. The stamp is a random number. It changes whenever the values of
// the version are written or encrypted again, so equal stamps mean the same stored values.
struct StampedVersion {
  std::int64_t set_id = 0;
  std::int64_t version = 0;
  std::int64_t stamp = 0;
};

// The facts of a bundle, as the store has them at one moment. Values are not read.
struct BundleParts {
  CredentialOwner owner;
  // Without its credentials. Neither agent nor versions if the credential is revoked.
  std::optional<AgentSnapshot> agent;
  std::vector<StampedVersion> versions;  // the pinned versions that the store has
};

struct OpenedVersion {
  ProvisionedVersion version;
  std::int64_t stamp = 0;  // of the values that were opened
};

class RegionStore {
 public:
  virtual ~RegionStore() = default;

  // For metrics; nothing where the store has no database.
  [[nodiscard]] virtual WriteCounts write_counts() const { return {}; }
  virtual Result<void> put_set_version(const ProvisionedVersion& version,
                                       const LeaseTerm& term) = 0;
  virtual Result<std::optional<ProvisionedVersion>> read_set_version(std::int64_t set_id,
                                                                     std::int64_t version) = 0;
  virtual Result<void> put_agent(const AgentSnapshot& snapshot) = 0;
  // One query. A newest number that is lower than `number` means that the store has lost changes.
  virtual Result<RegionChanges> changes_since(std::int64_t number) = 0;
  // Calls `changed` soon after another process has changed an agent, and whenever that may have
  // been missed: a hint (database/notices.h). Null where the database has no notices. The store and
  // the log must outlive the listener.
  virtual Result<std::unique_ptr<NoticeListener>> listen(std::function<void()> changed,
                                                         const Log& log) = 0;
  virtual Result<std::optional<AgentSnapshot>> find_agent(std::int64_t agent_id) = 0;
  virtual Result<std::optional<CredentialOwner>> find_credential(std::string_view kid) = 0;
  virtual Result<std::optional<Release>> find_release(std::int64_t agent_id,
                                                      std::int64_t sequence) = 0;
  // The keys whose values differ between two versions of a set, and the keys that only one of the
  // versions has, sorted. Compares fingerprints, not values. Absent if the fingerprints of a
  // version are no longer kept (limits::kFingerprintsKept), or were made under different data keys.
  virtual Result<std::optional<std::vector<std::string>>> changed_keys(std::int64_t set_id,
                                                                       std::int64_t from,
                                                                       std::int64_t to) = 0;
  // Deletes all set versions except these.
  virtual Result<void> retain_only(std::span<const RetainedVersion> versions,
                                   const LeaseTerm& term) = 0;

  // Adds reports, in the order of the requests, and records that the server listens (also without
  // reports). Deletes the records of watched instances that have been silent for
  // limits::kInstanceForgotten, of developers' runs that are older than limits::kDeveloperRun, and
  // of an agent's instances beyond limits::kInstancesPerAgent.
  virtual Result<void> record_instances(std::span<const HeardInstance> heard,
                                        std::chrono::milliseconds now) = 0;
  // The instances of one agent, or of all agents.
  virtual Result<InstanceList> list_instances(std::optional<std::int64_t> agent_id) = 0;
  // The instances of the agents of one organization. Reads no row of other organizations.
  virtual Result<InstanceList> list_instances_of(const OrganizationAgents& organization) = 0;
  // Deletes the records of an instance that, as the operator knows, no longer runs. False: there
  // are no records.
  virtual Result<bool> forget_instance(std::int64_t agent_id, std::string_view instance) = 0;
  // Deletes all records without a request since `before`, except the records of watched instances
  // that are not silent. Returns the number of deleted records.
  virtual Result<std::int64_t> forget_instances(std::int64_t agent_id,
                                                std::chrono::milliseconds before) = 0;
  // Keeps the later hour of each credential.
  virtual Result<void> record_uses(std::span<const CredentialUse> uses) = 0;
  // Of the agents of one organization, by key id.
  virtual Result<std::vector<CredentialUse>> list_uses(std::string_view organization) = 0;

  // Writes records to the region's audit log, in one transaction.
  virtual Result<void> append_audit(std::span<const AuditEntry> entries) = 0;
  // For chaining and reading the log. Null: this store keeps no log (a store in memory).
  virtual AuditLog* audit_log() = 0;

  // Raises the numbers of changes after a failover (database/timeline.h), so that every follower
  // finds every agent.
  virtual Result<ServerTimeline> settle_failover() = 0;

  // List everything in the store, to compare it with the catalog (provisioning/agreement.h).
  // The lists are sorted by agent, and by set and version.
  virtual Result<std::vector<StoredAgent>> list_agents() = 0;
  virtual Result<std::vector<RetainedVersion>> list_set_versions() = 0;
  // Ends agents that the catalog does not have. Each becomes a deleted agent without credentials
  // and with revision 0, so that an agent with the same id can be published later. An agent without
  // recorded instances is removed.
  virtual Result<void> end_agents(std::span<const std::int64_t> agents, const LeaseTerm& term) = 0;

  // The rows whose authority code does not hold, also while they are accepted.
  virtual Result<std::vector<RefusedRow>> list_refused_rows() { return {}; }
  // Gives every row the code of what is in it now: an operator has said that it is right.
  virtual Result<void> adopt_rows() { return {}; }

  // Reads the facts of a bundle for this credential, at one moment. Reads no value, because the
  // request may not be verified yet.
  virtual Result<std::optional<BundleParts>> find_bundle_parts(std::string_view kid) = 0;
  // Reads and decrypts the values of a pinned version. Absent if the version is gone.
  virtual Result<std::optional<OpenedVersion>> open_pinned(const PinnedSet& set) = 0;
};

}  // namespace agent_secrets::control_plane

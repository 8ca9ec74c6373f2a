#pragma once
// A region store in one database; its schema is migrations/{sqlite,postgres}/*.sql. Values are
// encrypted under the region's data key and bound to the version that they are served as. So a row
// of an older version does not decrypt as a row of a newer version.
//
// The keys come from a ring, because they may be rotated while the store is used. A value under a
// key that the ring does not have makes it load its keys again. The store refuses to write under a
// key that a rotation has ended (region/reencryption.h).
//
// Threads: safe from several.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control-plane/database/database.h"
#include "control-plane/keys/authority.h"
#include "control-plane/keys/key_ring.h"
#include "control-plane/keys/value_cipher.h"
#include "control-plane/region/region_store.h"

namespace agent_secrets::control_plane {

using CipherRing = KeyRing<ValueCipher>;

class DatabaseRegionStore final : public RegionStore {
 public:
  // `database` is migrated.
  DatabaseRegionStore(std::unique_ptr<Database> database, std::shared_ptr<CipherRing> keys,
                      Authority authority);

  [[nodiscard]] WriteCounts write_counts() const override { return database_->write_counts(); }
  Result<void> put_set_version(const ProvisionedVersion& version, const LeaseTerm& term) override;
  Result<std::optional<ProvisionedVersion>> read_set_version(std::int64_t set_id,
                                                             std::int64_t version) override;
  Result<void> put_agent(const AgentSnapshot& snapshot) override;
  Result<RegionChanges> changes_since(std::int64_t number) override;
  Result<std::unique_ptr<NoticeListener>> listen(std::function<void()> changed,
                                                 const Log& log) override;
  Result<std::optional<AgentSnapshot>> find_agent(std::int64_t agent_id) override;
  Result<std::optional<CredentialOwner>> find_credential(std::string_view kid) override;
  Result<std::optional<Release>> find_release(std::int64_t agent_id,
                                              std::int64_t sequence) override;
  Result<std::optional<std::vector<std::string>>> changed_keys(std::int64_t set_id,
                                                               std::int64_t from,
                                                               std::int64_t to) override;
  Result<void> retain_only(std::span<const RetainedVersion> versions,
                           const LeaseTerm& term) override;
  Result<void> record_instances(std::span<const HeardInstance> heard,
                                std::chrono::milliseconds now) override;
  Result<InstanceList> list_instances(std::optional<std::int64_t> agent_id) override;
  Result<InstanceList> list_instances_of(const OrganizationAgents& organization) override;
  Result<bool> forget_instance(std::int64_t agent_id, std::string_view instance) override;
  Result<std::int64_t> forget_instances(std::int64_t agent_id,
                                        std::chrono::milliseconds before) override;
  Result<void> record_uses(std::span<const CredentialUse> uses) override;
  Result<std::vector<CredentialUse>> list_uses(std::string_view organization) override;
  Result<void> append_audit(std::span<const AuditEntry> entries) override {
    return audit_log_.append_all(entries);
  }
  AuditLog* audit_log() override { return &audit_log_; }
  Result<ServerTimeline> settle_failover() override;
  Result<std::vector<StoredAgent>> list_agents() override;
  Result<std::vector<RetainedVersion>> list_set_versions() override;
  Result<void> end_agents(std::span<const std::int64_t> agents, const LeaseTerm& term) override;
  Result<std::vector<RefusedRow>> list_refused_rows() override;
  Result<void> adopt_rows() override;
  Result<std::optional<BundleParts>> find_bundle_parts(std::string_view kid) override;
  Result<std::optional<OpenedVersion>> open_pinned(const PinnedSet& set) override;

  // Returns the id of a data key that a value of the store needs and the ring does not have; absent
  // if there is none. Such an id means that the store belongs to another control plane, or that the
  // ring's keys are older than the value.
  Result<std::optional<std::string>> find_missing_key();

  // Makes the fingerprints of versions that a release without fingerprints has written. If that
  // fails (a value does not decrypt, the disk is full), changed_keys() is absent for the version.
  void add_missing_fingerprints();

 private:
  // False: nothing was written, because the key that encrypts has been ended.
  Result<bool> put_set_version(const ProvisionedVersion& version, const LeaseTerm& term,
                               const ValueCipher& cipher);
  static void drop_old_fingerprints(Transaction& tx, std::int64_t set_id);
  // A row of set_values.
  struct StoredValue {
    std::string key;
    std::int64_t written_by = 0;
    SealedValue sealed;
  };
  static std::vector<StoredValue> read_values(Transaction& tx, std::int64_t set_id,
                                              std::int64_t version);
  // A cipher with the keys of all these values, if the ring can get them.
  std::shared_ptr<const ValueCipher> cipher_for(std::span<const StoredValue> values);
  Result<std::vector<ProvisionedValue>> open_values(const ProvisionedVersion& version,
                                                    std::span<const StoredValue> stored);

  // In a transaction of its own.
  Result<std::vector<RetainedVersion>> versions_without_fingerprints();

  std::unique_ptr<Database> database_;
  const std::shared_ptr<CipherRing> keys_;
  const Authority authority_;
  AuditLog audit_log_{*database_, authority_};
};

}  // namespace agent_secrets::control_plane

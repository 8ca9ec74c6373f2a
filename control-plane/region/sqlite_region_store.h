#pragma once
// A region store in one SQLite file; its schema is migrations/*.sql. Values are encrypted under the
// region's data key and bound to the version that they are served as, so a row of an older version
// cannot stand in for a newer one.
//
// Threads: safe from several; one call at a time works on the file.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control-plane/keys/value_cipher.h"
#include "control-plane/region/region_store.h"
#include "control-plane/sqlite/connection.h"

namespace agent_secrets::control_plane {

class SqliteRegionStore final : public RegionStore {
 public:
  // `connection` is migrated.
  SqliteRegionStore(std::unique_ptr<SqliteConnection> connection, ValueCipher cipher);

  Result<void> put_set_version(const ProvisionedVersion& version) override;
  Result<std::optional<ProvisionedVersion>> read_set_version(std::int64_t set_id,
                                                             std::int64_t version) override;
  Result<void> put_agent(const AgentSnapshot& snapshot) override;
  Result<std::optional<AgentSnapshot>> find_agent(std::int64_t agent_id) override;
  Result<std::optional<CredentialOwner>> find_credential(std::string_view kid) override;
  Result<std::optional<Release>> find_release(std::int64_t agent_id,
                                              std::int64_t sequence) override;
  Result<std::optional<std::vector<std::string>>> changed_keys(std::int64_t set_id,
                                                               std::int64_t from,
                                                               std::int64_t to) override;
  Result<void> retain_only(std::span<const RetainedVersion> versions) override;
  Result<void> record_instances(std::span<const HeardInstance> heard,
                                std::chrono::milliseconds now) override;
  Result<InstanceList> list_instances(std::optional<std::int64_t> agent_id) override;
  Result<bool> forget_instance(std::int64_t agent_id, std::string_view instance) override;
  Result<std::int64_t> forget_instances(std::int64_t agent_id,
                                        std::chrono::milliseconds before) override;

  // Makes the fingerprints of what a release without them has written. One that cannot be made (a
  // value does not open, the disk is full) is left out: that version is then not compared.
  void add_missing_fingerprints();

 private:
  // All of these run inside a transaction of db_.
  void put_value(const ProvisionedVersion& version, const ProvisionedValue& value);
  using Fingerprints = std::map<std::string, Fingerprint>;  // by key
  void put_fingerprint(const ProvisionedVersion& version, const ProvisionedValue& value);
  void drop_old_fingerprints(std::int64_t set_id);
  std::optional<Fingerprints> read_fingerprints(std::int64_t set_id, std::int64_t version);
  Result<std::vector<ProvisionedValue>> open_values(const ProvisionedVersion& version);
  bool is_newer_stored(const AgentSnapshot& snapshot);
  void put_sets(const AgentSnapshot& snapshot);
  void put_credentials(const AgentSnapshot& snapshot);
  void stop_hearing_revoked(std::int64_t agent_id);
  void put_release(const AgentSnapshot& snapshot);
  void remove_old_agents(const AgentSnapshot& snapshot);
  std::vector<PinnedSet> read_sets(std::int64_t agent_id);
  std::vector<AgentCredentialRecord> read_credentials(std::int64_t agent_id);
  Listening read_listening();
  Listening note_listening(std::chrono::milliseconds now);
  bool may_record(const HeardInstance& heard);
  void record(const HeardInstance& heard);
  void drop_silent(const Listening& listening);
  void drop_surplus(std::int64_t agent_id, const Listening& listening);

  // Takes a transaction of its own.
  Result<std::vector<RetainedVersion>> versions_without(std::span<const RetainedVersion> kept);

  std::unique_ptr<SqliteConnection> connection_;
  SqliteConnection& db_;
  ValueCipher cipher_;
};

}  // namespace agent_secrets::control_plane

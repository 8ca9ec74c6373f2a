#pragma once
// The catalog in one SQLite file. Its schema is migrations/*.sql; the .cc files follow the parts of
// the Catalog interface: sqlite_organizations, sqlite_users, sqlite_tokens, sqlite_api_keys,
// sqlite_identities, sqlite_sets, sqlite_values, sqlite_reserved_names, sqlite_agents,
// sqlite_deploys, sqlite_credentials, sqlite_outbox, sqlite_rollouts, sqlite_quotas,
// sqlite_removals. Values are encrypted inside the transaction that gives them their version,
// because a value is bound to its version.
//
// Each method of the interface opens one transaction, and the private functions take it as their
// parameter.
//
// Threads: safe from several.

#include <atomic>
#include <memory>

#include "control-plane/catalog/catalog.h"
#include "control-plane/database/database.h"
#include "control-plane/keys/value_cipher.h"
#include "core/clock.h"

namespace agent_secrets::control_plane {

class SqliteCatalog final : public Catalog {
 public:
  // `database` is migrated; `clock` outlives the catalog.
  SqliteCatalog(std::unique_ptr<Database> database, ValueCipher cipher, const Clock& clock);

  Result<Organization> create_organization(std::string_view name, std::string_view verbose_name,
                                           std::string_view default_region) override;
  Result<std::optional<Organization>> find_organization(std::string_view name) override;
  Result<std::vector<Organization>> list_organizations() override;
  Result<void> set_default_region(std::int64_t organization_id, std::string_view region) override;
  Result<void> add_region(const Region& region) override;
  Result<void> rename_region(std::string_view code, std::string_view display_name) override;
  Result<void> remove_organization(std::int64_t organization_id) override;
  Result<void> remove_region(std::string_view code) override;
  Result<std::vector<Region>> list_regions() override;
  void know_only(std::set<std::string> regions) override;
  Result<void> put_setting(std::string_view name, std::string_view value) override;
  Result<std::optional<std::string>> find_setting(std::string_view name) override;

  Result<std::optional<Identity>> find_identity(const BearerHash& hash) override;
  Result<bool> is_live_public_key(const BearerHash& hash) override;
  Result<User> add_user(std::string_view name, std::string_view email) override;
  Result<std::optional<User>> find_user(std::string_view name) override;
  Result<std::vector<User>> list_users() override;
  Result<void> remove_user(std::int64_t user_id) override;
  Result<void> put_membership(std::int64_t user_id, std::int64_t organization_id,
                              Role role) override;
  Result<void> remove_membership(std::int64_t user_id, std::int64_t organization_id) override;
  Result<void> add_token(std::int64_t organization_id, std::string_view name, Role role,
                         const BearerHash& hash) override;
  Result<void> add_user_token(std::int64_t user_id, std::optional<std::int64_t> organization_id,
                              std::string_view name, const BearerHash& hash) override;
  Result<std::vector<Token>> list_tokens(std::int64_t organization_id) override;
  Result<std::vector<Token>> list_user_tokens(std::int64_t user_id) override;
  Result<void> revoke_token(std::int64_t organization_id, std::string_view name) override;
  Result<void> revoke_user_token(std::int64_t user_id, std::string_view name) override;
  Result<ApiKey> add_api_key(std::int64_t organization_id, std::string_view name, ApiKeyType type,
                             const SecretBuffer& key) override;
  Result<std::vector<ApiKey>> list_api_keys(std::int64_t organization_id) override;
  Result<void> revoke_api_key(std::int64_t organization_id, std::string_view id) override;

  Result<SecretSet> write_set(std::int64_t organization_id, WriteSet write) override;
  Result<std::vector<SecretSet>> list_sets(std::int64_t organization_id) override;
  Result<std::optional<SecretSet>> find_set(std::int64_t organization_id,
                                            std::string_view name) override;
  Result<void> unset_key(std::int64_t organization_id, std::string_view set,
                         std::string_view key) override;
  Result<void> delete_set(std::int64_t organization_id, std::string_view set) override;

  Result<void> allow_name(std::int64_t organization_id, std::string_view name) override;
  Result<void> disallow_name(std::int64_t organization_id, std::string_view name) override;
  Result<std::vector<std::string>> list_allowed_names(std::int64_t organization_id) override;

  Result<DeployOutcome> create_agent(std::int64_t organization_id, DeployRequest request) override;
  Result<DeployOutcome> update_agent(std::int64_t organization_id, DeployRequest request) override;
  Result<std::vector<Agent>> list_agents(std::int64_t organization_id) override;
  Result<std::optional<Agent>> find_agent(std::int64_t organization_id,
                                          std::string_view name) override;
  Result<std::vector<Deployment>> list_deployments(std::int64_t organization_id,
                                                   std::string_view agent) override;
  Result<void> delete_agent(std::int64_t organization_id, std::string_view name) override;

  Result<CredentialRecord> add_credential(std::int64_t organization_id, std::string_view agent,
                                          std::string_view kid,
                                          const CredentialPublicKeys& keys) override;
  Result<std::vector<CredentialRecord>> list_credentials(std::int64_t organization_id,
                                                         std::string_view agent) override;
  Result<void> revoke_credential(std::int64_t organization_id, std::string_view agent,
                                 std::string_view kid) override;

  Result<Due> next_due(std::string_view region, UnixMs now) override;
  Result<ProvisionedVersion> read_version(const PendingVersion& version) override;
  Result<bool> mark_ready(const PendingVersion& version) override;
  Result<bool> mark_failed(const PendingVersion& version, std::string_view message) override;
  Result<std::vector<AgentSnapshot>> unpublished_agents(std::string_view region,
                                                        std::int64_t after_id,
                                                        int at_most) override;
  Result<void> mark_published(std::int64_t agent_id, std::int64_t revision) override;
  Result<std::vector<RetainedVersion>> retained_versions(std::string_view region) override;
  Result<void> drop_unneeded_values(std::string_view region) override;
  Result<void> use_rollouts(bool wanted) override;
  Result<std::vector<Rollout>> due_rollouts() override;
  Result<bool> settle_rollout(const Rollout& rollout, std::string_view failure) override;
  Result<void> add_event(std::int64_t agent_id, std::string_view kind,
                         std::string_view text) override;
  Result<std::vector<AgentEvent>> list_events(std::int64_t agent_id) override;
  // Whether the region has received a version or an agent that it must still have.
  Result<bool> has_provisioned(std::string_view region);

 private:
  // sqlite_organizations.cc
  // Columns: id, name, verbose_name, default_region.
  static Organization read_organization(const Row& row);
  static Result<Organization> organization_by_id(Transaction& tx, std::int64_t id);
  Result<void> check_region(Transaction& tx, std::string_view code);
  [[nodiscard]] bool knows(const std::string& region) const;

  // sqlite_users.cc
  static constexpr std::int64_t kAnyOrganization = 0;  // no row has this id
  static std::vector<Membership> read_memberships(Transaction& tx, std::int64_t user_id,
                                                  std::int64_t organization_id);

  // sqlite_identities.cc
  static std::optional<Identity> find_token_identity(Transaction& tx, const BearerHash& hash);
  static std::optional<Identity> find_private_key_identity(Transaction& tx, const BearerHash& hash);

  // sqlite_sets.cc
  struct SetRow {
    std::int64_t organization_id = 0;
    std::string host;
    UnixMs burst_since{};
    UnixMs pending_since{};
    SecretSet set;
  };
  static std::optional<SetRow> find_set_row(Transaction& tx, std::int64_t organization_id,
                                            std::string_view name);
  Result<SetRow> set_to_write(Transaction& tx, std::int64_t organization_id, const WriteSet& write);
  Result<SetRow> insert_set(Transaction& tx, std::int64_t organization_id, const WriteSet& write);
  // Makes the next version, whose values are written already, the newest one and pending.
  void begin_version(Transaction& tx, SetRow& row, bool quiet_period);

  // sqlite_values.cc
  // Takes a transaction of its own.
  Result<std::vector<std::int64_t>> sets_with_old_values(std::string_view region);
  // Writes the value for the next version. False: it equals the live one, and nothing is written.
  Result<bool> write_value(Transaction& tx, const SetRow& row, const SecretPair& pair);
  // False: there is no such key.
  static bool remove_value(Transaction& tx, const SetRow& row, std::string_view key);
  static std::vector<std::string> live_keys(Transaction& tx, std::int64_t set_id);
  static std::vector<std::string> keys_of_version(Transaction& tx, std::int64_t set_id,
                                                  std::int64_t version);
  static Result<void> check_set_size(Transaction& tx, const SetRow& row, std::string_view last_key);
  Result<std::vector<ProvisionedValue>> open_values(Transaction& tx, const PendingVersion& version);
  bool values_differ(Transaction& tx, std::int64_t organization_id, std::int64_t set_id,
                     std::int64_t from, std::int64_t to);
  // Drops the values that no retained version has.
  static void drop_values_of(Transaction& tx, std::int64_t set_id);
  static void drop_skipped_values(Transaction& tx, const SecretSet& set);

  // sqlite_reserved_names.cc
  static Result<void> check_reserved(Transaction& tx, std::int64_t organization_id,
                                     const WriteSet& write);
  static std::string secrets_warning(Transaction& tx, const Deployment& deployment);

  // sqlite_agents.cc
  static std::optional<Agent> find_agent_row(Transaction& tx, std::int64_t organization_id,
                                             std::string_view name);
  static Result<Agent> existing_agent(Transaction& tx, std::int64_t organization_id,
                                      std::string_view name);
  static Deployment read_deployment(Transaction& tx, std::string_view id);
  static std::vector<PinnedSet> read_pins(Transaction& tx, std::string_view deployment_id);

  // sqlite_deploys.cc
  struct Binding {
    std::string name;
    SetType type;
  };
  struct BoundSets {
    std::optional<SetRow> secret;  // the set to pin, which is ready
    [[nodiscard]] std::int64_t secret_version() const {
      return secret ? secret->set.ready_version : 0;
    }
  };
  static Result<BoundSets> pass_gate(Transaction& tx, std::int64_t organization_id,
                                     std::string_view region, const DeploymentSpec& spec);
  std::int64_t insert_agent(Transaction& tx, std::int64_t organization_id, std::string_view name,
                            std::string_view region, const Scaling& scaling);
  void insert_deployment(Transaction& tx, std::int64_t agent_id, const DeploymentSpec& spec,
                         const BoundSets& bound);
  Result<DeployOutcome> apply_update(Transaction& tx, std::int64_t organization_id,
                                     const Agent& agent, const DeployRequest& request);
  DeployOutcome keep_deployment(Transaction& tx, std::int64_t organization_id, const Agent& agent);
  std::string newer_version_warning(Transaction& tx, const Agent& agent);

  // sqlite_credentials.cc
  static std::int64_t raise_revision(Transaction& tx, std::int64_t agent_id);  // the new one

  // sqlite_quotas.cc
  struct SetSize {
    std::int64_t live_keys = 0;
    std::int64_t stored_bytes = 0;
  };
  // Remembers the size with the set.
  static SetSize measure_set(Transaction& tx, std::int64_t set_id);
  static SetSize size_of_sets(Transaction& tx, std::int64_t organization_id);
  static Result<void> check_set_count(Transaction& tx, std::int64_t organization_id);
  static Result<void> check_size_of_sets(Transaction& tx, std::int64_t organization_id,
                                         const SetSize& before);
  static Result<void> check_agent_count(Transaction& tx, std::int64_t organization_id);
  static void remove_old_deployments(Transaction& tx, std::int64_t agent_id);
  static void remove_old_agents(Transaction& tx, std::int64_t organization_id);
  // Each removes what was revoked long ago, then counts what is live.
  static Result<void> make_room_for_token(Transaction& tx, std::int64_t organization_id);
  static Result<void> make_room_for_user_token(Transaction& tx, std::int64_t user_id);
  static Result<void> make_room_for_api_key(Transaction& tx, std::int64_t organization_id,
                                            ApiKeyType type);
  static Result<void> make_room_for_credential(Transaction& tx, std::int64_t agent_id);
  static Result<void> check_member_count(Transaction& tx, std::int64_t user_id,
                                         std::int64_t organization_id);

  // sqlite_outbox.cc
  static AgentSnapshot read_snapshot(Transaction& tx, std::int64_t agent_id);

  // sqlite_rollouts.cc
  void request_rollout(Transaction& tx, std::int64_t agent_id, RolloutEvent event);
  static std::optional<RolloutStatus> find_rollout(Transaction& tx, std::int64_t agent_id);
  void insert_event(Transaction& tx, std::int64_t agent_id, std::string_view kind,
                    std::string_view text);

  std::unique_ptr<Database> database_;
  ValueCipher cipher_;
  const Clock& clock_;
  std::atomic<bool> rollouts_wanted_{false};
  std::optional<std::set<std::string>> known_regions_;  // none: all
};

}  // namespace agent_secrets::control_plane

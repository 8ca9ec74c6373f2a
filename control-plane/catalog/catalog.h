#pragma once
// What an organization defines: the one interface of the catalog store. SqliteCatalog is the
// implementation; a PostgreSQL one can stand beside it. Every method is one transaction: it happens
// wholly, durably, or not at all. The store encrypts: plaintext values pass this interface in
// SecretBuffers, and no row, temporary table or error holds one.
//
// Versions. Every accepted change of a set makes a new version (1, 2, 3 …), `pending` at first. A
// value row is live from the version that wrote it up to the version that removed it, so a version
// is a view and nothing is copied. A pending version that a newer write replaces is `skipped` and
// never becomes ready. A set's status is that of its newest version. A write that changes nothing
// (the same values again, as a client repeats a PUT whose answer it lost) makes no version, unless
// the newest version failed: then it is the retry that the operator asked for.
//
// Errors: ErrorCode not_found, invalid, conflict, too_large carry the sentence that the API shows
// (docs/compatibility.md); anything else is an internal failure whose text is for the log.
// Threads: safe from several.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/catalog/access.h"
#include "control-plane/catalog/outbox.h"
#include "control-plane/catalog/rollouts.h"
#include "control-plane/region/region_store.h"
#include "core/credential.h"
#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

enum class SetType { secret, image_pull_secret };
enum class SetStatus { pending, ready, failed };

struct Region {
  std::string code;
  std::string display_name;
};

struct SecretSet {
  std::int64_t id = 0;
  std::string name;
  SetType type = SetType::secret;
  std::string region;
  SetStatus status = SetStatus::pending;
  std::string error_message;       // when failed
  std::int64_t version = 0;        // the newest
  std::int64_t ready_version = 0;  // the newest ready one, or 0
  std::string host;                // of an image pull secret; filled by find_set only
  std::vector<std::string>
      keys;  // of the newest version, in the order of first writing; filled by find_set only
  std::string warning;  // of reserved names: among the keys (find_set), in the write (write_set)
};

struct SecretPair {
  std::string key;
  SecretBuffer value;
};

struct WriteSet {
  std::string name;
  std::optional<std::string>
      region;  // none: the set's, or for a new set the organization's default
  SetType type = SetType::secret;
  std::vector<SecretPair> pairs;  // an image pull secret: one pair, key ".dockercredentials"
  std::string host;               // image pull secrets: the registry, with its trailing slash
  bool quiet_period = true;       // wait for more single-key writes before provisioning
};

struct Scaling {
  int min_agents = 0;
  int max_agents = 50;
  bool operator==(const Scaling&) const = default;
};

// What makes a new deployment when it changes.
struct DeploymentSpec {
  std::string image;
  std::string secret_set;             // or ""
  std::string image_pull_secret_set;  // or ""
  std::map<std::string, std::string>
      settings;  // API field → its value as JSON text ("agentProfile" → "\"agent-1x\"")
  bool operator==(const DeploymentSpec&) const = default;
};

struct Deployment {
  std::string id;  // UUID
  DeploymentSpec spec;
  std::vector<PinnedSet>
      pins;  // the secret set's version (image pull secrets are not given to instances)
  UnixMs created_at{};
};

// The deploy command that an agent waits for, or that has failed.
struct RolloutStatus {
  RolloutEvent event = RolloutEvent::deploy;
  bool has_failed = false;
  std::string failure;
};

struct Agent {
  std::int64_t id = 0;
  std::string name;
  std::string region;
  Scaling scaling;
  Deployment deployment;  // the desired one
  std::string
      reconciled_deployment;  // the newest that its region has and that is rolled out, or ""
  std::optional<RolloutStatus> rollout;
  UnixMs created_at{};
  UnixMs updated_at{};
};

// A deploy. Absent members keep what the agent has (or take the default on create); "" unbinds a
// set.
struct DeployRequest {
  std::string agent;
  std::optional<std::string> region;
  std::optional<std::string> image;
  std::optional<std::string> secret_set;
  std::optional<std::string> image_pull_secret_set;
  std::map<std::string, std::string>
      settings;  // merged into the agent's; JSON text "null" removes one
  std::optional<int> min_agents;
  std::optional<int> max_agents;
  bool force = false;
};

struct DeployOutcome {
  Agent agent;
  // Sentences, or "": nothing changed; the set has a newer ready version; there is no secret to
  // give; reserved names are among the keys.
  std::string warning;
};

struct CredentialRecord {
  std::string kid;
  std::string agent;
  CredentialPublicKeys keys;
  UnixMs created_at{};
  std::optional<UnixMs> revoked_at;
  bool confirmed = false;  // the region knows its present state
};

class Catalog : public Outbox, public Access, public Rollouts {
 public:
  // Organizations, regions, settings.
  // Without a verbose name it shows its name.
  virtual Result<Organization> create_organization(std::string_view name,
                                                   std::string_view verbose_name,
                                                   std::string_view default_region) = 0;
  virtual Result<std::optional<Organization>> find_organization(std::string_view name) = 0;
  virtual Result<std::vector<Organization>> list_organizations() = 0;
  virtual Result<void> set_default_region(std::int64_t organization_id,
                                          std::string_view region) = 0;
  // Of one that has been removed: brings it back, with the store and the keys that it had.
  virtual Result<void> add_region(const Region& region) = 0;
  virtual Result<void> rename_region(std::string_view code, std::string_view display_name) = 0;
  // In the order in which they were added.
  virtual Result<std::vector<Region>> list_regions() = 0;
  // From now on this object knows these regions alone: those that its process has stores of. To a
  // region that another process adds, nothing can be written here. Called before there are threads.
  virtual void know_only(std::set<std::string> regions) = 0;
  // ErrorCode::conflict while something is in use; the sentence names it. Once an organization has
  // had an agent, its name is not given again: credentials, caches and deploy targets know it by
  // its name. A region's store and its keys stay.
  virtual Result<void> remove_organization(std::int64_t organization_id) = 0;
  virtual Result<void> remove_region(std::string_view code) = 0;
  virtual Result<void> put_setting(std::string_view name, std::string_view value) = 0;
  virtual Result<std::optional<std::string>> find_setting(std::string_view name) = 0;

  // Secret sets. Names and keys are checked here (catalog/rules.h), so that no caller can forget. A
  // reserved name is refused unless the organization allows it.
  virtual Result<SecretSet> write_set(std::int64_t organization_id, WriteSet write) = 0;
  virtual Result<std::vector<SecretSet>> list_sets(std::int64_t organization_id) = 0;
  virtual Result<std::optional<SecretSet>> find_set(std::int64_t organization_id,
                                                    std::string_view name) = 0;
  virtual Result<void> unset_key(std::int64_t organization_id, std::string_view set,
                                 std::string_view key) = 0;
  virtual Result<void> delete_set(std::int64_t organization_id, std::string_view set) = 0;

  // Reserved names that the organization's sets may have all the same (core/reserved_names.h).
  // Allowing one twice is no error.
  virtual Result<void> allow_name(std::int64_t organization_id, std::string_view name) = 0;
  virtual Result<void> disallow_name(std::int64_t organization_id, std::string_view name) = 0;
  virtual Result<std::vector<std::string>> list_allowed_names(std::int64_t organization_id) = 0;

  // Agents. A deploy checks its sets: existence, type, region, then readiness, in the same
  // transaction that pins.
  virtual Result<DeployOutcome> create_agent(std::int64_t organization_id,
                                             DeployRequest request) = 0;
  virtual Result<DeployOutcome> update_agent(std::int64_t organization_id,
                                             DeployRequest request) = 0;
  virtual Result<std::vector<Agent>> list_agents(std::int64_t organization_id) = 0;
  virtual Result<std::optional<Agent>> find_agent(std::int64_t organization_id,
                                                  std::string_view name) = 0;
  virtual Result<std::vector<Deployment>> list_deployments(std::int64_t organization_id,
                                                           std::string_view agent) = 0;
  virtual Result<void> delete_agent(std::int64_t organization_id, std::string_view name) = 0;

  // Credentials of agents: public halves only.
  virtual Result<CredentialRecord> add_credential(std::int64_t organization_id,
                                                  std::string_view agent, std::string_view kid,
                                                  const CredentialPublicKeys& keys) = 0;
  virtual Result<std::vector<CredentialRecord>> list_credentials(std::int64_t organization_id,
                                                                 std::string_view agent) = 0;
  virtual Result<void> revoke_credential(std::int64_t organization_id, std::string_view agent,
                                         std::string_view kid) = 0;
};

std::string_view to_string(SetStatus status);  // "pending", …
std::string_view to_string(SetType type);      // "secret", "imagePullSecret"

}  // namespace agent_secrets::control_plane

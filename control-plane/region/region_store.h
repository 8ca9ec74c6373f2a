#pragma once
// All that the instance API of one region needs, and nothing else: the one interface of a region
// store. A region can be served from it alone, with that region's keys only.
//
// Two kinds of records, both written whole and idempotently by the region's Provisioner, so that a
// crash between any two steps is repaired by doing them again:
//  - set versions: values, encrypted by the store under the region's data key;
//  - agent snapshots: deployment, pins, credentials and what a watcher wants to know. One with a
//  lower revision than
//    the stored one is ignored, so publishers may race.
//
// Beside them, what instances report (region/instances.h), written by the region's
// InstanceRecorder: no durable promise, and nothing that an answer to an instance depends on.
//
// Threads: safe from several. Errors: ErrorCode::untrusted where a row does not decrypt; else
// internal failures.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/region/instances.h"
#include "core/credential.h"
#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

struct ProvisionedValue {
  std::string key;
  std::int64_t written_by = 0;  // the version that wrote it
  SecretBuffer value;
};

struct ProvisionedVersion {
  std::int64_t organization_id = 0;
  std::int64_t set_id = 0;
  std::string set_name;
  std::int64_t version = 0;
  std::vector<ProvisionedValue> values;  // sorted by key
};

struct PinnedSet {
  std::int64_t organization_id = 0;
  std::int64_t set_id = 0;
  std::string name;
  std::int64_t version = 0;         // pinned
  std::int64_t latest_version = 0;  // the newest ready one; equal when nothing is newer
  // What the newest differs in from the version that an instance runs; compare_with_running()
  // (fleet/instance_state.h) fills both, a snapshot does not carry them.
  std::vector<std::string> changed_keys;  // sorted; names only
  bool same_values = false;               // known, and none
};

struct AgentCredentialRecord {
  std::string kid;
  CredentialPublicKeys keys;
  bool revoked = false;
};

struct AgentSnapshot {
  std::int64_t agent_id = 0;
  std::int64_t revision = 0;
  std::int64_t sequence = 0;
  std::string organization;
  std::string agent;
  bool deleted = false;
  std::string deployment_id;  // or "" when there is none
  std::vector<PinnedSet> sets;
  std::vector<AgentCredentialRecord> credentials;
};

// What an agent was given at an earlier sequence, for instances that still run it. Kept for the
// last 64.
struct Release {
  std::int64_t sequence = 0;
  std::string deployment_id;
  std::vector<PinnedSet> sets;  // name and version only
};

struct CredentialOwner {
  std::int64_t agent_id = 0;
  AgentCredentialRecord credential;
};

struct RetainedVersion {
  std::int64_t set_id = 0;
  std::int64_t version = 0;
  bool operator==(const RetainedVersion&) const = default;
};

class RegionStore {
 public:
  virtual ~RegionStore() = default;
  virtual Result<void> put_set_version(const ProvisionedVersion& version) = 0;
  virtual Result<std::optional<ProvisionedVersion>> read_set_version(std::int64_t set_id,
                                                                     std::int64_t version) = 0;
  virtual Result<void> put_agent(const AgentSnapshot& snapshot) = 0;
  virtual Result<std::optional<AgentSnapshot>> find_agent(std::int64_t agent_id) = 0;
  virtual Result<std::optional<CredentialOwner>> find_credential(std::string_view kid) = 0;
  virtual Result<std::optional<Release>> find_release(std::int64_t agent_id,
                                                      std::int64_t sequence) = 0;
  // The keys whose values differ between two versions of a set, sorted: those that one of them
  // lacks too. Read from fingerprints, never from values. None when what a version held is not
  // known any more (limits::kFingerprintsKept).
  virtual Result<std::optional<std::vector<std::string>>> changed_keys(std::int64_t set_id,
                                                                       std::int64_t from,
                                                                       std::int64_t to) = 0;
  // Deletes all set versions but these.
  virtual Result<void> retain_only(std::span<const RetainedVersion> versions) = 0;

  // Takes reports in the order in which they came, and notes that somebody listens (also when there
  // are none). Forgets watched instances that have been silent for limits::kInstanceForgotten and
  // developers' runs that are older than limits::kDeveloperRun, and keeps
  // limits::kInstancesPerAgent of an agent.
  virtual Result<void> record_instances(std::span<const HeardInstance> heard,
                                        std::chrono::milliseconds now) = 0;
  // Of one agent, or of all.
  virtual Result<InstanceList> list_instances(std::optional<std::int64_t> agent_id) = 0;
  // An operator knows that it is gone. False: there is none.
  virtual Result<bool> forget_instance(std::int64_t agent_id, std::string_view instance) = 0;
  // The same for all records that were last heard before `before`, but never for a watched instance
  // that is not silent. How many there were.
  virtual Result<std::int64_t> forget_instances(std::int64_t agent_id,
                                                std::chrono::milliseconds before) = 0;
};

}  // namespace agent_secrets::control_plane

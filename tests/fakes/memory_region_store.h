#pragma once
// A RegionStore in two maps, for tests of what reads one. It can be told to fail, and to run
// something in the middle of a reader's work.
//
// Threads: one.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control-plane/region/region_store.h"

namespace agent_secrets::control_plane {

class MemoryRegionStore final : public RegionStore {
 public:
  Result<void> put_set_version(const ProvisionedVersion& version,
                               const LeaseTerm& /*term*/) override {
    versions_.insert_or_assign({version.set_id, version.version}, copy(version));
    stamps_[{version.set_id, version.version}] = ++last_stamp_;
    return {};
  }

  Result<std::optional<ProvisionedVersion>> read_set_version(std::int64_t set_id,
                                                             std::int64_t version) override {
    ++version_reads;
    if (down) return outage();
    const auto found = versions_.find({set_id, version});
    if (found == versions_.end()) return std::nullopt;
    return copy(found->second);
  }

  Result<void> put_agent(const AgentSnapshot& snapshot) override {
    AgentSnapshot& stored = agents_[snapshot.agent_id];
    if (snapshot.revision < stored.revision) return {};
    stored = snapshot;
    changed_[snapshot.agent_id] = ++changes_;
    releases_[{snapshot.agent_id, snapshot.sequence}] = {.sequence = snapshot.sequence,
                                                         .deployment_id = snapshot.deployment_id,
                                                         .sets = snapshot.sets};
    return {};
  }

  Result<void> append_audit(std::span<const AuditEntry> entries) override {
    if (down || refuses_audit) return outage();
    audited.insert(audited.end(), entries.begin(), entries.end());
    return {};
  }
  AuditLog* audit_log() override { return nullptr; }

  Result<RegionChanges> changes_since(std::int64_t number) override {
    if (down) return outage();
    RegionChanges changes{.number = changes_, .agents = {}};
    for (const auto& [agent, last] : changed_) {
      if (last > number) changes.agents.push_back(agent);
    }
    return changes;
  }

  Result<std::unique_ptr<NoticeListener>> listen(std::function<void()> /*changed*/,
                                                 const Log& /*log*/) override {
    return nullptr;
  }

  Result<ServerTimeline> settle_failover() override { return ServerTimeline{}; }

  Result<std::vector<StoredAgent>> list_agents() override {
    std::vector<StoredAgent> list;
    for (const auto& [id, snapshot] : agents_) {
      list.push_back({.agent_id = id, .revision = snapshot.revision, .deleted = snapshot.deleted});
    }
    return list;
  }

  Result<std::vector<RetainedVersion>> list_set_versions() override {
    std::vector<RetainedVersion> list;
    for (const auto& [key, version] : versions_) {
      list.push_back({.set_id = key.first, .version = key.second});
    }
    return list;
  }

  Result<void> end_agents(std::span<const std::int64_t> agents,
                          const LeaseTerm& /*term*/) override {
    for (const std::int64_t agent : agents) agents_.erase(agent);
    return {};
  }

  Result<std::optional<BundleParts>> find_bundle_parts(std::string_view kid) override {
    auto owner = find_credential(kid);
    if (!owner) return propagate(owner);
    if (!*owner) return std::nullopt;
    auto agent = find_agent((*owner)->agent_id);
    if (!agent) return propagate(agent);
    BundleParts parts{.owner = std::move(**owner), .agent = std::move(*agent), .versions = {}};
    if (parts.owner.credential.revoked || !parts.agent) return parts;
    for (const PinnedSet& pin : parts.agent->sets) {
      const auto found = stamps_.find({pin.set_id, pin.version});
      if (found == stamps_.end() || !versions_.contains(found->first)) continue;
      parts.versions.push_back(
          {.set_id = pin.set_id, .version = pin.version, .stamp = found->second});
    }
    return parts;
  }

  Result<std::optional<OpenedVersion>> open_pinned(const PinnedSet& set) override {
    auto version = read_set_version(set.set_id, set.version);
    if (!version) return propagate(version);
    if (!*version) return std::nullopt;
    return OpenedVersion{.version = std::move(**version),
                         .stamp = stamps_.at({set.set_id, set.version})};
  }

  Result<std::optional<AgentSnapshot>> find_agent(std::int64_t agent_id) override {
    if (before_agent_read) before_agent_read();
    if (down) return outage();
    const auto found = agents_.find(agent_id);
    if (found == agents_.end()) return std::nullopt;
    return found->second;
  }

  Result<std::optional<CredentialOwner>> find_credential(std::string_view kid) override {
    if (down) return outage();
    for (const auto& [id, snapshot] : agents_) {
      for (const auto& credential : snapshot.credentials) {
        if (credential.kid == kid) return CredentialOwner{.agent_id = id, .credential = credential};
      }
    }
    return std::nullopt;
  }

  Result<std::optional<Release>> find_release(std::int64_t agent_id,
                                              std::int64_t sequence) override {
    if (down) return outage();
    const auto found = releases_.find({agent_id, sequence});
    if (found == releases_.end()) return std::nullopt;
    return found->second;
  }

  Result<std::optional<std::vector<std::string>>> changed_keys(std::int64_t set_id,
                                                               std::int64_t from,
                                                               std::int64_t to) override {
    if (down) return outage();
    const auto old = versions_.find({set_id, from});
    const auto now = versions_.find({set_id, to});
    if (old == versions_.end() || now == versions_.end()) return std::nullopt;
    std::map<std::string, std::string> values;
    for (const auto& value : old->second.values) values[value.key] = value.value.expose_text();
    std::vector<std::string> changed;
    for (const auto& value : now->second.values) {
      const auto before = values.extract(value.key);
      if (!before || before.mapped() != value.value.expose_text()) changed.push_back(value.key);
    }
    for (const auto& [key, value] : values) changed.push_back(key);
    std::ranges::sort(changed);
    return changed;
  }

  Result<void> retain_only(std::span<const RetainedVersion> versions,
                           const LeaseTerm& /*term*/) override {
    std::erase_if(versions_, [&](const auto& entry) {
      for (const auto& kept : versions) {
        if (kept.set_id == entry.first.first && kept.version == entry.first.second) return false;
      }
      return true;
    });
    return {};
  }

  // Kept as they come; what list_instances() answers is the test's to say.
  Result<void> record_instances(std::span<const HeardInstance> reports,
                                std::chrono::milliseconds now) override {
    if (down) return outage();
    heard.insert(heard.end(), reports.begin(), reports.end());
    listened_at.push_back(now);
    return {};
  }

  Result<InstanceList> list_instances(std::optional<std::int64_t> agent_id) override {
    if (down) return outage();
    InstanceList list = fleet;
    std::erase_if(list.instances, [&](const InstanceRecord& record) {
      return agent_id && record.agent_id != *agent_id;
    });
    return list;
  }

  Result<InstanceList> list_instances_of(const OrganizationAgents& organization) override {
    if (down) return outage();
    InstanceList list = fleet;
    std::erase_if(list.instances, [&](const InstanceRecord& record) {
      const auto agent = agents_.find(record.agent_id);
      return std::ranges::find(organization.live, record.agent_id) == organization.live.end() &&
             (agent == agents_.end() || agent->second.organization != organization.name);
    });
    return list;
  }

  Result<bool> forget_instance(std::int64_t agent_id, std::string_view instance) override {
    return std::erase_if(fleet.instances, [&](const InstanceRecord& record) {
             return record.agent_id == agent_id && record.instance == instance;
           }) > 0;
  }

  Result<std::int64_t> forget_instances(std::int64_t agent_id,
                                        std::chrono::milliseconds before) override {
    return static_cast<std::int64_t>(
        std::erase_if(fleet.instances, [&](const InstanceRecord& record) {
          return record.agent_id == agent_id && record.last_heard < before;
        }));
  }

  // Kept as they come, of every organization.
  Result<void> record_uses(std::span<const CredentialUse> reported) override {
    if (down) return outage();
    uses.insert(uses.end(), reported.begin(), reported.end());
    return {};
  }

  Result<std::vector<CredentialUse>> list_uses(std::string_view /*organization*/) override {
    if (down) return outage();
    return uses;
  }

  void forget_releases() { releases_.clear(); }

  bool down = false;
  bool refuses_audit = false;
  std::vector<AuditEntry> audited;
  std::vector<HeardInstance> heard;
  std::vector<std::chrono::milliseconds> listened_at;
  InstanceList fleet;
  std::vector<CredentialUse> uses;
  int version_reads = 0;
  std::function<void()> before_agent_read;

 private:
  using Key = std::pair<std::int64_t, std::int64_t>;

  static std::unexpected<Error> outage() { return fail(ErrorCode::failed, "disk on fire"); }

  static ProvisionedVersion copy(const ProvisionedVersion& version) {
    ProvisionedVersion other{.organization_id = version.organization_id,
                             .set_id = version.set_id,
                             .set_name = version.set_name,
                             .version = version.version,
                             .values = {}};
    for (const auto& value : version.values) {
      other.values.push_back({.key = value.key,
                              .written_by = value.written_by,
                              .value = SecretBuffer::copy_of(value.value.expose_text())});
    }
    return other;
  }

  std::map<Key, ProvisionedVersion> versions_;
  std::map<Key, std::int64_t> stamps_;
  std::int64_t last_stamp_ = 0;
  std::map<std::int64_t, AgentSnapshot> agents_;
  std::map<std::int64_t, std::int64_t> changed_;  // the number of each agent's last change
  std::int64_t changes_ = 0;
  std::map<Key, Release> releases_;
};

}  // namespace agent_secrets::control_plane

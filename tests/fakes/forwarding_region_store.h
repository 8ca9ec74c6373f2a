#pragma once
// A RegionStore that forwards every call to another one: the base of stores that change a few
// calls. The other store must outlive it.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control-plane/region/region_store.h"

namespace agent_secrets::control_plane {

class ForwardingRegionStore : public RegionStore {
 public:
  explicit ForwardingRegionStore(RegionStore& inner) : inner_(inner) {}

  Result<void> put_set_version(const ProvisionedVersion& version, const LeaseTerm& term) override {
    return inner_.put_set_version(version, term);
  }
  Result<std::optional<ProvisionedVersion>> read_set_version(std::int64_t set_id,
                                                             std::int64_t version) override {
    return inner_.read_set_version(set_id, version);
  }
  Result<void> put_agent(const AgentSnapshot& snapshot) override {
    return inner_.put_agent(snapshot);
  }
  Result<RegionChanges> changes_since(std::int64_t number) override {
    return inner_.changes_since(number);
  }
  Result<std::unique_ptr<NoticeListener>> listen(std::function<void()> changed,
                                                 const Log& log) override {
    return inner_.listen(std::move(changed), log);
  }
  Result<ServerTimeline> settle_failover() override { return inner_.settle_failover(); }
  Result<std::vector<StoredAgent>> list_agents() override { return inner_.list_agents(); }
  Result<std::vector<RetainedVersion>> list_set_versions() override {
    return inner_.list_set_versions();
  }
  Result<void> end_agents(std::span<const std::int64_t> agents, const LeaseTerm& term) override {
    return inner_.end_agents(agents, term);
  }
  Result<std::optional<BundleParts>> find_bundle_parts(std::string_view kid) override {
    return inner_.find_bundle_parts(kid);
  }
  Result<std::optional<OpenedVersion>> open_pinned(const PinnedSet& set) override {
    return inner_.open_pinned(set);
  }
  Result<std::optional<AgentSnapshot>> find_agent(std::int64_t agent_id) override {
    return inner_.find_agent(agent_id);
  }
  Result<std::optional<CredentialOwner>> find_credential(std::string_view kid) override {
    return inner_.find_credential(kid);
  }
  Result<std::optional<Release>> find_release(std::int64_t agent_id,
                                              std::int64_t sequence) override {
    return inner_.find_release(agent_id, sequence);
  }
  Result<std::optional<std::vector<std::string>>> changed_keys(std::int64_t set_id,
                                                               std::int64_t from,
                                                               std::int64_t to) override {
    return inner_.changed_keys(set_id, from, to);
  }
  Result<void> retain_only(std::span<const RetainedVersion> versions,
                           const LeaseTerm& term) override {
    return inner_.retain_only(versions, term);
  }
  Result<void> record_instances(std::span<const HeardInstance> heard,
                                std::chrono::milliseconds now) override {
    return inner_.record_instances(heard, now);
  }
  Result<InstanceList> list_instances(std::optional<std::int64_t> agent_id) override {
    return inner_.list_instances(agent_id);
  }
  Result<InstanceList> list_instances_of(const OrganizationAgents& organization) override {
    return inner_.list_instances_of(organization);
  }
  Result<bool> forget_instance(std::int64_t agent_id, std::string_view instance) override {
    return inner_.forget_instance(agent_id, instance);
  }
  Result<std::int64_t> forget_instances(std::int64_t agent_id,
                                        std::chrono::milliseconds before) override {
    return inner_.forget_instances(agent_id, before);
  }
  Result<void> record_uses(std::span<const CredentialUse> uses) override {
    return inner_.record_uses(uses);
  }
  Result<std::vector<CredentialUse>> list_uses(std::string_view organization) override {
    return inner_.list_uses(organization);
  }
  Result<void> append_audit(std::span<const AuditEntry> entries) override {
    return inner_.append_audit(entries);
  }
  AuditLog* audit_log() override { return inner_.audit_log(); }

 private:
  RegionStore& inner_;
};

}  // namespace agent_secrets::control_plane

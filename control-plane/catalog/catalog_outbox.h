#pragma once
// The Outbox on the catalog's database.

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "control-plane/catalog/outbox.h"

namespace agent_secrets::control_plane {

struct CatalogContext;

class CatalogOutbox final : public Outbox {
 public:
  explicit CatalogOutbox(CatalogContext& context) : context_(context) {}

  Result<Due> next_due(std::string_view region, UnixMs now) override;
  Result<ProvisionedVersion> read_version(const PendingVersion& version) override;
  Result<bool> mark_ready(const PendingVersion& version, const LeaseTerm& term) override;
  Result<bool> mark_failed(const PendingVersion& version, std::string_view message,
                           const LeaseTerm& term) override;
  Result<std::vector<AgentSnapshot>> unpublished_agents(std::string_view region,
                                                        std::int64_t after_id,
                                                        int at_most) override;
  Result<void> mark_published(std::int64_t agent_id, std::int64_t revision) override;
  Result<std::vector<RetainedVersion>> retained_versions(std::string_view region) override;
  Result<void> drop_unneeded_values(std::string_view region, const LeaseTerm& term) override;
  Result<void> end_expired(std::string_view region, UnixMs now, const LeaseTerm& term) override;
  void announce(std::string_view region) override;
  Result<std::unique_ptr<NoticeListener>> listen(NoticeHandler has_work, const Log& log) override;
  Result<std::vector<PublishedAgent>> list_agents(std::string_view region) override;
  Result<void> publish_again(std::span<const AgentRevision> agents, const LeaseTerm& term) override;
  Result<ProvisionedVersion> read_retained(std::string_view region,
                                           const RetainedVersion& version) override;

  // Whether the region has received a version or an agent that it must still have.
  Result<bool> has_provisioned(std::string_view region);

 private:
  CatalogContext& context_;
};

}  // namespace agent_secrets::control_plane

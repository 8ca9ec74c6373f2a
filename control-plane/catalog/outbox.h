#pragma once
// The changes that a region has not received yet: the side of the catalog that the region's
// Provisioner (provisioning/provisioner.h) sees. An interface, so that the crash tests can end the
// process between any two calls.
//
// Every change that a region must know of an agent raises the agent's `revision`. The publisher
// takes the agents whose published revision is lower, writes their snapshots to the region, and
// confirms. `sequence` is raised only when the content for the agent's instances changes; it is
// never reused.
//
// Writes that take a LeaseTerm are the work of one process at a time: they fail with
// ErrorCode::conflict when another process has taken the lease provisioner:REGION
// (catalog/leases.h). Any process may publish agents, because a region ignores an older revision.
//
// Threads: safe from several.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "control-plane/database/notices.h"
#include "control-plane/model/agent_snapshot.h"
#include "control-plane/model/lease_term.h"
#include "control-plane/model/set_version.h"
#include "control-plane/model/time.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

struct PublishedAgent {
  std::int64_t agent_id = 0;
  std::int64_t revision = 0;
  std::int64_t published_revision = 0;  // confirmed by the region; 0: none
  bool deleted = false;
};

class Outbox {
 public:
  virtual ~Outbox() = default;

  // A pending version is due when its quiet period is over. A failed version is due again after a
  // while, so that it is provisioned once the region is back.
  struct Due {
    std::optional<PendingVersion> version;
    std::optional<UnixMs> next_at;  // without a version: when to look again
  };
  // Leaves out sets whose rows are refused.
  virtual Result<Due> next_due(std::string_view region, UnixMs now) = 0;
  // ErrorCode::not_found when the set is gone or a newer write has skipped the version.
  virtual Result<ProvisionedVersion> read_version(const PendingVersion& version) = 0;
  // False: a newer write has skipped the version meanwhile. True raises the revision of the agents
  // that pin the set.
  virtual Result<bool> mark_ready(const PendingVersion& version, const LeaseTerm& term) = 0;
  virtual Result<bool> mark_failed(const PendingVersion& version, std::string_view message,
                                   const LeaseTerm& term) = 0;
  // At most `at_most` agents with an id above `after_id`, ordered by id. Leaves out agents whose
  // rows are refused (catalog/coded_tables.h).
  virtual Result<std::vector<AgentSnapshot>> unpublished_agents(std::string_view region,
                                                                std::int64_t after_id,
                                                                int at_most) = 0;
  virtual Result<void> mark_published(std::int64_t agent_id, std::int64_t revision) = 0;
  // The set versions that the region must keep: the newest and the newest ready version of each
  // set, and the versions pinned by the deployment that an agent has or that its region serves.
  virtual Result<std::vector<RetainedVersion>> retained_versions(std::string_view region) = 0;
  // Removes the values of this region's sets that no retained version has.
  virtual Result<void> drop_unneeded_values(std::string_view region, const LeaseTerm& term) = 0;

  // Revokes the region's credentials that have expired, and removes keys of developers' runs that
  // ended limits::kDevelopKeyKept ago. A region refuses an expired credential by itself; this tells
  // it, as after any revocation, that instances with the credential can no longer be heard, and
  // lets servers of an older version refuse it too.
  virtual Result<void> end_expired(std::string_view region, UnixMs now, const LeaseTerm& term) = 0;

  // A hint to the other processes that serve the region: it has work (database/notices.h).
  virtual void announce(std::string_view region) = 0;
  // Calls `has_work` with the code of a region that another process has announced, and with an
  // empty text when that may have been missed. Null where the database has no notices. The outbox
  // and the log must outlive the listener.
  virtual Result<std::unique_ptr<NoticeListener>> listen(NoticeHandler has_work,
                                                         const Log& log) = 0;

  // For the comparison of a region with the catalog (provisioning/agreement.h).
  // Returns every agent of the region, also deleted agents.
  virtual Result<std::vector<PublishedAgent>> list_agents(std::string_view region) = 0;
  // Raises each agent's revision above the given one, so that the agent is published again.
  virtual Result<void> publish_again(std::span<const AgentRevision> agents,
                                     const LeaseTerm& term) = 0;
  // Reads a ready version that the region must keep. ErrorCode::not_found if the version is
  // pending, or if the region no longer needs it.
  virtual Result<ProvisionedVersion> read_retained(std::string_view region,
                                                   const RetainedVersion& version) = 0;
};

}  // namespace agent_secrets::control_plane

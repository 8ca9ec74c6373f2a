#pragma once
// The records that a RegionStore keeps of the instances of its agents. Their only source is the
// signed requests of the instances: each request names the instance and the release that it runs
// (core/request_proof.h). An instance does not report its end.
//
// An instance id has one record for each release (sequence) that it has reported. A start of a bot
// removes the earlier records of its id, because the process that ran the earlier release has
// ended. Two containers that share an id by mistake, and both watch, keep one record each, so the
// older release stays visible.
//
// A developer's run (`?purpose=develop`, docs/protocol.md) counts for limits::kDeveloperRun after
// its start. Its start removes no record, because developers on one host share an instance id and
// several of their runs may be going on. It never turns the record of a bot into the record of a
// developer's run, because such a record expires: the bot would be hidden, by mistake or on
// purpose.

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/limits.h"

namespace agent_secrets::control_plane {

// The instance id of the record for all instances of an agent that were not kept
// (limits::kInstancesPerAgent). Their release is not known. No instance can have this id.
inline constexpr std::string_view kUnlistedInstances = "*";

// One or more requests of an instance. Times are of Unix time.
struct HeardInstance {
  std::int64_t agent_id = 0;
  std::string instance;
  std::int64_t sequence = 0;  // of the bundle it received, or reported by it; 0: not known
  std::string kid;            // of the credential that signed the request
  std::int64_t active_sessions = 0;
  std::chrono::milliseconds at{};
  bool started = false;         // it received the bundle of this sequence
  bool watched = false;         // it sent a watch request for this sequence after its last start
  bool developers_run = false;  // its start was a developer's run
};

// Whether the report removes the earlier records of its instance id.
constexpr bool starts_anew(const HeardInstance& heard) {
  return heard.started && !heard.developers_run;
}

struct InstanceRecord {
  std::int64_t agent_id = 0;
  std::string instance;
  std::int64_t sequence = 0;
  std::string kid;
  std::int64_t active_sessions = 0;
  std::chrono::milliseconds first_seen{};  // of the id, with any sequence
  std::chrono::milliseconds since{};       // of the id, with this sequence
  std::chrono::milliseconds last_heard{};
  bool watched = false;  // has watched since its start, so it can become silent
  bool developers_run = false;
};

// The time in which requests could be recorded. Server downtime does not count as silence of an
// instance.
struct Listening {
  std::chrono::milliseconds since{};  // 0: since before there was an agent
  std::chrono::milliseconds until{};  // the last write of the recorder
};

// A watched instance whose last request came at this time or earlier is silent. 0: no instance can
// be silent yet.
constexpr std::chrono::milliseconds silent_before(const Listening& listening) {
  const std::chrono::milliseconds before = listening.until - limits::kInstanceSilent;
  return listening.since > before ? std::chrono::milliseconds(0) : before;
}

// Whose instances are listed: the agents of one organization. Live agents are named by their ids of
// the catalog, so that a changed name in the region's rows hides none of them. The region finds
// deleted agents by the organization's name, because the catalog no longer has them.
struct OrganizationAgents {
  std::string_view name;
  std::span<const std::int64_t> live;
};

struct InstanceList {
  Listening listening;
  std::vector<InstanceRecord> instances;  // by agent, instance and sequence
};

}  // namespace agent_secrets::control_plane

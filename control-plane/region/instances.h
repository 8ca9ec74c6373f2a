#pragma once
// What a region knows of the instances of its agents: plain records, as RegionStore keeps them.
// Every signed request of an instance says who it is and what it runs (core/request_proof.h), and
// that is the only source; there is no goodbye.
//
// One record for each release (sequence) that an instance id is heard with. An id that starts again
// takes its record along: what it ran before is gone with its process. Two containers that share an
// id by mistake and both watch keep one record each, so that the older release is not overlooked.
//
// A developer's run (`?purpose=develop`, docs/protocol.md) counts for limits::kDeveloperRun after
// its start. Its start ends nothing, because several may run under the id that a host's developers
// share, and it never takes the place of another record: by mistake, or on purpose, it could make
// the record of a bot expire.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/limits.h"

namespace agent_secrets::control_plane {

// Stands for the instances of an agent that were not kept (limits::kInstancesPerAgent): what they
// run is not known. No instance can call itself so.
inline constexpr std::string_view kUnlistedInstances = "*";

// One or more requests of an instance. Times are of Unix time.
struct HeardInstance {
  std::int64_t agent_id = 0;
  std::string instance;
  std::int64_t sequence = 0;  // given to it, or what it says that it runs; 0: not known
  std::string kid;            // of the credential that it signs with
  std::int64_t active_sessions = 0;
  std::chrono::milliseconds at{};
  bool started = false;  // it was given the bundle of this sequence
  bool watched = false;  // it asked for news of this sequence, the last time since it started
  bool developers_run = false;  // it started for a developer
};

// Whether the report ends what its id was heard with before.
constexpr bool starts_anew(const HeardInstance& heard) {
  return heard.started && !heard.developers_run;
}

struct InstanceRecord {
  std::int64_t agent_id = 0;
  std::string instance;
  std::int64_t sequence = 0;
  std::string kid;
  std::int64_t active_sessions = 0;
  std::chrono::milliseconds first_seen{};  // the id, with whatever it ran
  std::chrono::milliseconds since{};       // with this sequence
  std::chrono::milliseconds last_heard{};
  bool watched = false;  // heard since it started, so its silence means something
  bool developers_run = false;
};

// When requests could be heard at all: nobody is silent while the server is down.
struct Listening {
  std::chrono::milliseconds since{};  // 0: since before there was an agent
  std::chrono::milliseconds until{};  // the last sign of life of whoever records
};

// A watching instance that was last heard at this time or earlier is silent. 0: nobody is yet.
constexpr std::chrono::milliseconds silent_before(const Listening& listening) {
  const std::chrono::milliseconds before = listening.until - limits::kInstanceSilent;
  return listening.since > before ? std::chrono::milliseconds(0) : before;
}

struct InstanceList {
  Listening listening;
  std::vector<InstanceRecord> instances;  // by agent, instance and sequence
};

}  // namespace agent_secrets::control_plane

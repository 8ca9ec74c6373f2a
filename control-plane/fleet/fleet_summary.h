#pragma once
// The fleet of an organization in numbers, for people who watch it: for each agent how many
// instances are current, stale or superseded, which releases they run, and the same for the last
// hours. Its size depends on the number of agents, not on the number of instances.
//
// The history is computed from the records that exist now (region/instances.h): an instance counts
// from the time at which its id was first seen until it fell silent, and counts as `older` before
// it had its release. A record that is no longer kept is missing from the past.
//
// Threads: safe from several; no state.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "control-plane/catalog/catalog.h"
#include "control-plane/fleet/fleet.h"

namespace agent_secrets::control_plane {

// Bounds of the answer: releases of one agent, and the points of its history.
inline constexpr std::size_t kReleasesSummarized = 6;
inline constexpr int kFleetHistory = 24;
inline constexpr std::chrono::minutes kFleetHistoryStep{30};

// The instances that run one release.
struct ReleaseSummary {
  std::string_view state;
  std::string deployment_id;    // "": not known
  std::vector<PinnedSet> sets;  // empty if the release is not known
  std::size_t instances = 0;
  UnixMs oldest_since{};
};

// Instances at kFleetHistory points in time; the last one is now.
struct FleetHistory {
  std::vector<std::int64_t> current = std::vector<std::int64_t>(kFleetHistory);
  std::vector<std::int64_t> older = std::vector<std::int64_t>(kFleetHistory);
};

struct AgentSummary {
  std::map<std::string_view, std::size_t> states;  // how many instances have each state
  std::vector<ReleaseSummary> releases;            // the most instances first
  FleetHistory history;
};

AgentSummary summarize(const FleetAgent& agent, UnixMs now);

// The regions' fleets, and the organization's agents as the catalog has them.
struct OrganizationFleet {
  std::vector<Agent> agents;
  std::vector<SecretSet> sets;
  std::vector<Fleet> fleets;            // of the regions that could be read
  std::vector<std::string> unreadable;  // codes of the other regions
  UnixMs now{};
};

// docs/fleet.md lists the members. What a region says of an agent is null while the region cannot
// be read: zero would be taken for "no instance runs". `tag` changes with every member except
// times, history and numbers of sessions. It also changes when a region is readable, served or
// settled, or no longer is, and with each new version or status of a set. It covers all releases,
// also those beyond kReleasesSummarized.
boost::json::object fleet_summary_json(const Organization& organization,
                                       const OrganizationFleet& fleet);

}  // namespace agent_secrets::control_plane

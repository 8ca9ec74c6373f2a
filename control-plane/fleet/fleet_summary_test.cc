#include "control-plane/fleet/fleet_summary.h"

#include <memory>

#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr UnixMs kNow = hours(24 * 365 * 50);

std::shared_ptr<const Release> release(const std::string& deployment, std::int64_t version) {
  auto made = std::make_shared<Release>();
  made->deployment_id = deployment;
  made->sets = {{.set_id = 1, .name = "bot-secrets", .version = version, .changed_keys = {}}};
  return made;
}

FleetInstance instance(std::string_view state, std::shared_ptr<const Release> release,
                       UnixMs first_seen, UnixMs since) {
  FleetInstance made{.heard = {}, .state = state, .release = std::move(release)};
  made.heard.first_seen = first_seen;
  made.heard.since = since;
  made.heard.last_heard = kNow;
  return made;
}

FleetAgent agent_with(std::vector<FleetInstance> instances,
                      std::vector<FleetInstance> silent = {}) {
  return {.id = 1,
          .organization = "acme",
          .name = "bot",
          .sets = {},
          .instances = std::move(instances),
          .silent = std::move(silent)};
}

boost::json::object json_of(const OrganizationFleet& fleet) {
  return fleet_summary_json({.id = 1, .name = "acme", .verbose_name = {}, .default_region = {}},
                            fleet);
}

std::string tag_of(const OrganizationFleet& fleet) {
  return std::string(json_of(fleet).at("tag").as_string());
}

OrganizationFleet fleet_of(FleetAgent agent) {
  Fleet region{.region = "us-west", .listening = {}, .agents = {}};
  region.is_served = region.is_settled = true;
  region.agents.push_back(std::move(agent));
  OrganizationFleet whole{.agents = {}, .sets = {}, .fleets = {}, .unreadable = {}, .now = kNow};
  whole.fleets.push_back(std::move(region));
  return whole;
}

}  // namespace

TEST_CASE("a summary counts states and releases, the most common release first") {
  const auto old = release("d1", 1);
  const auto summary =
      summarize(agent_with({instance("stale", old, kNow - hours(3), kNow - hours(3)),
                            instance("current", release("d2", 2), kNow, kNow),
                            instance("stale", old, kNow - hours(5), kNow - hours(5))}),
                kNow);
  CHECK(summary.states.at("stale") == 2);
  CHECK(summary.states.at("current") == 1);
  REQUIRE(summary.releases.size() == 2);
  CHECK(summary.releases[0].instances == 2);
  CHECK(summary.releases[0].oldest_since == kNow - hours(5));
  CHECK(summary.releases[0].sets.at(0).version == 1);
  CHECK(summary.releases[1].deployment_id == "d2");
}

TEST_CASE("the history has an instance as older before it had its release") {
  const auto summary = summarize(
      agent_with({instance("current", release("d2", 2), kNow - hours(4), kNow - hours(1))}), kNow);
  CHECK(summary.history.current.back() == 1);
  CHECK(summary.history.older.back() == 0);
  CHECK(summary.history.current.at(21) == 1);  // an hour ago
  CHECK(summary.history.older.at(20) == 1);    // an hour and a half ago
  CHECK(summary.history.older.at(15) == 1);    // four hours ago
  CHECK(summary.history.older.at(14) == 0);
  CHECK(summary.history.current.at(0) == 0);
}

TEST_CASE("the history has a silent instance until its last request") {
  FleetInstance gone = instance("superseded", release("d1", 1), kNow - hours(20), kNow - hours(20));
  gone.heard.last_heard = kNow - hours(2);
  const auto summary = summarize(agent_with({}, {gone}), kNow);
  CHECK(summary.states.empty());
  CHECK(summary.history.older.front() == 1);
  CHECK(summary.history.older.at(19) == 1);
  CHECK(summary.history.older.at(20) == 0);
}

TEST_CASE("the tag changes when a region is no longer served or settled") {
  OrganizationFleet fleet =
      fleet_of(agent_with({instance("current", release("d1", 1), kNow, kNow)}));
  const std::string settled = tag_of(fleet);
  fleet.fleets.front().is_settled = false;
  const std::string listening = tag_of(fleet);
  fleet.fleets.front().is_served = false;
  CHECK(settled != listening);
  CHECK(listening != tag_of(fleet));
}

TEST_CASE("an agent whose region cannot be read has no numbers, and not zero instances") {
  Agent agent;
  agent.id = 1;
  agent.name = "bot";
  agent.region = "us-west";
  OrganizationFleet fleet{
      .agents = {agent}, .sets = {}, .fleets = {}, .unreadable = {}, .now = kNow};
  const std::string readable = tag_of(fleet);
  CHECK(json_of(fleet).at("agents").at(0).at("instanceCount") == 0);
  fleet.unreadable = {"us-west"};
  const boost::json::object body = json_of(fleet);
  for (const char* name : {"instanceCount", "states", "silentCount", "releases", "history"}) {
    CHECK(body.at("agents").at(0).at(name).is_null());
  }
  CHECK(body.at("regions").at(0).at("region") == "us-west");
  CHECK(body.at("regions").at(0).at("readable") == false);
  CHECK(readable != tag_of(fleet));
}

TEST_CASE("the tag does not change with sessions and times") {
  FleetInstance busy = instance("current", release("d1", 1), kNow, kNow);
  const std::string before = tag_of(fleet_of(agent_with({busy})));
  busy.heard.active_sessions = 7;
  busy.heard.since = kNow - hours(1);
  CHECK(before == tag_of(fleet_of(agent_with({busy}))));
}

TEST_CASE("the answer has the most common releases, and the tag covers all of them") {
  std::vector<FleetInstance> many;
  for (int i = 0; i < 20; ++i) {
    many.push_back(instance("superseded", release("d" + std::to_string(i), i), kNow, kNow));
  }
  OrganizationFleet fleet = fleet_of(agent_with(many));
  const boost::json::object body = json_of(fleet);
  CHECK(body.at("agents").at(0).at("releases").as_array().size() == kReleasesSummarized);
  CHECK(body.at("agents").at(0).at("states").at("superseded") == 20);
  many.back().release = release("another", 1);
  CHECK(tag_of(fleet) != tag_of(fleet_of(agent_with(many))));
}

}  // namespace agent_secrets::control_plane

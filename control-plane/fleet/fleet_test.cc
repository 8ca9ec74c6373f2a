#include "control-plane/fleet/fleet.h"

#include "core/limits.h"
#include "tests/fakes/test_region.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The region of the instance API's tests, with instances as the store would list them.
class FleetOf : public TestRegion {
 public:
  FleetOf() { listen(); }

  void listen(milliseconds since = {}) {
    store->fleet.listening = {.since = since, .until = clock.unix_time()};
  }
  InstanceRecord& add(std::string instance, std::int64_t sequence, bool watched = true) {
    store->fleet.instances.push_back({.agent_id = kAgentId,
                                      .instance = std::move(instance),
                                      .sequence = sequence,
                                      .kid = "ak_one",
                                      .active_sessions = 1,
                                      .first_seen = clock.unix_time(),
                                      .since = clock.unix_time(),
                                      .last_heard = clock.unix_time(),
                                      .watched = watched});
    return store->fleet.instances.back();
  }
  Fleet read() {
    auto fleet = read_fleet("us-west", *store, std::nullopt, clock.unix_time());
    REQUIRE(fleet);
    return std::move(*fleet);
  }
  std::string state(std::int64_t sequence) {
    store->fleet.instances.clear();
    add("host-1", sequence);
    return std::string(read().agents.at(0).instances.at(0).state);
  }
};

TEST_CASE("an instance is shown with its release") {
  FleetOf region;
  region.add("host-1", 5);
  const Fleet fleet = region.read();
  REQUIRE(fleet.agents.size() == 1);
  CHECK(fleet.agents[0].organization == "acme");
  CHECK(fleet.agents[0].name == "bot");
  CHECK(fleet.agents[0].active_sessions() == 1);
  const FleetInstance& instance = fleet.agents[0].instances.at(0);
  CHECK(instance.state == "current");
  CHECK(instance.release->deployment_id == "deployment-1");
  CHECK(instance.version_of(kSetId) == 2);
  CHECK(instance.version_of(kSetId + 1) == std::nullopt);
}

TEST_CASE("the fleet of one organization leaves out agents of another") {
  FleetOf region;
  region.add("host-1", 5);
  const auto agents_of = [&](std::string_view organization) {
    auto fleet = read_fleet_of("us-west", *region.store, {.name = organization, .live = {}},
                               region.clock.unix_time());
    REQUIRE(fleet);
    return fleet->agents.size();
  };
  CHECK(agents_of("acme") == 1);
  CHECK(agents_of("other") == 0);
}

TEST_CASE("the state of an instance equals the state in its watch answer") {
  FleetOf region;
  const auto same_as_watch = [&](std::int64_t sequence) {
    region.running_sequence = sequence;
    CHECK(region.state(sequence) == member(region.watch(), "state"));
    return region.state(sequence);
  };
  CHECK(same_as_watch(5) == "current");
  region.turn_ready(3, {"GREETING"});
  CHECK(same_as_watch(5) == "stale");
  region.deploy("deployment-2", {TestRegion::pinned(kSetId, "bot-secrets", 3)});
  CHECK(same_as_watch(5) == "superseded");
  CHECK(same_as_watch(6) == "current");
  region.delete_agent();
  CHECK(same_as_watch(6) == "unbound");
  region.revoke();
  CHECK(same_as_watch(6) == "revoked");
}

TEST_CASE("an instance whose release is not known holds an unknown version") {
  FleetOf region;
  CHECK(region.state(0) == "unknown");
  region.deploy("deployment-2", {});
  region.store->forget_releases();
  CHECK(region.state(5) == "superseded");
  CHECK(region.read().agents.at(0).instances.at(0).release == nullptr);
}

TEST_CASE("a watched instance becomes silent, an unwatched instance does not") {
  FleetOf region;
  region.add("unwatched", 5, false);
  region.add("watched", 5);
  region.clock.advance(limits::kInstanceSilent - milliseconds(1));
  region.listen();
  CHECK(region.read().agents.at(0).instances.size() == 2);
  region.clock.advance(milliseconds(1));
  region.listen();
  const FleetAgent agent = region.read().agents.at(0);
  REQUIRE(agent.instances.size() == 1);
  CHECK(agent.instances[0].heard.instance == "unwatched");
  REQUIRE(agent.silent.size() == 1);
  CHECK(agent.silent[0].heard.instance == "watched");
  CHECK(agent.active_sessions() == 1);
}

TEST_CASE("server downtime does not count as silence of an instance") {
  FleetOf region;
  region.add("host-1", 5);
  region.clock.advance(std::chrono::hours(10));
  CHECK_FALSE(region.read().is_served);
  CHECK(region.read().agents.at(0).instances.size() == 1);
  region.listen(region.clock.unix_time());  // the server runs again
  CHECK(region.read().is_served);
  CHECK_FALSE(region.read().is_settled);
  CHECK(region.read().agents.at(0).instances.size() == 1);
  const milliseconds since = region.clock.unix_time();
  region.clock.advance(limits::kInstanceSilent);
  region.listen(since);
  CHECK(region.read().is_settled);
  CHECK(region.read().agents.at(0).instances.empty());
}

TEST_CASE("a region whose listening time begins at 0 is settled at once") {
  FleetOf region;
  CHECK(region.read().is_settled);
}

TEST_CASE("an error of the store names the region") {
  FleetOf region;
  region.store->down = true;
  const auto fleet = read_fleet("us-west", *region.store, std::nullopt, region.clock.unix_time());
  REQUIRE_FALSE(fleet);
  CHECK(fleet.error().message == "region us-west: disk on fire");
}

TEST_CASE("a developer's run is listed separately for a day, also while no server listens") {
  FleetOf region;
  region.add("host-1", 5);
  region.add("laptop.develop", 5, false).developers_run = true;
  const Fleet fleet = region.read();
  CHECK(fleet.agents.at(0).instances.size() == 1);
  CHECK(fleet.agents.at(0).silent.empty());
  REQUIRE(fleet.agents.at(0).developer_runs.size() == 1);
  CHECK(fleet.agents.at(0).developer_runs[0].heard.instance == "laptop.develop");
  CHECK(fleet.agents.at(0).active_sessions() == 1);
  region.clock.advance(limits::kDeveloperRun);
  CHECK(region.read().agents.at(0).developer_runs.empty());
  CHECK(region.read().agents.at(0).instances.size() == 1);
}

}  // namespace
}  // namespace agent_secrets::control_plane

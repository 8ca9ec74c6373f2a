#include "control-plane/served_region.h"

#include <chrono>
#include <future>

#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

template <typename Region>
concept HasSigningKeys = requires(Region region) { region.signing_keys; };
static_assert(HasSigningKeys<InstanceRegion>);
static_assert(!HasSigningKeys<RestRegion>, "the REST API has no access to signing keys");

class ServedStores : public TestStores {
 public:
  ServedStores() {
    provisioner.reset();
    lease.reset();
    regions = std::make_unique<ServedRegions>(std::move(stores.regions), catalog(),
                                              LeaseOptions{.scope = LeaseScope::data_directory},
                                              clock, log);
  }
  [[nodiscard]] InstanceRegion us_west() const { return regions->for_instances().back(); }

  std::unique_ptr<ServedRegions> regions;
};

TEST_CASE("both APIs get every region, in the order of the codes") {
  const ServedStores t;
  const auto for_instances = t.regions->for_instances();
  const auto for_rest = t.regions->for_rest();
  REQUIRE(for_instances.size() == 2);
  REQUIRE(for_rest.size() == 2);
  CHECK(for_instances[0].code == "eu-central");
  CHECK(for_instances[1].code == "us-west");
  CHECK(for_rest[0].code == "eu-central");
  CHECK(for_rest[1].code == "us-west");
  CHECK(&for_rest[1].store == &for_instances[1].store);
}

TEST_CASE("every region has its own store, signing keys, hub and recorder") {
  const ServedStores t;
  const auto regions = t.regions->for_instances();
  CHECK(&regions[0].store != &regions[1].store);
  CHECK(regions[0].signing_keys.active_kid != regions[1].signing_keys.active_kid);
  CHECK(&regions[0].hub != &regions[1].hub);
  CHECK(&regions[0].recorder != &regions[1].recorder);
}

TEST_CASE("a later list has the same regions at the same addresses") {
  const ServedStores t;
  const InstanceRegion first = t.us_west();
  const InstanceRegion second = t.us_west();
  CHECK(&first.store == &second.store);
  CHECK(&first.signing_keys == &second.signing_keys);
  CHECK(&first.hub == &second.hub);
  CHECK(&first.recorder == &second.recorder);
}

TEST_CASE("a started region publishes a deployment and then wakes the agent's long polls") {
  ServedStores t;
  const auto agent = need(t.catalog().deploys.create_agent(t.acme, deploy_of("bot"))).agent.id;
  const InstanceRegion region = t.us_west();
  std::promise<void> woken;
  region.hub.subscribe(agent, region.hub.generation(agent), [&woken] { woken.set_value(); });
  need(t.regions->start());
  REQUIRE(woken.get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready);
  CHECK(need(region.store.find_agent(agent)).has_value());
}

TEST_CASE("a region that stops has written every report that it heard") {
  ServedStores t;
  const auto agent = need(t.catalog().deploys.create_agent(t.acme, deploy_of("bot"))).agent.id;
  t.regions->for_rest().back().provisioner.publish_now();
  need(t.regions->start());
  t.us_west().recorder.heard({.agent_id = agent,
                              .instance = "host-1",
                              .sequence = 1,
                              .kid = "ak_one",
                              .at = t.clock.unix_time(),
                              .watched = true});
  t.regions.reset();
  t.reopen();
  const auto instances = need(t.region().list_instances(std::nullopt)).instances;
  REQUIRE(instances.size() == 1);
  CHECK(instances[0].instance == "host-1");
}

TEST_CASE("a region that stops releases its lease") {
  ServedStores t;
  need(t.regions->start());
  const auto take = [&] {
    return need(t.catalog().leases.take(
        {.work = provisioner_work("us-west"), .holder = "another", .time = std::chrono::hours(1)}));
  };
  CHECK(std::holds_alternative<std::string>(take()));
  t.regions.reset();
  CHECK(std::holds_alternative<LeaseTerm>(take()));
}

TEST_CASE("a region that never started can be destroyed") {
  ServedStores t;
  t.regions.reset();
  CHECK(need(t.catalog().regions.list()).size() == 2);
}

}  // namespace
}  // namespace agent_secrets::control_plane

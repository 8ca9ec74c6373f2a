#include "control-plane/served_regions.h"

#include <chrono>
#include <future>
#include <optional>

#include "control-plane/database/migrations.h"
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
    regions = std::make_unique<ServedRegions>(std::move(stores.regions), source(), catalog(),
                                              LeaseOptions{.scope = LeaseScope::data_directory},
                                              clock, log);
  }
  [[nodiscard]] InstanceRegion us_west() const { return regions->for_instances().regions.back(); }
  // What fails: "CHECK: sentence", or nothing.
  [[nodiscard]] std::string problem() const {
    std::string problems;
    for (const ReadinessCheck& check : regions->readiness()) {
      if (!check.problem.empty()) problems += check.name + ": " + check.problem;
    }
    return problems;
  }
  [[nodiscard]] std::vector<std::string> served() const {
    std::vector<std::string> codes;
    for (const RestRegion& region : regions->for_rest()) codes.push_back(region.code);
    return codes;
  }
  void add(const std::string& code) {
    need(catalog().regions.add(kAdmin, {.code = code, .display_name = code}));
  }
  bool is_catalog_broken = false;
  std::optional<ErrorCode> region_failure = {};
  bool is_schema_older = false;
  std::unique_ptr<StorePlace> opened = place();
  std::unique_ptr<ServedRegions> regions;

 private:
  RegionSource source() {
    return {.codes = [this]() -> Result<std::set<std::string>> {
              if (is_catalog_broken) return fail(ErrorCode::unavailable, "no connection");
              return catalog().regions.codes();
            },
            .schema = [this]() -> Result<std::int64_t> {
              auto number = current_schema(*catalog().context.database);
              return is_schema_older ? need(std::move(number)) - 1 : number;
            },
            .keys =
                [this] {
                  return catalog().context.database->read("keys", [](Transaction& tx) {
                    return Result<std::vector<KeyFacts>>(list_keys(tx));
                  });
                },
            .open = [this](const std::string& code) -> Result<RegionHandle> {
              if (region_failure) return fail(*region_failure, "no connection");
              return open_region(*opened, catalog(), master_key, code);
            },
            .will_serve =
                [this](const std::set<std::string>& codes) { catalog().regions.know_only(codes); }};
  }
};

// Reads an agent after each wake, as a long poll does, until its revision is higher than
// `revision`.
class LongPoll {
 public:
  LongPoll(InstanceRegion region, std::int64_t agent, std::int64_t revision)
      : region_(std::move(region)), agent_(agent), revision_(revision) {
    read();
  }
  [[nodiscard]] bool is_answered() {
    return answered_.get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready;
  }

 private:
  void read() {
    const auto generation = region_.hub.generation(agent_);
    const auto found = need(region_.store.find_agent(agent_));
    if (found && found->revision > revision_) return answered_.set_value();
    region_.hub.subscribe(agent_, generation, [this] { read(); });
  }
  const InstanceRegion region_;
  const std::int64_t agent_;
  const std::int64_t revision_;
  std::promise<void> answered_;
};

TEST_CASE("both APIs get every region, in the order of the codes") {
  const ServedStores t;
  const auto for_instances = t.regions->for_instances().regions;
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
  const auto regions = t.regions->for_instances().regions;
  CHECK(&regions[0].store != &regions[1].store);
  CHECK(regions[0].signing_keys->active_kid != regions[1].signing_keys->active_kid);
  CHECK(&regions[0].hub != &regions[1].hub);
  CHECK(&regions[0].recorder != &regions[1].recorder);
}

TEST_CASE("a later list has the same regions at the same addresses") {
  const ServedStores t;
  const InstanceRegion first = t.us_west();
  const InstanceRegion second = t.us_west();
  CHECK(&first.store == &second.store);
  CHECK(first.signing_keys == second.signing_keys);
  CHECK(&first.hub == &second.hub);
  CHECK(&first.recorder == &second.recorder);
}

TEST_CASE("a started region publishes a deployment and then wakes the agent's long polls") {
  ServedStores t;
  const auto agent =
      need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot"))).agent.id;
  LongPoll poll(t.us_west(), agent, 0);
  need(t.regions->start());
  CHECK(poll.is_answered());
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

TEST_CASE("a server wakes the long polls of an agent that another process has published") {
  ServedStores t;
  const auto agent =
      need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot"))).agent.id;
  const Stores elsewhere = need(t.open());
  LongPoll published(t.us_west(), agent, 0);
  need(t.regions->start());
  REQUIRE(published.is_answered());
  AgentSnapshot changed = *need(t.us_west().store.find_agent(agent));
  LongPoll poll(t.us_west(), agent, changed.revision);
  changed.revision += 1000;
  need(elsewhere.regions.at("us-west").store->put_agent(changed));
  CHECK(poll.is_answered());
}

TEST_CASE("on PostgreSQL a server listens for the catalog and for each region") {
  ServedStores t;
  CHECK(t.regions->process_state().listeners.empty());
  need(t.regions->start());
  std::vector<std::string> databases;
  for (const ListenerState& listener : t.regions->process_state().listeners) {
    databases.push_back(listener.database);
  }
  if (t.postgres) {
    CHECK(databases == std::vector<std::string>{"catalog", "region eu-central", "region us-west"});
  } else {
    CHECK(databases.empty());
  }
}

TEST_CASE(
    "the state of a process has each database, and the lag of the regions that it provisions") {
  ServedStores t;
  need(t.regions->start());
  t.write("bot-secrets", "A", "1");
  const ProcessState state = t.regions->process_state();
  REQUIRE(state.databases.size() == 3);
  CHECK(state.databases[0].database == "catalog");
  CHECK(state.databases[0].writes.writes > 0);
  CHECK(state.databases[2].database == "region us-west");
  REQUIRE(state.provisioning.size() == 2);
  CHECK(state.provisioning[1].region == "us-west");
  CHECK(state.provisioning[1].lag.has_value());
}

TEST_CASE("a region that stops has written every report that it heard") {
  ServedStores t;
  const auto agent =
      need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot"))).agent.id;
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

TEST_CASE(
    "a region that is added to the catalog is served, and takes writes, from the next look on") {
  ServedStores t;
  t.add("ap-south");
  CHECK(t.served() == std::vector<std::string>{"eu-central", "us-west"});
  t.regions->follow();
  CHECK(t.served() == std::vector<std::string>{"ap-south", "eu-central", "us-west"});
  CHECK(t.regions->for_instances().regions.front().signing_keys->verification_keys.size() == 2);
  WriteSet write = one_key("bot-secrets", "A", "1");
  write.region = "ap-south";
  need(t.catalog().sets.write(kAdmin, t.acme, std::move(write)));
}

TEST_CASE("a region that is removed is listed no more, and works as long as a request uses it") {
  ServedStores t;
  std::optional<InstanceRegion> used = t.regions->for_instances().regions.front();
  const std::weak_ptr<const void> region = used->alive;
  need(t.catalog().regions.remove(kAdmin, "eu-central"));
  t.regions->follow();
  CHECK(t.served() == std::vector<std::string>{"us-west"});
  t.regions->follow();
  CHECK_FALSE(need(used->store.find_agent(1)).has_value());
  used.reset();
  CHECK_FALSE(region.expired());  // a request does not destroy it
  t.regions->follow();
  CHECK(region.expired());
}

TEST_CASE("a region that is added again while it is in use is the same one") {
  ServedStores t;
  const InstanceRegion used = t.regions->for_instances().regions.front();
  need(t.catalog().regions.remove(kAdmin, "eu-central"));
  t.regions->follow();
  t.add("eu-central");
  t.regions->follow();
  CHECK(t.regions->for_instances().regions.front().alive == used.alive);
}

TEST_CASE("a server is not ready while a region cannot be opened, and serves the others") {
  ServedStores t;
  t.add("ap-south");
  t.add("zz-north");
  t.region_failure = ErrorCode::invalid;
  t.regions->follow();
  CHECK(t.problem() == "regions: Region ap-south cannot be opened");
  CHECK(t.served() == std::vector<std::string>{"eu-central", "us-west"});
  t.region_failure.reset();
  t.regions->follow();
  CHECK(t.problem().empty());
  CHECK(t.served().size() == 4);
}

TEST_CASE("the outage of a region's database leaves the server ready, and credentials undecided") {
  ServedStores t;
  t.regions->follow();
  CHECK(t.regions->for_instances().are_all);
  t.add("zz-north");
  t.region_failure = ErrorCode::unavailable;
  t.regions->follow();
  CHECK(t.problem().empty());
  CHECK(t.regions->for_instances().regions.size() == 2);
  CHECK_FALSE(t.regions->for_instances().are_all);
  // The database answers again, and refuses the region.
  t.region_failure = ErrorCode::invalid;
  t.regions->follow();
  CHECK(t.problem() == "regions: Region zz-north cannot be opened");
  t.region_failure.reset();
  t.regions->follow();
  CHECK(t.regions->for_instances().are_all);
}

TEST_CASE("a server is not ready while the catalog cannot be read, and serves what it has") {
  ServedStores t;
  t.is_catalog_broken = true;
  t.regions->follow();
  CHECK(t.problem() == "catalog: The catalog cannot be read");
  CHECK(t.served().size() == 2);
  t.is_catalog_broken = false;
  t.regions->follow();
  CHECK(t.problem().empty());
}

TEST_CASE(
    "a server is not ready with an older schema than at its start, and ready with a newer one") {
  ServedStores t;
  t.regions->follow();
  t.is_schema_older = true;
  t.regions->follow();
  CHECK(t.problem() == "schema: The catalog's schema is older than this server needs");
  t.is_schema_older = false;
  t.regions->follow();
  CHECK(t.problem().empty());
}

TEST_CASE("a server whose last look is too long ago is not ready") {
  ServedStores t;
  t.regions->follow();
  t.clock.advance(ServedRegions::kReadyFor);
  CHECK(t.problem().empty());
  t.clock.advance(std::chrono::milliseconds(1));
  CHECK(t.problem() == "catalog: The catalog cannot be read");
}

TEST_CASE("a region that never started can be destroyed") {
  ServedStores t;
  t.regions.reset();
  CHECK(need(t.catalog().regions.list()).size() == 2);
}

}  // namespace
}  // namespace agent_secrets::control_plane

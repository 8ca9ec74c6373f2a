// A region agrees with the catalog again after one of them has lost commits. The tests set the
// databases back by hand, as a failover would.
#include "control-plane/provisioning/agreement.h"

#include "control-plane/test_stores.h"
#include "tests/fakes/forwarding_region_store.h"

namespace agent_secrets::control_plane {
namespace {

struct TwoStores : TestStores {
  TwoStores() {
    write("bot-secrets", "A", "1");
    provision();
    need(catalog().deploys.create_agent(kAdmin, acme, deploy_of("bot", "bot-secrets")));
    need(catalog().credentials.add(kAdmin, acme, "bot", "kid1", {}));
    provision();
    id = agent("bot").id;
    set_id = set("bot-secrets").id;
  }
  Repairs compare() {
    return need(make_region_agree("us-west", catalog().outbox, region(), term()));
  }
  AgentSnapshot lost_agent() {
    AgentSnapshot lost = snapshot(id);
    lost.agent_id = id + 1;
    lost.agent = "lost";
    lost.credentials = {{.kid = "lost-kid", .keys = {}}};
    return lost;
  }

  std::int64_t id = 0;
  std::int64_t set_id = 0;
};

}  // namespace

TEST_CASE("a region that has lost nothing is not changed") {
  TwoStores t;
  CHECK(t.compare() == Repairs{});
}

TEST_CASE("a region that has lost agents and versions gets them again") {
  TwoStores t;
  const AgentSnapshot before = t.snapshot(t.id);
  need(t.region().end_agents(std::vector{t.id}, t.term()));
  need(t.region().retain_only({}, t.term()));
  CHECK(t.compare() == Repairs{.published_again = 1, .written_versions = 1});
  t.provisioner->publish_now();
  CHECK(t.served("bot-secrets", 1) == std::map<std::string, std::string>{{"A", "1"}});
  AgentSnapshot after = t.snapshot(t.id);
  CHECK(after.revision == before.revision + 1);
  after.revision = before.revision;
  CHECK(after == before);
  CHECK(t.compare() == Repairs{});
}

TEST_CASE("a version that is still pinned is written again, also when a newer one is pending") {
  TwoStores t;
  t.write("bot-secrets", "A", "2");
  need(t.region().retain_only({}, t.term()));
  CHECK(t.compare() == Repairs{.written_versions = 1});
  CHECK(t.served("bot-secrets", 1) == std::map<std::string, std::string>{{"A", "1"}});
  CHECK_FALSE(need(t.region().read_set_version(t.set_id, 2)).has_value());
}

TEST_CASE("a region that is ahead of the catalog gets the catalog's state") {
  TwoStores t;
  AgentSnapshot ahead = t.snapshot(t.id);
  ahead.revision += 50;
  ahead.deployment_id = "of-a-lost-commit";
  need(t.region().put_agent(ahead));
  CHECK(t.compare() == Repairs{.published_again = 1});
  t.provisioner->publish_now();
  CHECK(t.snapshot(t.id).deployment_id == t.agent("bot").deployment.id);
  CHECK(t.snapshot(t.id).revision > ahead.revision);
}

TEST_CASE(
    "an agent that the catalog has lost is removed from the region, and its id is free again") {
  TwoStores t;
  need(t.region().put_agent(t.lost_agent()));
  CHECK(t.compare() == Repairs{.ended_agents = 1});
  CHECK_FALSE(need(t.region().find_agent(t.id + 1)).has_value());
  CHECK_FALSE(need(t.region().find_credential("lost-kid")).has_value());
  AgentSnapshot next = t.lost_agent();
  next.revision = 1;
  need(t.region().put_agent(next));
  CHECK(t.snapshot(t.id + 1).revision == 1);
}

TEST_CASE("an agent that the catalog has lost ends, and the instances that run it stay listed") {
  TwoStores t;
  const AgentSnapshot lost = t.lost_agent();
  need(t.region().put_agent(lost));
  const std::int64_t seen = need(t.region().changes_since(0)).number;
  const HeardInstance running{.agent_id = lost.agent_id,
                              .instance = "pod-1",
                              .sequence = lost.sequence,
                              .kid = "lost-kid",
                              .at = t.clock.unix_time(),
                              .started = true};
  need(t.region().record_instances(std::vector{running}, t.clock.unix_time()));
  CHECK(t.compare() == Repairs{.ended_agents = 1});
  CHECK(t.snapshot(lost.agent_id).deleted);
  CHECK_FALSE(need(t.region().find_credential("lost-kid")).has_value());
  CHECK(need(t.region().list_instances(lost.agent_id)).instances.size() == 1);
  CHECK(need(t.region().find_release(lost.agent_id, lost.sequence)).has_value());
  CHECK(need(t.region().changes_since(seen)).agents == std::vector{lost.agent_id});
  CHECK(t.compare() == Repairs{});
  AgentSnapshot next = lost;
  next.revision = 1;
  need(t.region().put_agent(next));
  CHECK_FALSE(t.snapshot(lost.agent_id).deleted);
}

TEST_CASE("a deleted agent that the catalog has removed since stays as it is in the region") {
  TwoStores t;
  AgentSnapshot removed = t.lost_agent();
  removed.deleted = true;
  need(t.region().put_agent(removed));
  CHECK(t.compare() == Repairs{});
  CHECK(t.snapshot(removed.agent_id).deleted);
}

TEST_CASE("agents are published again although a version cannot be written") {
  struct Full final : ForwardingRegionStore {
    using ForwardingRegionStore::ForwardingRegionStore;
    Result<void> put_set_version(const ProvisionedVersion& /*version*/,
                                 const LeaseTerm& /*term*/) override {
      return fail(ErrorCode::out_of_space, "no room");
    }
  };
  TwoStores t;
  need(t.region().end_agents(std::vector{t.id}, t.term()));
  need(t.region().retain_only({}, t.term()));
  Full full(t.region());
  const auto failed = make_region_agree("us-west", t.catalog().outbox, full, t.term());
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().code == ErrorCode::out_of_space);
  t.provisioner->publish_now();
  CHECK(need(t.region().find_credential("kid1")).has_value());
}

TEST_CASE("a comparison under a lost lease removes nothing") {
  TwoStores t;
  need(t.region().put_agent(t.lost_agent()));
  const LeaseTerm old = t.term();
  need(t.region().retain_only({}, {.work = old.work, .fence = old.fence + 1}));
  const auto refused = make_region_agree("us-west", t.catalog().outbox, t.region(), old);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::conflict);
  CHECK(need(t.region().find_agent(t.id + 1)).has_value());
}

TEST_CASE("a credential that is revoked in the region stays revoked") {
  TwoStores t;
  AgentSnapshot revoked = t.snapshot(t.id);
  ++revoked.revision;
  revoked.credentials[0].revoked = true;
  need(t.region().put_agent(revoked));
  AgentSnapshot from_the_catalog = revoked;
  from_the_catalog.revision += kFailoverStep;
  from_the_catalog.credentials[0].revoked = false;
  need(t.region().put_agent(from_the_catalog));
  CHECK(need(t.region().find_credential("kid1"))->credential.revoked);
}

TEST_CASE("when sequences are raised, releases of lost commits are dropped, and others are kept") {
  TwoStores t;
  const AgentSnapshot kept = t.snapshot(t.id);
  AgentSnapshot lost = kept;
  ++lost.revision;
  ++lost.sequence;
  need(t.region().put_agent(lost));
  AgentSnapshot raised = kept;
  raised.revision += kFailoverStep;
  raised.sequence += kFailoverStep;
  need(t.region().put_agent(raised));
  CHECK(need(t.region().find_release(t.id, kept.sequence)).has_value());
  CHECK_FALSE(need(t.region().find_release(t.id, lost.sequence)).has_value());
  CHECK(need(t.region().find_release(t.id, raised.sequence)).has_value());
}

TEST_CASE("a failover of a region changes every agent, with a number above the lost ones") {
  TwoStores t;
  CHECK_FALSE(need(t.region().settle_failover()).was_raised);
  if (!t.postgres) return;
  const std::int64_t seen = need(t.region().changes_since(0)).number;
  t.edit("region-us-west", "UPDATE changes SET timeline = '000000FE'");
  CHECK(need(t.region().settle_failover()).was_raised);
  CHECK_FALSE(need(t.region().settle_failover()).was_raised);
  const RegionChanges changes = need(t.region().changes_since(seen + 100));
  CHECK(changes.number == seen + kFailoverStep);
  CHECK(changes.agents == std::vector{t.id});
}

}  // namespace agent_secrets::control_plane

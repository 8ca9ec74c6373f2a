#include "control-plane/provisioning/provisioner.h"

#include <functional>
#include <thread>

#include "control-plane/test_stores.h"
#include "tests/fakes/forwarding_region_store.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::milliseconds;

// A region store that can fail, or lose what is written.
class FaultyRegion final : public ForwardingRegionStore {
 public:
  explicit FaultyRegion(RegionStore& inner) : ForwardingRegionStore(inner) {}
  Result<void> put_set_version(const ProvisionedVersion& version, const LeaseTerm& term) override {
    ++attempts;
    if (refuses_versions) return fail(ErrorCode::out_of_space, "disk full");
    if (down) return fail(ErrorCode::failed, "no route [to] region");
    auto put = forgetful ? Result<void>{} : ForwardingRegionStore::put_set_version(version, term);
    if (after_put) after_put();
    return put;
  }
  Result<void> put_agent(const AgentSnapshot& snapshot) override {
    if (down || snapshot.agent_id == refused_agent) {
      return fail(ErrorCode::failed, "no route to region");
    }
    return ForwardingRegionStore::put_agent(snapshot);
  }
  Result<void> retain_only(std::span<const RetainedVersion> versions,
                           const LeaseTerm& term) override {
    if (keeps_all) return fail(ErrorCode::failed, "disk full");
    return ForwardingRegionStore::retain_only(versions, term);
  }

  bool down = false;
  bool refuses_versions = false;
  bool forgetful = false;
  bool keeps_all = false;
  int attempts = 0;
  std::int64_t refused_agent = 0;
  std::function<void()> after_put;
};

struct FaultyStores : TestStores {
  FaultyRegion faulty{region()};
  Log silent{"test", LogLevel::error, LogFormat::text};
  Provisioner worker{"us-west", catalog().outbox, faulty, [] {}, *lease, clock, silent};
  void work_for(milliseconds duration) {
    for (const auto end = clock.unix_time() + duration; clock.unix_time() < end;) {
      clock.advance(std::max(worker.work_once(), milliseconds(1)));
    }
  }
};

}  // namespace

TEST_CASE("the lag is the time since a version became due") {
  FaultyStores t;
  t.worker.work_once();
  CHECK(t.worker.lag() == milliseconds(0));
  t.write("bot-secrets", "A", "1");
  t.clock.advance(std::chrono::seconds(3));
  t.faulty.down = true;
  t.worker.work_once();
  CHECK(t.worker.lag() == std::chrono::seconds(3));
  t.faulty.down = false;
  t.clock.advance(std::chrono::seconds(1));
  t.worker.work_once();
  t.worker.work_once();
  CHECK(t.worker.lag() == milliseconds(0));
}

TEST_CASE("a region that stays down is behind, also after its versions have failed") {
  FaultyStores t;
  t.write("bot-secrets", "A", "1");
  t.faulty.down = true;
  t.work_for(std::chrono::seconds(80));
  REQUIRE(t.set("bot-secrets").status == SetStatus::failed);
  CHECK(t.worker.lag() >= std::chrono::seconds(75));
  t.faulty.down = false;
  t.work_for(std::chrono::seconds(40));
  CHECK(t.worker.lag() < std::chrono::seconds(1));
}

TEST_CASE("an agent that its region refuses is a lag") {
  FaultyStores t;
  t.worker.work_once();
  t.faulty.refused_agent =
      need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot"))).agent.id;
  t.work_for(std::chrono::seconds(20));
  CHECK(t.worker.lag() >= std::chrono::seconds(15));
}

TEST_CASE("a round that hangs is a lag, and another process's region is none") {
  FaultyStores t;
  t.worker.work_once();
  t.clock.advance(std::chrono::seconds(7));  // no round ends
  CHECK(t.worker.lag() == std::chrono::seconds(7));
  t.lease->release();
  CHECK_FALSE(t.worker.lag().has_value());
}

TEST_CASE("a region that fails is retried with growing pauses") {
  FaultyStores t;
  t.faulty.down = true;
  t.write("bot-secrets", "A", "1");
  CHECK(t.worker.work_once() == milliseconds(200));
  CHECK(t.worker.work_once() == milliseconds(200));
  CHECK(t.faulty.attempts == 1);
  t.clock.advance(milliseconds(200));
  t.worker.work_once();
  t.clock.advance(milliseconds(399));
  t.worker.work_once();
  CHECK(t.faulty.attempts == 2);
  CHECK(t.set("bot-secrets").status == SetStatus::pending);
  t.faulty.down = false;
  t.clock.advance(milliseconds(1));
  t.worker.work_once();
  CHECK(t.set("bot-secrets").status == SetStatus::ready);
}

TEST_CASE("past the budget the set is failed, with an error without square brackets") {
  FaultyStores t;
  t.faulty.down = true;
  t.write("bot-secrets", "A", "1");
  t.work_for(std::chrono::seconds(75));
  const SecretSet set = t.set("bot-secrets");
  CHECK(set.status == SetStatus::failed);
  CHECK(set.error_message == "region us-west: write to the region: no route (to) region");
}

TEST_CASE("a failed set becomes ready once its region works again") {
  FaultyStores t;
  t.faulty.down = true;
  t.write("bot-secrets", "A", "1");
  t.work_for(std::chrono::seconds(75));
  t.faulty.down = false;
  t.work_for(std::chrono::seconds(60));
  CHECK(t.set("bot-secrets").status == SetStatus::ready);
  CHECK(t.set("bot-secrets").version == 1);
}

TEST_CASE("a version is failed at once if the region returns other values than were written") {
  FaultyStores t;
  t.faulty.forgetful = true;
  t.write("bot-secrets", "A", "1");
  t.worker.work_once();
  CHECK(t.set("bot-secrets").status == SetStatus::failed);
}

TEST_CASE("the provisioner does not touch versions of other sets and regions") {
  TestStores t;
  WriteSet far = one_key("far-secrets", "A", "1", false);
  far.region = "eu-central";
  need(t.catalog().sets.write(t.acme, std::move(far)));
  t.provision();
  CHECK(t.set("far-secrets").status == SetStatus::pending);
}

TEST_CASE("publishing is told after the region has the agent, once for each change") {
  TestStores t;
  const Agent bot = need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot"))).agent;
  std::vector<std::string> deployments;
  Provisioner publisher(
      "us-west", t.catalog().outbox, t.region(),
      [&] { deployments.push_back(t.snapshot(bot.id).deployment_id); }, *t.lease, t.clock, t.log);
  publisher.publish_now();
  publisher.publish_now();
  CHECK(deployments == std::vector{bot.deployment.id});
  CHECK(t.snapshot(bot.id).deployment_id == bot.deployment.id);
}

TEST_CASE("an agent that could not be published is published later") {
  FaultyStores t;
  t.faulty.down = true;
  const Agent bot = need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot"))).agent;
  t.worker.publish_now();
  CHECK(t.agent("bot").reconciled_deployment.empty());
  t.faulty.down = false;
  t.worker.work_once();
  CHECK(t.agent("bot").reconciled_deployment == bot.deployment.id);
}

TEST_CASE("an agent that cannot be published does not delay the others") {
  FaultyStores t;
  const Agent first =
      need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("first"))).agent;
  const Agent second =
      need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("second"))).agent;
  t.faulty.refused_agent = first.id;
  CHECK(t.worker.work_once() == milliseconds(200));  // backs off for the first agent
  CHECK(t.agent("first").reconciled_deployment.empty());
  CHECK(t.agent("second").reconciled_deployment == second.deployment.id);
}

TEST_CASE("a version that cannot be written delays no revocation") {
  FaultyStores t;
  t.faulty.refuses_versions = true;
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot")));
  need(t.catalog().credentials.add(kAdmin, t.acme, "bot", "kid1", {}));
  t.write("bot-secrets", "A", "1");
  t.work_for(std::chrono::seconds(30));  // the pauses between attempts are long now
  need(t.catalog().credentials.revoke(kAdmin, t.acme, "bot", "kid1"));
  CHECK(t.worker.work_once() <= milliseconds(250));
  CHECK(need(t.region().find_credential("kid1"))->credential.revoked);
}

TEST_CASE("a stream of versions does not delay publishing") {
  FaultyStores t;
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot")));
  for (int i = 0; i < 17; ++i) t.write("bot-secrets-" + std::to_string(i), "A", "1");
  CHECK(t.worker.work_once() == milliseconds(0));
  CHECK(t.faulty.attempts == 16);
  CHECK_FALSE(t.agent("bot").reconciled_deployment.empty());
  t.worker.work_once();
  CHECK(t.faulty.attempts == 17);
}

TEST_CASE("the pinned and the newest ready version are kept, others are dropped") {
  TestStores t;
  t.write("bot-secrets", "A", "1");
  t.provision();
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot", "bot-secrets")));
  t.provision();
  for (const char* value : {"2", "3"}) {
    t.write("bot-secrets", "A", value);
    t.provision();
  }
  const std::int64_t id = t.set("bot-secrets").id;
  CHECK(t.served("bot-secrets", 1).at("A") == "1");
  CHECK_FALSE(need(t.region().read_set_version(id, 2)).has_value());
  CHECK(t.served("bot-secrets", 3).at("A") == "3");
}

TEST_CASE("a version that the region serves is kept until the region has the next deployment") {
  FaultyStores t;
  t.write("bot-secrets", "A", "1");
  t.worker.work_once();
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot", "bot-secrets")));
  t.worker.publish_now();
  t.write("bot-secrets", "A", "2");
  t.worker.work_once();
  DeployRequest again = deploy_of("bot");
  again.force = true;
  need(t.catalog().deploys.update_agent(kAdmin, t.acme, again));
  need(t.region().retain_only(need(t.catalog().outbox.retained_versions("us-west")), t.term()));
  CHECK(t.served("bot-secrets", 1).at("A") == "1");
  t.worker.work_once();
  CHECK_FALSE(need(t.region().read_set_version(t.set("bot-secrets").id, 1)).has_value());
}

TEST_CASE("the versions of a deleted set are dropped from its region") {
  TestStores t;
  const std::int64_t id = t.write("bot-secrets", "A", "1").id;
  t.provision();
  need(t.catalog().sets.remove(t.acme, "bot-secrets"));
  t.provisioner->wake();
  t.provision();
  CHECK_FALSE(need(t.region().read_set_version(id, 1)).has_value());
}

TEST_CASE("the versions of a set that another process deleted are dropped within a minute") {
  TestStores t;
  const std::int64_t id = t.write("bot-secrets", "A", "1").id;
  t.provision();
  need(t.catalog().sets.remove(t.acme, "bot-secrets"));
  t.clock.advance(std::chrono::minutes(1));
  t.provision();
  CHECK_FALSE(need(t.region().read_set_version(id, 1)).has_value());
}

TEST_CASE("versions that could not be dropped are dropped in the next round") {
  FaultyStores t;
  const std::int64_t id = t.write("bot-secrets", "A", "1").id;
  t.worker.work_once();
  t.write("bot-secrets", "A", "2");
  t.faulty.keeps_all = true;
  t.clock.advance(t.worker.work_once());
  CHECK(need(t.region().read_set_version(id, 1)).has_value());
  t.faulty.keeps_all = false;
  t.worker.work_once();
  CHECK_FALSE(need(t.region().read_set_version(id, 1)).has_value());
}

TEST_CASE("a version whose set is deleted while it is written is dropped") {
  FaultyStores t;
  t.worker.work_once();
  const std::int64_t id = t.write("bot-secrets", "A", "1").id;
  t.faulty.after_put = [&] { need(t.catalog().sets.remove(t.acme, "bot-secrets")); };
  t.worker.work_once();
  CHECK(t.faulty.attempts == 1);
  CHECK_FALSE(need(t.region().read_set_version(id, 1)).has_value());
}

TEST_CASE("a replaced value is deleted from the catalog once no deployment pins it") {
  FaultyStores t;
  t.write("bot-secrets", "A", "1");
  t.worker.work_once();
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot", "bot-secrets")));
  t.write("bot-secrets", "A", "2");
  t.worker.work_once();
  const auto rows = [&] {
    return need(t.catalog().context.database->read(
        "count values", [](Transaction& tx) -> Result<std::int64_t> {
          return tx.query("SELECT count(*) AS n FROM set_values").front().integer("n");
        }));
  };
  CHECK(rows() == 2);
  DeployRequest again = deploy_of("bot");
  again.force = true;
  need(t.catalog().deploys.update_agent(kAdmin, t.acme, again));
  t.worker.work_once();
  CHECK(rows() == 1);
}

TEST_CASE("without the lease a provisioner leaves the work to its holder, but publishes a deploy") {
  FaultyStores t;
  t.lease->release();
  t.take_lease(provisioner_work("us-west"));
  t.write("bot-secrets", "A", "1");
  const Agent bot = need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot"))).agent;
  CHECK(t.worker.work_once() == milliseconds(250));
  CHECK(t.faulty.attempts == 0);
  CHECK(t.agent("bot").reconciled_deployment.empty());
  t.worker.publish_now();
  CHECK(t.agent("bot").reconciled_deployment == bot.deployment.id);
}

TEST_CASE("a provisioner whose lease is taken in the middle of a version gives the lease up") {
  FaultyStores t;
  t.write("bot-secrets", "A", "1");
  t.faulty.after_put = [&] {
    need(t.catalog().leases.release(t.term()));
    t.take_lease(provisioner_work("us-west"));
  };
  t.worker.work_once();
  CHECK_FALSE(t.lease->term().has_value());
  CHECK(t.set("bot-secrets").status == SetStatus::pending);
  CHECK(t.worker.work_once() == milliseconds(250));
  CHECK(t.faulty.attempts == 1);
}

// The region has seen a later term, but the catalog has not: a failover of the catalog lost it.
TEST_CASE("a provisioner that a region refuses takes its lease with a higher fence") {
  FaultyStores t;
  const std::int64_t ahead = t.term().fence + 2;
  t.write("bot-secrets", "A", "1");
  need(t.region().put_set_version(
      {.organization_id = 1, .set_id = 99, .set_name = "other", .version = 1, .values = {}},
      {.work = t.term().work, .fence = ahead}));
  for (int round = 0; round < 4 && t.set("bot-secrets").status != SetStatus::ready; ++round) {
    t.clock.advance(t.worker.work_once());
    t.lease->work_once();
  }
  CHECK(t.set("bot-secrets").status == SetStatus::ready);
  CHECK(t.term().fence >= ahead);
}

TEST_CASE("a new term drops what another holder has left in the region") {
  FaultyStores t;
  t.worker.work_once();
  need(t.region().put_set_version(
      {.organization_id = 1, .set_id = 99, .set_name = "other", .version = 1, .values = {}},
      t.term()));
  t.worker.work_once();
  CHECK(need(t.region().read_set_version(99, 1)).has_value());
  t.lease->give_up(t.term());
  t.lease->work_once();
  t.worker.work_once();
  CHECK_FALSE(need(t.region().read_set_version(99, 1)).has_value());
}

TEST_CASE("run() works until a stop is requested, and wake() starts a round") {
  TestStores t;
  std::jthread worker([&](const std::stop_token& stop) { t.provisioner->run(stop); });
  t.write("bot-secrets", "A", "1");
  while (t.set("bot-secrets").status != SetStatus::ready) t.provisioner->wake();
  worker.request_stop();
  worker.join();
  CHECK(t.served("bot-secrets", 1).at("A") == "1");
}

}  // namespace agent_secrets::control_plane

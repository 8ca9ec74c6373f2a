// After a failover the catalog's numbers are higher than all numbers that lost commits can have
// used.
#include <atomic>
#include <thread>
#include <vector>

#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

// Changes the stored timeline, so that the server's timeline looks new.
void fail_over(TestStores& t) {
  t.edit("catalog", "UPDATE settings SET value = '000000FE' WHERE name = 'server_timeline'");
}

bool is_postgres(const TestStores& t) { return t.postgres.has_value(); }

// Publishes the agent first, so that the region has its sequence.
std::int64_t sequence_of(TestStores& t, const std::string& agent) {
  t.provisioner->publish_now();
  return t.snapshot(t.agent(agent).id).sequence;
}

}  // namespace

TEST_CASE("the first check of a server stores its timeline and raises no numbers") {
  TestStores t;
  t.write("bot-secrets", "A", "1");
  t.provision();
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot", "bot-secrets")));
  const std::int64_t sequence = sequence_of(t, "bot");
  const ServerTimeline first = need(t.catalog().failovers.settle());
  CHECK_FALSE(first.was_raised);
  CHECK(first.id.size() == (is_postgres(t) ? 8 : 0));
  CHECK(need(t.catalog().failovers.settle()).id == first.id);
  CHECK(sequence_of(t, "bot") == sequence);
}

TEST_CASE("a failover raises the sequence of every agent and publishes every agent again") {
  TestStores t;
  if (!is_postgres(t)) return;
  need(t.catalog().failovers.settle());
  t.write("bot-secrets", "A", "1");
  t.provision();
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot", "bot-secrets")));
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("other")));
  const std::int64_t sequence = sequence_of(t, "bot");
  const AgentSnapshot before = t.snapshot(t.agent("bot").id);

  fail_over(t);
  CHECK(need(t.catalog().failovers.settle()).was_raised);
  CHECK_FALSE(need(t.catalog().failovers.settle()).was_raised);
  CHECK(need(t.catalog().outbox.unpublished_agents("us-west", 0, 10)).size() == 2);
  CHECK(sequence_of(t, "bot") == sequence + kFailoverStep);
  AgentSnapshot after = t.snapshot(before.agent_id);
  CHECK(after.revision == before.revision + kFailoverStep);
  after.revision = before.revision;
  after.sequence = before.sequence;
  CHECK(after == before);
}

TEST_CASE("if many processes detect a failover, exactly one raises the numbers") {
  TestStores t;
  if (!is_postgres(t)) return;
  need(t.catalog().failovers.settle());
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot")));
  const std::int64_t sequence = sequence_of(t, "bot");
  fail_over(t);
  std::atomic<int> raised = 0;
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> processes;
    for (int i = 0; i < 8; ++i) {
      processes.emplace_back([&] {
        const auto found = t.catalog().failovers.settle();
        if (!found) ++failed;
        if (found && found->was_raised) ++raised;
      });
    }
  }
  CHECK(raised == 1);
  CHECK(failed == 0);
  CHECK(sequence_of(t, "bot") == sequence + kFailoverStep);
}

TEST_CASE("after a failover a new agent gets a sequence and an id above all lost ones") {
  TestStores t;
  if (!is_postgres(t)) return;
  need(t.catalog().failovers.settle());
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot")));
  const std::int64_t set = t.write("bot-secrets", "A", "1").id;
  fail_over(t);
  need(t.catalog().failovers.settle());
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("lost")));
  CHECK(sequence_of(t, "lost") > kFailoverStep);
  CHECK(t.agent("lost").id > t.agent("bot").id + kFailoverStep);
  CHECK(t.write("new-secrets", "A", "1").id > set + kFailoverStep);
}

TEST_CASE("the result of a deploy command that began before a failover is ignored") {
  TestStores t;
  if (!is_postgres(t)) return;
  need(t.catalog().failovers.settle());
  need(t.catalog().rollouts.use_command(kAdmin));
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot")));
  t.provisioner->publish_now();
  const LeaseTerm term = t.take_lease(kRolloutsWork);
  const auto begun = need(t.catalog().rollouts.list_due());
  REQUIRE(begun.size() == 1);
  fail_over(t);
  need(t.catalog().failovers.settle());
  CHECK_FALSE(need(t.catalog().rollouts.settle(begun[0], "", term)));
  CHECK(need(t.catalog().rollouts.list_due()).size() == 1);
}

}  // namespace agent_secrets::control_plane

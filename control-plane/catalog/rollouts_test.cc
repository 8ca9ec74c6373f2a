#include <fmt/format.h>

#include "control-plane/test_stores.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

const std::string kNoSet = "This service has no secret set: its bots start without secrets.";

// The agent `bot`. Deploys need a deploy command, and the region has confirmed the deployment.
struct Waiting : TestStores {
  Waiting() {
    need(catalog().rollouts.use_command(kAdmin));
    need(catalog().deploys.create_agent(kAdmin, acme, deploy_of("bot")));
    provisioner->publish_now();
  }
  LeaseTerm term = take_lease(kRolloutsWork);
  std::vector<Rollout> due() { return need(catalog().rollouts.list_due()); }
  Agent bot() { return agent("bot"); }
  void succeed() { CHECK(need(catalog().rollouts.settle(due().at(0), "", term))); }
  void fail_it() { CHECK(need(catalog().rollouts.settle(due().at(0), "exit code 3", term))); }
};

DeployRequest image(std::string name) {
  DeployRequest request = deploy_of("bot");
  request.image = std::move(name);
  return request;
}

}  // namespace

TEST_CASE("a deployment is reconciled when its command has succeeded") {
  Waiting t;
  CHECK(t.bot().reconciled_deployment.empty());
  const auto due = t.due();
  REQUIRE(due.size() == 1);
  CHECK(due[0].event == RolloutEvent::deploy);
  CHECK(due[0].deployment_id == t.bot().deployment.id);
  CHECK(due[0].image == "img:1");
  t.succeed();
  CHECK(t.bot().reconciled_deployment == t.bot().deployment.id);
  CHECK_FALSE(t.bot().rollout.has_value());
  CHECK(t.due().empty());
}

TEST_CASE("a command is not due before its region has confirmed the deployment") {
  Waiting t;
  t.succeed();
  need(t.catalog().deploys.update_agent(kAdmin, t.acme, image("img:2")));
  CHECK(t.due().empty());
  t.provisioner->publish_now();
  CHECK(t.due().size() == 1);
}

TEST_CASE("after a failed command the earlier deployment stays reconciled, and no run is due") {
  Waiting t;
  t.succeed();
  const std::string first = t.bot().deployment.id;
  need(t.catalog().deploys.update_agent(kAdmin, t.acme, image("img:2")));
  t.provisioner->publish_now();
  t.fail_it();
  CHECK(t.bot().reconciled_deployment == first);
  REQUIRE(t.bot().rollout.has_value());
  CHECK(t.bot().rollout->has_failed);
  CHECK(t.bot().rollout->failure == "exit code 3");
  CHECK(t.due().empty());
}

TEST_CASE("a deploy clears the failure of the command") {
  Waiting t;
  t.fail_it();
  SECTION("a changed deploy") {
    const auto outcome = need(t.catalog().deploys.update_agent(kAdmin, t.acme, image("img:2")));
    CHECK_FALSE(outcome.agent.rollout->has_failed);
    CHECK(outcome.warning == kNoSet);
  }
  SECTION("an unchanged deploy, whose command runs again") {
    const auto outcome = need(t.catalog().deploys.update_agent(kAdmin, t.acme, image("img:1")));
    CHECK_FALSE(outcome.agent.rollout->has_failed);
    CHECK(outcome.warning == "The configuration is unchanged; its command runs again. " + kNoSet);
    CHECK(t.due().size() == 1);
  }
}

TEST_CASE("a run for an older deployment does not settle a newer request") {
  Waiting t;
  const Rollout overtaken = t.due().at(0);
  need(t.catalog().deploys.update_agent(kAdmin, t.acme, image("img:2")));
  t.provisioner->publish_now();
  SECTION("a success makes the older deployment the reconciled deployment") {
    CHECK_FALSE(need(t.catalog().rollouts.settle(overtaken, "", t.term)));
    CHECK(t.bot().reconciled_deployment == overtaken.deployment_id);
  }
  SECTION("a failure is ignored") {
    CHECK_FALSE(need(t.catalog().rollouts.settle(overtaken, "exit code 3", t.term)));
    CHECK_FALSE(t.bot().rollout->has_failed);
  }
  REQUIRE(t.due().size() == 1);
  CHECK(t.due()[0].deployment_id == t.bot().deployment.id);
}

TEST_CASE("a change of scaling alone gives the event scale, and keeps the deployment") {
  Waiting t;
  t.succeed();
  DeployRequest more = deploy_of("bot");
  more.min_agents = 2;
  need(t.catalog().deploys.update_agent(kAdmin, t.acme, more));
  REQUIRE(t.due().size() == 1);
  CHECK(t.due()[0].event == RolloutEvent::scale);
  CHECK(t.due()[0].min_agents == 2);
  CHECK(t.bot().reconciled_deployment == t.bot().deployment.id);
}

TEST_CASE("a change of scaling before the deploy command has run keeps the event deploy") {
  Waiting t;
  DeployRequest more = deploy_of("bot");
  more.max_agents = 2;
  need(t.catalog().deploys.update_agent(kAdmin, t.acme, more));
  REQUIRE(t.due().size() == 1);
  CHECK(t.due()[0].event == RolloutEvent::deploy);
  CHECK(t.due()[0].max_agents == 2);
}

TEST_CASE("the command of a deletion is due once the region has confirmed the deletion") {
  Waiting t;
  t.succeed();
  need(t.catalog().agents.remove(kAdmin, t.acme, "bot"));
  CHECK(t.due().empty());
  t.provisioner->publish_now();
  REQUIRE(t.due().size() == 1);
  CHECK(t.due()[0].event == RolloutEvent::remove);
  CHECK(t.due()[0].agent == "bot");
}

TEST_CASE("commands are due in the order of the requests, not of the agents") {
  TestStores t;
  need(t.catalog().rollouts.use_command(kAdmin));
  const LeaseTerm term = t.take_lease(kRolloutsWork);
  for (const char* name : {"one", "two", "three"}) {
    need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of(name)));
  }
  t.provisioner->publish_now();
  const auto due = [&] {
    std::vector<std::string> names;
    for (const Rollout& rollout : need(t.catalog().rollouts.list_due()))
      names.push_back(rollout.agent);
    return names;
  };
  const auto redeploy = [&](const char* name) {
    DeployRequest request = deploy_of(name);
    request.force = true;
    need(t.catalog().deploys.update_agent(kAdmin, t.acme, request));
    t.provisioner->publish_now();
  };
  using Names = std::vector<std::string>;
  CHECK(due() == Names{"one", "two", "three"});

  redeploy("one");  // no run has begun, so the agent keeps its place
  CHECK(due() == Names{"one", "two", "three"});

  const Rollout begun = need(t.catalog().rollouts.list_due()).front();
  redeploy("one");
  CHECK_FALSE(need(t.catalog().rollouts.settle(begun, "", term)));
  CHECK(due() == Names{"two", "three", "one"});

  CHECK(need(t.catalog().rollouts.settle(need(t.catalog().rollouts.list_due()).front(),
                                         "exit code 1", term)));
  redeploy("two");  // after a failure the agent goes to the end
  CHECK(due() == Names{"three", "one", "two"});
}

TEST_CASE("the command of a new agent is due after the run for a deleted agent with its name") {
  Waiting t;
  t.succeed();
  need(t.catalog().agents.remove(kAdmin, t.acme, "bot"));
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot")));
  // Also if the region has confirmed the new agent first.
  need(t.catalog().outbox.mark_published(t.bot().id, 1));
  CHECK(t.due().empty());
  t.provisioner->publish_now();
  REQUIRE(t.due().size() == 1);
  CHECK(t.due()[0].event == RolloutEvent::remove);
  SECTION("the run succeeds") { t.succeed(); }
  SECTION("the run fails") { t.fail_it(); }
  REQUIRE(t.due().size() == 1);
  CHECK(t.due()[0].event == RolloutEvent::deploy);
  CHECK(t.due()[0].agent_id == t.bot().id);
}

TEST_CASE("a runner whose lease was taken records nothing") {
  Waiting t;
  const Rollout run = t.due().at(0);
  need(t.catalog().leases.release(t.term));
  t.take_lease(kRolloutsWork);
  CHECK(refusal(t.catalog().rollouts.settle(run, "", t.term)).code == ErrorCode::conflict);
  CHECK(refusal(t.catalog().events.add(run.agent_id, "output", "late", t.term)).code ==
        ErrorCode::conflict);
  CHECK(t.due().size() == 1);
  CHECK(t.bot().reconciled_deployment.empty());
}

TEST_CASE("rollouts survive a restart, and are removed when there is no deploy command") {
  Waiting t;
  t.reopen();
  need(t.catalog().rollouts.use_command(kAdmin));
  CHECK(t.due().size() == 1);
  need(t.catalog().rollouts.forget_command(kAdmin));
  CHECK(t.due().empty());
  CHECK(t.bot().reconciled_deployment == t.bot().deployment.id);
}

TEST_CASE("the newest events of an agent are kept and listed, oldest first") {
  Waiting t;
  for (int number = 0; number < limits::kEventsPerAgent + 5; ++number) {
    need(t.catalog().events.add(t.bot().id, "output", fmt::format("line {}", number), t.term));
  }
  const auto events = need(t.catalog().events.list(t.bot().id));
  REQUIRE(events.size() == limits::kEventsPerAgent);
  CHECK(events.front().text == "line 5");
  CHECK(events.back().text == fmt::format("line {}", limits::kEventsPerAgent + 4));
}

TEST_CASE("the event of a deploy names the image and the version of the set") {
  TestStores t;
  t.write("bot-secrets", "A", "1");
  t.provision();
  const Agent bot =
      need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot", "bot-secrets"))).agent;
  const auto events = need(t.catalog().events.list(bot.id));
  REQUIRE(events.size() == 1);
  CHECK(events[0].kind == "deployment");
  CHECK(events[0].text == bot.deployment.id + ": image img:1, bot-secrets version 1");
}

}  // namespace agent_secrets::control_plane

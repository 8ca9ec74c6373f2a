#include <fmt/format.h>

#include "control-plane/test_stores.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

const std::string kNoSet = "This service has no secret set: its bots start without secrets.";

// The agent `bot`, deployed while deploys wait for a command, and known to its region.
struct Waiting : TestStores {
  Waiting() {
    need(catalog().rollouts.use(true));
    need(catalog().deploys.create_agent(acme, deploy_of("bot")));
    provisioner->publish_now();
  }
  std::vector<Rollout> due() { return need(catalog().rollouts.list_due()); }
  Agent bot() { return agent("bot"); }
  void succeed() { CHECK(need(catalog().rollouts.settle(due().at(0), ""))); }
  void fail_it() { CHECK(need(catalog().rollouts.settle(due().at(0), "exit code 3"))); }
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

TEST_CASE("a command waits until its region knows of the deployment") {
  Waiting t;
  t.succeed();
  need(t.catalog().deploys.update_agent(t.acme, image("img:2")));
  CHECK(t.due().empty());
  t.provisioner->publish_now();
  CHECK(t.due().size() == 1);
}

TEST_CASE("a failure keeps the deployment before it, and is not tried again by itself") {
  Waiting t;
  t.succeed();
  const std::string first = t.bot().deployment.id;
  need(t.catalog().deploys.update_agent(t.acme, image("img:2")));
  t.provisioner->publish_now();
  t.fail_it();
  CHECK(t.bot().reconciled_deployment == first);
  REQUIRE(t.bot().rollout.has_value());
  CHECK(t.bot().rollout->has_failed);
  CHECK(t.bot().rollout->failure == "exit code 3");
  CHECK(t.due().empty());
}

TEST_CASE("a deploy clears a failure at once") {
  Waiting t;
  t.fail_it();
  SECTION("of something new") {
    const auto outcome = need(t.catalog().deploys.update_agent(t.acme, image("img:2")));
    CHECK_FALSE(outcome.agent.rollout->has_failed);
    CHECK(outcome.warning == kNoSet);
  }
  SECTION("of the same, whose command runs again") {
    const auto outcome = need(t.catalog().deploys.update_agent(t.acme, image("img:1")));
    CHECK_FALSE(outcome.agent.rollout->has_failed);
    CHECK(outcome.warning == "The configuration is unchanged; its command runs again. " + kNoSet);
    CHECK(t.due().size() == 1);
  }
}

TEST_CASE("a run that was overtaken settles nothing but its own deployment") {
  Waiting t;
  const Rollout overtaken = t.due().at(0);
  need(t.catalog().deploys.update_agent(t.acme, image("img:2")));
  t.provisioner->publish_now();
  SECTION("a success makes it the one that serves") {
    CHECK_FALSE(need(t.catalog().rollouts.settle(overtaken, "")));
    CHECK(t.bot().reconciled_deployment == overtaken.deployment_id);
  }
  SECTION("a failure is no news") {
    CHECK_FALSE(need(t.catalog().rollouts.settle(overtaken, "exit code 3")));
    CHECK_FALSE(t.bot().rollout->has_failed);
  }
  REQUIRE(t.due().size() == 1);
  CHECK(t.due()[0].deployment_id == t.bot().deployment.id);
}

TEST_CASE("scaling alone is an event of its own, and keeps the deployment") {
  Waiting t;
  t.succeed();
  DeployRequest more = deploy_of("bot");
  more.min_agents = 2;
  need(t.catalog().deploys.update_agent(t.acme, more));
  REQUIRE(t.due().size() == 1);
  CHECK(t.due()[0].event == RolloutEvent::scale);
  CHECK(t.due()[0].min_agents == 2);
  CHECK(t.bot().reconciled_deployment == t.bot().deployment.id);
}

TEST_CASE("scaling before a deployment is rolled out leaves it to be deployed") {
  Waiting t;
  DeployRequest more = deploy_of("bot");
  more.max_agents = 2;
  need(t.catalog().deploys.update_agent(t.acme, more));
  REQUIRE(t.due().size() == 1);
  CHECK(t.due()[0].event == RolloutEvent::deploy);
  CHECK(t.due()[0].max_agents == 2);
}

TEST_CASE("a deletion is told once the region knows") {
  Waiting t;
  t.succeed();
  need(t.catalog().agents.remove(t.acme, "bot"));
  CHECK(t.due().empty());
  t.provisioner->publish_now();
  REQUIRE(t.due().size() == 1);
  CHECK(t.due()[0].event == RolloutEvent::remove);
  CHECK(t.due()[0].agent == "bot");
}

TEST_CASE("commands are due in the order of the requests, whichever agent is the older") {
  TestStores t;
  need(t.catalog().rollouts.use(true));
  for (const char* name : {"one", "two", "three"}) {
    need(t.catalog().deploys.create_agent(t.acme, deploy_of(name)));
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
    need(t.catalog().deploys.update_agent(t.acme, request));
    t.provisioner->publish_now();
  };
  using Names = std::vector<std::string>;
  CHECK(due() == Names{"one", "two", "three"});

  redeploy("one");  // its run has not begun: it keeps its place
  CHECK(due() == Names{"one", "two", "three"});

  const Rollout begun = need(t.catalog().rollouts.list_due()).front();
  redeploy("one");
  CHECK_FALSE(need(t.catalog().rollouts.settle(begun, "")));
  CHECK(due() == Names{"two", "three", "one"});

  CHECK(need(
      t.catalog().rollouts.settle(need(t.catalog().rollouts.list_due()).front(), "exit code 1")));
  redeploy("two");  // a failure gave its place up
  CHECK(due() == Names{"three", "one", "two"});
}

TEST_CASE("a later agent of a name waits until the deletion of the earlier one has run") {
  Waiting t;
  t.succeed();
  need(t.catalog().agents.remove(t.acme, "bot"));
  need(t.catalog().deploys.create_agent(t.acme, deploy_of("bot")));
  // Also when the region knows of the later one first.
  need(t.catalog().outbox.mark_published(t.bot().id, 1));
  CHECK(t.due().empty());
  t.provisioner->publish_now();
  REQUIRE(t.due().size() == 1);
  CHECK(t.due()[0].event == RolloutEvent::remove);
  SECTION("which succeeds") { t.succeed(); }
  SECTION("or fails, for good") { t.fail_it(); }
  REQUIRE(t.due().size() == 1);
  CHECK(t.due()[0].event == RolloutEvent::deploy);
  CHECK(t.due()[0].agent_id == t.bot().id);
}

TEST_CASE("what is owed survives a restart, and is let go where nobody would run it") {
  Waiting t;
  t.reopen();
  need(t.catalog().rollouts.use(true));
  CHECK(t.due().size() == 1);
  need(t.catalog().rollouts.use(false));
  CHECK(t.due().empty());
  CHECK(t.bot().reconciled_deployment == t.bot().deployment.id);
}

TEST_CASE("an agent's events are the newest of them, oldest first") {
  Waiting t;
  for (int number = 0; number < limits::kEventsPerAgent + 5; ++number) {
    need(t.catalog().events.add(t.bot().id, "output", fmt::format("line {}", number)));
  }
  const auto events = need(t.catalog().events.list(t.bot().id));
  REQUIRE(events.size() == limits::kEventsPerAgent);
  CHECK(events.front().text == "line 5");
  CHECK(events.back().text == fmt::format("line {}", limits::kEventsPerAgent + 4));
}

TEST_CASE("an event says what was deployed") {
  TestStores t;
  t.write("bot-secrets", "A", "1");
  t.provision();
  const Agent bot =
      need(t.catalog().deploys.create_agent(t.acme, deploy_of("bot", "bot-secrets"))).agent;
  const auto events = need(t.catalog().events.list(bot.id));
  REQUIRE(events.size() == 1);
  CHECK(events[0].kind == "deployment");
  CHECK(events[0].text == bot.deployment.id + ": image img:1, bot-secrets version 1");
}

}  // namespace agent_secrets::control_plane

#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

// A ready set and the agent `bot` that pins its version 1.
struct Deployed : TestStores {
  Deployed() {
    write("bot-secrets", "A", "1");
    provision();
    first =
        need(catalog().deploys.create_agent(kAdmin, acme, deploy_of("bot", "bot-secrets"))).agent;
    provisioner->publish_now();
  }
  DeployOutcome update(const DeployRequest& request) {
    return need(catalog().deploys.update_agent(kAdmin, acme, request));
  }
  Agent first;
};

DeployRequest forced(DeployRequest request) {
  request.force = true;
  return request;
}

}  // namespace

TEST_CASE("the gate checks existence, type, region and readiness, in this order") {
  TestStores t;
  WriteSet far = one_key("far-secrets", "A", "1", false);
  far.region = "eu-central";
  need(t.catalog().sets.write(kAdmin, t.acme, std::move(far)));
  t.write("bot-secrets", "A", "1");
  need(t.catalog().sets.write(kAdmin, t.acme, registry("registry")));

  const auto refused = [&](const std::string& set, const std::string& image_pull_set) {
    DeployRequest request = deploy_of("bot", set);
    request.image_pull_secret_set = image_pull_set;
    return refusal(t.catalog().deploys.create_agent(kAdmin, t.acme, request));
  };
  SECTION("a missing set is reported before a pending set") {
    const Error error = refused("bot-secrets", "nope");
    CHECK(error.code == ErrorCode::not_found);
    CHECK(error.message == "Image pull secret 'nope' not found");
    CHECK(refused("nope", "").message == "Secret set 'nope' not found");
  }
  SECTION("a wrong type is reported before a wrong region") {
    const Error error = refused("far-secrets", "bot-secrets");
    CHECK(error.code == ErrorCode::invalid);
    CHECK(error.message.find("not an image pull secret") != std::string::npos);
  }
  SECTION("a wrong region is reported before a pending set, with both regions") {
    const Error error = refused("far-secrets", "registry");
    CHECK(error.code == ErrorCode::invalid);
    CHECK(error.message.find("'eu-central'") != std::string::npos);
    CHECK(error.message.find("'us-west'") != std::string::npos);
  }
  SECTION("the error for a pending set says to retry") {
    const Error error = refused("bot-secrets", "");
    CHECK(error.code == ErrorCode::conflict);
    CHECK(error.message ==
          "Secret set 'bot-secrets' is not yet ready. Retry once it has been provisioned.");
    CHECK(refused("", "registry").message ==
          "Image pull secret 'registry' is not yet ready. Retry once it has been provisioned.");
  }
  SECTION("the error for a failed set says to write the set again") {
    const auto due = need(t.catalog().outbox.next_due("us-west", t.clock.unix_time()));
    need(t.catalog().outbox.mark_failed(*due.version, "no space", t.term()));
    const Error error = refused(due.version->set_name, "");
    CHECK(error.code == ErrorCode::conflict);
    CHECK(error.message ==
          "Secret set 'bot-secrets' failed to provision. Write it again, then retry.");
  }
  CHECK(need(t.catalog().agents.list(t.acme)).empty());
}

TEST_CASE("a deployment keeps the version that was ready at the time of the deploy") {
  Deployed t;
  REQUIRE(t.first.deployment.pins.size() == 1);
  CHECK(t.first.deployment.pins[0].version == 1);
  t.write("bot-secrets", "A", "2");
  t.provision();
  const Agent now = t.agent("bot");
  CHECK(now.deployment.pins[0].version == 1);
  CHECK(now.deployment.pins[0].latest_version == 2);
  CHECK(need(t.region().changed_keys(now.deployment.pins[0].set_id, 1, 2)) ==
        std::vector<std::string>{"A"});
}

TEST_CASE("a newer version with the pinned values gives no warning and no changed keys") {
  Deployed t;
  for (const char* value : {"oops", "1"}) {
    t.write("bot-secrets", "A", value);
    t.provision();
  }
  const Agent now = t.agent("bot");
  CHECK(now.deployment.pins[0].latest_version == 3);
  CHECK(need(t.region().changed_keys(now.deployment.pins[0].set_id, 1, 3)) ==
        std::vector<std::string>{});
  CHECK(t.update(deploy_of("bot", "bot-secrets")).warning ==
        "Nothing to deploy: the configuration is unchanged.");
  t.write("bot-secrets", "B", "2");
  t.provision();
  CHECK(t.update(deploy_of("bot", "bot-secrets")).warning.find("has version 4") !=
        std::string::npos);
  need(t.catalog().sets.unset_key(kAdmin, t.acme, "bot-secrets", "B"));
  t.provision();
  CHECK(need(t.region().changed_keys(now.deployment.pins[0].set_id, 1, 5)) ==
        std::vector<std::string>{});
}

TEST_CASE("creating an agent needs a new name, a valid name and an image") {
  Deployed t;
  const Error again = refusal(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot")));
  CHECK(again.code == ErrorCode::invalid);
  CHECK(again.message == "Service already exists");
  DeployRequest bare = deploy_of("other");
  bare.image.reset();
  CHECK(refusal(t.catalog().deploys.create_agent(kAdmin, t.acme, bare)).code == ErrorCode::invalid);
  CHECK(refusal(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("Bot"))).code ==
        ErrorCode::invalid);
}

TEST_CASE("an agent that does not exist is not updated, listed or deleted") {
  TestStores t;
  CHECK(refusal(t.catalog().deploys.update_agent(kAdmin, t.acme, deploy_of("bot"))).message ==
        "Service not found");
  CHECK(refusal(t.catalog().agents.remove(kAdmin, t.acme, "bot")).code == ErrorCode::not_found);
  CHECK(refusal(t.catalog().agents.list_deployments(t.acme, "bot")).code == ErrorCode::not_found);
}

TEST_CASE("an unchanged deploy keeps the deployment and warns") {
  Deployed t;
  const DeployOutcome outcome = t.update(deploy_of("bot", "bot-secrets"));
  CHECK(outcome.agent.deployment.id == t.first.deployment.id);
  CHECK(outcome.warning == "Nothing to deploy: the configuration is unchanged.");
}

TEST_CASE("the warning names a newer ready version") {
  Deployed t;
  t.write("bot-secrets", "A", "2");
  t.write("bot-secrets", "A", "3");
  t.provision();
  CHECK(t.update(deploy_of("bot", "bot-secrets")).warning ==
        "Nothing to deploy: the configuration is unchanged. bot-secrets has version 3, this "
        "deployment keeps version 1; deploy with --force to use it.");
}

TEST_CASE("an unchanged deploy is refused while its set is pending") {
  Deployed t;
  t.write("bot-secrets", "A", "2");
  CHECK(refusal(t.catalog().deploys.update_agent(kAdmin, t.acme, deploy_of("bot", "bot-secrets")))
            .code == ErrorCode::conflict);
}

TEST_CASE("a forced deploy pins the newest ready version") {
  Deployed t;
  t.write("bot-secrets", "A", "2");
  t.provision();
  const DeployOutcome outcome = t.update(forced(deploy_of("bot", "bot-secrets")));
  CHECK(outcome.agent.deployment.id != t.first.deployment.id);
  CHECK(outcome.agent.deployment.pins[0].version == 2);
  CHECK(outcome.warning.empty());
}

TEST_CASE("scaling alone makes no deployment") {
  Deployed t;
  DeployRequest request = deploy_of("bot", "bot-secrets");
  request.min_agents = 2;
  const DeployOutcome outcome = t.update(request);
  CHECK(outcome.agent.deployment.id == t.first.deployment.id);
  CHECK(outcome.agent.scaling == Scaling{.min_agents = 2, .max_agents = 50});
  CHECK(outcome.warning.empty());
  request.min_agents = 51;
  CHECK(refusal(t.catalog().deploys.update_agent(kAdmin, t.acme, request)).code ==
        ErrorCode::invalid);
}

TEST_CASE("absent members of a deploy keep their values, and an empty set name unbinds the set") {
  Deployed t;
  DeployRequest request;
  request.agent = "bot";
  request.settings = {{"agentProfile", "\"agent-2x\""}};
  CHECK(t.update(request).agent.deployment.spec.secret_set == "bot-secrets");
  request.secret_set = "";
  const Agent unbound = t.update(request).agent;
  CHECK(unbound.deployment.spec.secret_set.empty());
  CHECK(unbound.deployment.pins.empty());
  CHECK(unbound.deployment.spec.settings.at("agentProfile") == "\"agent-2x\"");
  request.settings = {{"agentProfile", std::nullopt}};
  CHECK(t.update(request).agent.deployment.spec.settings.empty());
}

TEST_CASE("an agent never changes its region") {
  Deployed t;
  DeployRequest request = deploy_of("bot", "bot-secrets");
  request.region = "eu-central";
  CHECK(refusal(t.catalog().deploys.update_agent(kAdmin, t.acme, request)).code ==
        ErrorCode::invalid);
  request.region = "us-west";
  CHECK(t.update(request).agent.deployment.id == t.first.deployment.id);
}

TEST_CASE("a new deployment is not reconciled before its region has confirmed it") {
  Deployed t;
  CHECK(t.agent("bot").reconciled_deployment == t.first.deployment.id);
  const Agent next = t.update(forced(deploy_of("bot"))).agent;
  CHECK(next.reconciled_deployment == t.first.deployment.id);
  t.provisioner->publish_now();
  CHECK(t.agent("bot").reconciled_deployment == next.deployment.id);
}

TEST_CASE("the pinned version is served while a newer version is pending or failed") {
  Deployed t;
  t.write("bot-secrets", "A", "2");
  const auto due = need(t.catalog().outbox.next_due("us-west", t.clock.unix_time()));
  CHECK(t.served("bot-secrets", 1) == std::map<std::string, std::string>{{"A", "1"}});
  need(t.catalog().outbox.mark_failed(*due.version, "no space", t.term()));
  t.provisioner->work_once();
  CHECK(t.served("bot-secrets", 1) == std::map<std::string, std::string>{{"A", "1"}});
  CHECK(t.snapshot(t.first.id).sets[0].version == 1);
  CHECK(t.snapshot(t.first.id).sets[0].latest_version == 1);
}

TEST_CASE("a deploy raises the sequence, a version that becomes ready only the revision") {
  Deployed t;
  const AgentSnapshot before = t.snapshot(t.first.id);
  t.write("bot-secrets", "A", "2");
  t.provision();
  const AgentSnapshot after_ready = t.snapshot(t.first.id);
  CHECK(after_ready.sequence == before.sequence);
  CHECK(after_ready.revision > before.revision);
  t.update(forced(deploy_of("bot")));
  t.provisioner->publish_now();
  CHECK(t.snapshot(t.first.id).sequence == before.sequence + 1);
}

TEST_CASE("a new agent with the name of a deleted agent continues its sequences") {
  Deployed t;
  t.update(forced(deploy_of("bot")));
  t.provisioner->publish_now();
  const std::int64_t last = t.snapshot(t.first.id).sequence;
  need(t.catalog().agents.remove(kAdmin, t.acme, "bot"));
  const Agent again =
      need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot", "bot-secrets"))).agent;
  t.provisioner->publish_now();
  CHECK(again.id != t.first.id);
  CHECK(t.snapshot(again.id).sequence > last);
  CHECK(t.snapshot(t.first.id).deleted);
}

TEST_CASE(
    "a deployment with secret version latest gets each ready version, with a higher sequence") {
  Deployed t;
  DeployRequest request = deploy_of("bot");
  request.secret_version = SecretVersion::latest;
  t.update(request);
  t.provisioner->publish_now();
  const AgentSnapshot before = t.snapshot(t.first.id);
  t.write("bot-secrets", "A", "2");
  t.provision();
  const AgentSnapshot after = t.snapshot(t.first.id);
  CHECK(after.sets[0].version == 2);
  CHECK(after.sequence == before.sequence + 1);
  CHECK(after.deployment_id == before.deployment_id);
  CHECK(need(t.region().find_release(t.first.id, before.sequence))->sets[0].version == 1);
}

TEST_CASE("deployments are listed, newest first") {
  Deployed t;
  const std::string second = t.update(forced(deploy_of("bot"))).agent.deployment.id;
  const auto deployments = need(t.catalog().agents.list_deployments(t.acme, "bot"));
  REQUIRE(deployments.size() == 2);
  CHECK(deployments[0].id == second);
  CHECK(deployments[1].id == t.first.deployment.id);
}

}  // namespace agent_secrets::control_plane

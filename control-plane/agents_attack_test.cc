// Agents, their deployments, and sets, against an attacker who edits rows.
#include "control-plane/catalog/restored_copy.h"
#include "control-plane/fleet/fleet.h"
#include "control-plane/test_attacked_stores.h"

namespace agent_secrets::control_plane {
namespace {

const Actor kMember{.kind = ActorKind::token, .id = "1", .name = "ci", .role = Role::member};

}  // namespace

TEST_CASE("another deployment that somebody gives to an agent is not published", "[authority]") {
  AttackedStores t;
  t.edit_catalog(
      "UPDATE agents SET revision = revision + 1, deployment_id = (SELECT deployment_id"
      " FROM agents WHERE name = 'bot') WHERE name = 'mine'");
  t.provision();
  CHECK(t.bundle("mine-1") == "dev-value");
  CHECK(t.is_logged("agents"));
}

TEST_CASE("the name of a set that somebody changes in a deployment is not deployed",
          "[authority]") {
  AttackedStores t;
  t.edit_catalog("UPDATE deployments SET secret_set = 'prod' WHERE secret_set = 'dev'");
  DeployRequest again;
  again.agent = "mine";
  again.force = true;
  CHECK(refusal(t.catalog().deploys.update_agent(kAdmin, t.acme, std::move(again))).code ==
        ErrorCode::untrusted);
  CHECK(t.is_logged("deployments"));
}

TEST_CASE("the image that somebody changes in a deployment is not rolled out", "[authority]") {
  AttackedStores t;
  need(t.catalog().rollouts.use_command(kAdmin));
  DeployRequest again;
  again.agent = "bot";
  again.force = true;
  need(t.catalog().deploys.update_agent(kAdmin, t.acme, std::move(again)));
  t.provision();
  REQUIRE(need(t.catalog().rollouts.list_due()).size() == 1);
  t.edit_catalog("UPDATE deployments SET image = 'evil:1' WHERE secret_set = 'prod'");
  CHECK(need(t.catalog().rollouts.list_due()).empty());
  CHECK(t.is_logged("deployments"));
}

TEST_CASE("agents whose rows somebody exchanges are refused", "[authority]") {
  AttackedStores t;
  SECTION("in the catalog") {
    t.edit_catalog("UPDATE agents SET name = 'was-bot' WHERE name = 'bot'");
    t.edit_catalog("UPDATE agents SET name = 'bot' WHERE name = 'mine'");
    t.edit_catalog("UPDATE agents SET name = 'mine' WHERE name = 'was-bot'");
    CHECK(refusal(t.catalog().credentials.add(kAdmin, t.acme, "mine", "new", keys_of(9))).code ==
          ErrorCode::untrusted);
    CHECK(
        refusal(t.catalog().deploys.update_agent(kAdmin, t.acme, deploy_of("bot", "prod"))).code ==
        ErrorCode::untrusted);
  }
  SECTION("in the region") {
    for (const char* table : {"agent_sets", "credentials"}) {
      t.edit_region(std::string("UPDATE ") + table + " SET agent_id = " + t.id("bot") + " + " +
                    t.id("mine") + " - agent_id");
    }
    CHECK(t.bundle("mine-1") == "unknown");
    CHECK(t.bundle("bot-1") == "unknown");
  }
  CHECK((t.is_logged("agents") || t.is_logged("credentials")));
}

TEST_CASE("a set that somebody moves to another organization is not deployed there",
          "[authority]") {
  AttackedStores t;
  const auto evil = need(t.catalog().organizations.create(kAdmin, "evil", "", "us-west")).id;
  t.edit_catalog("UPDATE sets SET organization_id = " + std::to_string(evil) +
                 ", protected_by = NULL WHERE name = 'prod'");
  CHECK(refusal(t.catalog().deploys.create_agent(kAdmin, evil, deploy_of("spy", "prod"))).code ==
        ErrorCode::untrusted);
  CHECK(t.is_logged("sets"));
}

TEST_CASE("a value is not written to a set whose name somebody has exchanged", "[authority]") {
  AttackedStores t;
  t.edit_catalog("UPDATE sets SET name = 'was-prod' WHERE name = 'prod'");
  t.edit_catalog("UPDATE sets SET name = 'prod' WHERE name = 'dev'");
  CHECK(refusal(t.catalog().sets.write(kAdmin, t.acme, one_key("prod", "A", "new"))).code ==
        ErrorCode::untrusted);
  CHECK(t.is_logged("sets"));
}

TEST_CASE("a set that somebody moves to another region is not provisioned there", "[authority]") {
  AttackedStores t;
  t.write("prod", "A", "new-value");
  t.edit_catalog("UPDATE sets SET region = 'eu-central' WHERE name = 'prod'");
  Outbox& outbox = t.catalog().outbox;
  CHECK_FALSE(need(outbox.next_due("eu-central", t.clock.unix_time())).version.has_value());
  const RetainedVersion ready{.set_id = t.prod, .version = 1};
  CHECK_FALSE(outbox.read_retained("eu-central", ready).has_value());
  CHECK_FALSE(outbox.read_retained("us-west", ready).has_value());
  CHECK(t.is_logged("sets"));
}

TEST_CASE("protection that somebody removes stays", "[authority]") {
  AttackedStores t;
  SECTION("the mark of the set") {
    t.edit_catalog("UPDATE sets SET protected_by = NULL");
    CHECK(refusal(t.catalog().deploys.update_agent(kMember, t.acme, deploy_of("mine", "prod")))
              .code == ErrorCode::untrusted);
    CHECK(t.is_logged("sets"));
  }
  SECTION("by a record that the agent has had the set") {
    t.edit_catalog("INSERT INTO set_bindings (agent_id, set_id, code) SELECT " + t.id("mine") +
                   ", set_id, code FROM set_bindings WHERE agent_id = " + t.id("bot"));
    CHECK(refusal(t.catalog().deploys.update_agent(kMember, t.acme, deploy_of("mine", "prod")))
              .code == ErrorCode::forbidden);
    CHECK(t.is_logged("set_bindings"));
  }
}

TEST_CASE("a failover gives no code to a row that somebody has changed", "[authority]") {
  AttackedStores t;
  t.edit_catalog("UPDATE agents SET name = 'spy' WHERE name = 'mine'");
  need(t.catalog().context.database->write("raise", [&](Transaction& tx) -> Result<void> {
    raise_numbers(tx, t.catalog().context.authority);
    return {};
  }));
  CHECK(t.agent("bot").is_accepted);
  CHECK_FALSE(t.agent("spy").is_accepted);
}

TEST_CASE("an agent whose row is refused does not hide the others from the view of the fleet",
          "[authority]") {
  AttackedStores t;
  const UnixMs now = t.clock.unix_time();
  std::vector<HeardInstance> heard;
  for (const char* name : {"bot", "mine"}) {
    HeardInstance instance;
    instance.agent_id = t.agent(name).id;
    instance.instance = name;
    instance.sequence = 1;
    instance.kid = std::string(name) + "-1";
    instance.at = now;
    instance.started = true;
    heard.push_back(std::move(instance));
  }
  need(t.region().record_instances(heard, now));
  t.edit_region("UPDATE agents SET name = 'other' WHERE name = 'mine'");
  const Fleet fleet = need(read_fleet("us-west", t.region(), std::nullopt, now));
  REQUIRE(fleet.agents.size() == 2);
  CHECK(fleet.agents[0].name.empty());
  CHECK(fleet.agents[1].name == "bot");
}

TEST_CASE("an agent whose row is refused can be deleted", "[authority]") {
  AttackedStores t;
  t.edit_catalog("UPDATE agents SET sequence = 1000 WHERE name = 'mine'");
  need(t.catalog().agents.remove(kAdmin, t.acme, "mine"));
  t.provision();
  CHECK(t.snapshot(t.mine).deleted);
}

}  // namespace agent_secrets::control_plane

// Each change of the catalog leaves one record, with the actor, in the transaction of the change.
#include "control-plane/catalog/audit.h"

#include <functional>
#include <limits>

#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

const Actor kAna{.kind = ActorKind::user,
                 .id = "12",
                 .name = "ana",
                 .role = Role::admin,
                 .address = "192.0.2.7"};

std::vector<AuditRecord> records(TestStores& t) {
  return need(t.catalog().audit.log().list_newest(std::numeric_limits<std::int64_t>::max(), 1000,
                                                  std::nullopt));
}

// The one record that the change leaves.
AuditEntry record_of_change(TestStores& t, const std::function<void()>& change) {
  const std::size_t before = records(t).size();
  change();
  const auto after = records(t);
  REQUIRE(after.size() == before + 1);
  const AuditEntry& entry = after.front().entry;
  CHECK(entry.actor_kind == "user");
  CHECK(entry.actor_id == "12");
  CHECK(entry.actor_name == "ana");
  CHECK(entry.address == "192.0.2.7");
  CHECK(entry.at == t.clock.unix_time());
  return entry;
}

// Each of the catalog's changes, in an order in which they succeed, and their records.
class Changes {
 public:
  explicit Changes(TestStores& t) : t_(t), catalog_(t.catalog()) {}

  void expect(std::string_view action, std::string_view object, std::string_view detail,
              const std::function<void()>& change, std::string_view outcome = kAuditDone) {
    INFO(action);
    const AuditEntry entry = record_of_change(t_, change);
    CHECK(entry.action == action);
    CHECK(entry.object == object);
    CHECK(entry.detail == detail);
    CHECK(entry.outcome == outcome);
  }

  void of_regions_and_organizations() {
    expect("region.add", "region third", "",
           [&] { need(catalog_.regions.add(kAna, {.code = "third", .display_name = "Third"})); });
    catalog_.regions.know_only({"us-west", "eu-central", "third"});
    expect("region.rename", "region third", "display name Three",
           [&] { need(catalog_.regions.rename(kAna, "third", "Three")); });
    expect("region.remove", "region third", "",
           [&] { need(catalog_.regions.remove(kAna, "third")); });
    std::int64_t beta = 0;
    expect("organization.create", "organization beta", "",
           [&] { beta = need(catalog_.organizations.create(kAna, "beta", "Beta", "us-west")).id; });
    CHECK(records(t_).front().entry.organization == "beta");
    expect("organization.default-region", "region eu-central", "",
           [&] { need(catalog_.organizations.set_default_region(kAna, beta, "eu-central")); });
    expect("organization.remove", "organization beta", "",
           [&] { need(catalog_.organizations.remove(kAna, beta)); });
    CHECK(records(t_).front().entry.organization == "beta");
    expect("organization.allow-name", "name LD_PRELOAD", "",
           [&] { need(catalog_.allowed_names.allow(kAna, t_.acme, "LD_PRELOAD")); });
    expect(
        "organization.allow-name", "name LD_PRELOAD", "",
        [&] { need(catalog_.allowed_names.allow(kAna, t_.acme, "LD_PRELOAD")); }, kAuditUnchanged);
    expect("organization.disallow-name", "name LD_PRELOAD", "",
           [&] { need(catalog_.allowed_names.disallow(kAna, t_.acme, "LD_PRELOAD")); });
    expect("public-url.set", "setting public_urls", "", [&] {
      need(catalog_.settings.change(kAna, "public-url.set", "public_urls", "https://one.example"));
    });
  }

  void of_people() {
    std::int64_t bob = 0;
    expect("user.create", "user bob", "",
           [&] { bob = need(catalog_.users.add(kAna, "bob", "")).id; });
    expect("member.put", "user bob", "role viewer",
           [&] { need(catalog_.users.put_membership(kAna, bob, t_.acme, Role::viewer)); });
    expect("token.create", "token laptop", "user bob", [&] {
      need(catalog_.tokens.add_for_user(kAna, bob, {}, "laptop", hash_bearer("one")));
    });
    expect("token.revoke", "token laptop", "user bob",
           [&] { need(catalog_.tokens.revoke_of_user(kAna, bob, "laptop")); });
    expect("member.remove", "user bob", "",
           [&] { need(catalog_.users.remove_membership(kAna, bob, t_.acme)); });
    expect("user.remove", "user bob", "", [&] { need(catalog_.users.remove(kAna, bob)); });
    expect("token.create", "token ci", "role member, expires 2023-11-14T22:13:21.000Z", [&] {
      need(catalog_.tokens.add(kAna, t_.acme, "ci", Role::member, hash_bearer("two"),
                               UnixMs(1'700'000'001'000)));
    });
    expect("token.revoke", "token ci", "",
           [&] { need(catalog_.tokens.revoke(kAna, t_.acme, "ci")); });
    std::string key;
    const std::size_t before = records(t_).size();
    key = need(catalog_.api_keys.add(kAna, t_.acme, "page", ApiKeyType::public_key,
                                     SecretBuffer::copy_of("pk_1")))
              .id;
    CHECK(records(t_).size() == before + 1);
    CHECK(records(t_).front().entry.object == "API key " + key);
    CHECK(records(t_).front().entry.detail == "name page, public");
    expect("api-key.revoke", "API key " + key, "",
           [&] { need(catalog_.api_keys.revoke(kAna, t_.acme, key)); });
  }

  void of_sets() {
    expect("set.write", "set bot-secrets", "version 1, keys A", [&] {
      need(catalog_.sets.write(kAna, t_.acme, one_key("bot-secrets", "A", "canary-value")));
    });
    expect(
        "set.write", "set bot-secrets", "version 1, keys A",
        [&] {
          need(catalog_.sets.write(kAna, t_.acme, one_key("bot-secrets", "A", "canary-value")));
        },
        kAuditUnchanged);
    expect("set.protect", "set bot-secrets", "",
           [&] { need(catalog_.sets.protect(kAna, t_.acme, "bot-secrets")); });
    expect("set.unprotect", "set bot-secrets", "",
           [&] { need(catalog_.sets.unprotect(kAna, t_.acme, "bot-secrets")); });
    expect("set.unset-key", "set bot-secrets", "version 2, keys A",
           [&] { need(catalog_.sets.unset_key(kAna, t_.acme, "bot-secrets", "A")); });
    expect("set.delete", "set bot-secrets", "",
           [&] { need(catalog_.sets.remove(kAna, t_.acme, "bot-secrets")); });
  }

  void of_agents() {
    t_.write("live", "A", "1");
    t_.provision();
    expect("agent.create", "agent bot",
           "image img:1, set live version 1, which the agent has not had before",
           [&] { need(catalog_.deploys.create_agent(kAna, t_.acme, deploy_of("bot", "live"))); });
    expect(
        "agent.deploy", "agent bot", "image img:1, set live version 1",
        [&] { need(catalog_.deploys.update_agent(kAna, t_.acme, deploy_of("bot", "live"))); },
        kAuditUnchanged);
    expect("agent.deploy", "agent bot", "image img:2, set live version 1", [&] {
      DeployRequest request = deploy_of("bot", "live");
      request.image = "img:2";
      need(catalog_.deploys.update_agent(kAna, t_.acme, std::move(request)));
    });
    expect("agent.scale", "agent bot", "image img:2, set live version 1", [&] {
      DeployRequest request;
      request.agent = "bot";
      request.max_agents = 3;
      need(catalog_.deploys.update_agent(kAna, t_.acme, std::move(request)));
    });
    expect("credential.add", "credential ak_1 of agent bot", "purpose bot",
           [&] { need(catalog_.credentials.add(kAna, t_.acme, "bot", "ak_1", {})); });
    expect("credential.revoke", "credential ak_1 of agent bot", "",
           [&] { need(catalog_.credentials.revoke(kAna, t_.acme, "bot", "ak_1")); });
    expect("agent.delete", "agent bot", "",
           [&] { need(catalog_.agents.remove(kAna, t_.acme, "bot")); });
  }

  void of_the_deploy_command() {
    expect("deploy-command.use", "", "", [&] { need(catalog_.rollouts.use_command(kAna)); });
    expect("deploy-command.forget", "", "", [&] { need(catalog_.rollouts.forget_command(kAna)); });
  }

 private:
  TestStores& t_;
  Catalog& catalog_;
};

}  // namespace

TEST_CASE("each change leaves one record, with the actor and the address") {
  TestStores t;
  Changes changes(t);
  changes.of_regions_and_organizations();
  changes.of_people();
  changes.of_sets();
  changes.of_agents();
  changes.of_the_deploy_command();
}

TEST_CASE("no record has a value of a secret") {
  TestStores t;
  Changes(t).of_sets();
  for (const AuditRecord& record : records(t)) {
    CHECK(record.entry.detail.find("canary") == std::string::npos);
    CHECK(record.entry.object.find("canary") == std::string::npos);
  }
}

TEST_CASE("a change that fails leaves no record") {
  TestStores t;
  const std::size_t before = records(t).size();
  CHECK_FALSE(t.catalog().tokens.revoke(kAna, t.acme, "nothing"));
  CHECK_FALSE(t.catalog().sets.remove(kAna, t.acme, "nothing"));
  CHECK_FALSE(t.catalog().deploys.create_agent(kAna, t.acme, deploy_of("bot", "nothing")));
  CHECK(records(t).size() == before);
}

TEST_CASE("a change whose record cannot be written does not happen") {
  TestStores t;
  need(t.catalog().tokens.add(kAna, t.acme, "ci", Role::member, hash_bearer("one")));
  t.edit("catalog",
         "ALTER TABLE audit RENAME COLUMN detail TO gone; UPDATE organizations SET name = name");
  CHECK_FALSE(t.catalog().sets.write(kAna, t.acme, one_key("bot-secrets", "A", "1")));
  CHECK_FALSE(t.catalog().tokens.revoke(kAna, t.acme, "ci"));
  CHECK_FALSE(t.catalog().users.add(kAna, "bob", ""));
  CHECK(need(t.catalog().sets.list(t.acme)).empty());
  CHECK_FALSE(need(t.catalog().tokens.list(t.acme)).front().revoked_at);
  CHECK(need(t.catalog().users.list()).empty());
}

TEST_CASE("long names are cut between two characters") {
  const std::string long_text = std::string(limits::kAuditText - 1, 'a') + "äöü";
  CHECK(bounded_text(long_text) == std::string(limits::kAuditText - 1, 'a') + "…");
  CHECK(bounded_text("short") == "short");
}

}  // namespace agent_secrets::control_plane

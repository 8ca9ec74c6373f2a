// Somebody can write the databases but has no keys: no row that they write, change, move or delete
// gives a right, and each is logged. (stores_attack_test.cc: the same for values.)
#include "control-plane/catalog/restored_copy.h"
#include "control-plane/fleet/fleet.h"
#include "control-plane/keys/key_rotation.h"
#include "control-plane/test_stores.h"
#include "tests/fakes/captured_log.h"

namespace agent_secrets::control_plane {
namespace {

const Actor kMember{.kind = ActorKind::token, .id = "1", .name = "ci", .role = Role::member};

CredentialPublicKeys keys_of(std::uint8_t fill) {
  CredentialPublicKeys keys;
  keys.signing.fill(fill);
  keys.box.fill(fill);
  return keys;
}

// The first step of a rotation: there is a new active key.
Result<DataKeyStep> begin_rotation(TestStores& t) {
  return t.catalog().context.database->write("rotate", [&](Transaction& tx) {
    return begin_data_key(tx, t.master_key, kCatalogPurpose, false);
  });
}

// `bot` has the protected set `prod`, `mine` has the set `dev`. The attacker has the credential
// `mine-1` of `mine`, and had `bot-old` of `bot`, which is revoked.
struct Attacked : TestStores {
  Attacked() {
    watch();
    write("prod", "A", "the-value");
    write("dev", "A", "dev-value");
    provision();
    need(catalog().sets.protect(kAdmin, acme, "prod"));
    need(catalog().deploys.create_agent(kAdmin, acme, deploy_of("bot", "prod")));
    need(catalog().deploys.create_agent(kAdmin, acme, deploy_of("mine", "dev")));
    need(catalog().credentials.add(kAdmin, acme, "bot", "bot-1", keys_of(1)));
    need(catalog().credentials.add(kAdmin, acme, "bot", "bot-old", keys_of(2)));
    need(catalog().credentials.add(kAdmin, acme, "mine", "mine-1", keys_of(3)));
    need(catalog().credentials.revoke(kAdmin, acme, "bot", "bot-old"));
    provision();
    prod = set("prod").id;
    mine = agent("mine").id;
    REQUIRE(bundle("bot-1") == "the-value");
    REQUIRE(bundle("mine-1") == "dev-value");
    REQUIRE(bundle("bot-old") == "revoked");
  }

  void watch() {
    catalog().context.authority.refused()->log_to(captured.log());
    for (auto& [code, handle] : stores.regions) handle.refused_rows->log_to(captured.log());
  }
  void restart() {
    reopen();
    watch();
    provision();
  }
  void edit_catalog(const std::string& sql) const { edit("catalog", sql); }
  void edit_region(const std::string& sql) const { edit("region-us-west", sql); }

  // The value of A that an instance with the credential gets, or why it gets none.
  std::string bundle(std::string_view kid) {
    auto parts = region().find_bundle_parts(kid);
    if (!parts) return parts.error().code == ErrorCode::untrusted ? "untrusted" : "failed";
    if (!*parts) return "unknown";
    if ((*parts)->owner.credential.revoked) return "revoked";
    if ((*parts)->agent->sets.empty()) return "no sets";
    auto version = region().open_pinned(**parts, (*parts)->agent->sets.front());
    if (!version) return version.error().code == ErrorCode::untrusted ? "untrusted" : "failed";
    return *version ? texts(**version).at("A") : "gone";
  }
  [[nodiscard]] bool is_logged(const std::string& table) const {
    return captured.text().find("table=" + table + ' ') != std::string::npos;
  }
  // What a token gives, for its first organization.
  std::string rights(std::string_view token) {
    auto identity = need(catalog().identities.find(hash_bearer(token)));
    if (!identity) return "none";
    if (identity->reaches.empty()) return "no organization";
    const Membership& first = identity->reaches.front();
    return first.organization.name + ' ' + std::string(to_string(first.role));
  }

  [[nodiscard]] std::string id(const std::string& agent_name) {
    return std::to_string(agent(agent_name).id);
  }

  CapturedLog captured;
  std::int64_t prod = 0;  // the set's id
  std::int64_t mine = 0;  // the agent's id
};

// The bytes of the public keys that the attacker has, for both databases.
std::string blob(const Attacked& t, const std::string& two_digits) {
  std::string digits;
  for (int i = 0; i < 32; ++i) digits += two_digits;
  return t.postgres ? "'\\x" + digits + "'" : "x'" + digits + "'";
}

std::string sha256_of(const Attacked& t, std::string_view token) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string digits;
  for (const std::uint8_t byte : hash_bearer(token)) {
    digits += kDigits.at(byte >> 4U);
    digits += kDigits.at(byte & 15U);
  }
  return t.postgres ? "'\\x" + digits + "'" : "x'" + digits + "'";
}

}  // namespace

TEST_CASE("a credential that somebody registers in the catalog is not published", "[authority]") {
  Attacked t;
  t.edit_catalog(
      "INSERT INTO credentials (kid, agent_id, signing_key, box_key, created_at, revision)"
      " VALUES ('forged', " +
      t.id("bot") + ", " + blob(t, "09") + ", " + blob(t, "09") + ", 0, 1)");
  t.edit_catalog("UPDATE agents SET revision = revision + 1");
  t.provision();
  CHECK(t.bundle("forged") == "unknown");
  CHECK(t.is_logged("credentials"));
  CHECK(t.bundle("bot-1") == "the-value");
}

TEST_CASE("a credential that somebody registers in a region is unknown", "[authority]") {
  Attacked t;
  SECTION("without a code") {
    t.edit_region(
        "INSERT INTO credentials (kid, agent_id, signing_key, box_key, revoked) VALUES"
        " ('forged', " +
        t.id("bot") + ", " + blob(t, "09") + ", " + blob(t, "09") + ", 0)");
  }
  SECTION("with the code of another credential") {
    t.edit_region(
        "INSERT INTO credentials (kid, agent_id, signing_key, box_key, revoked, code)"
        " SELECT 'forged', " +
        t.id("bot") +
        ", signing_key, box_key, revoked, code"
        " FROM credentials WHERE kid = 'mine-1'");
  }
  CHECK(t.bundle("forged") == "unknown");
  CHECK_FALSE(need(t.region().find_credential("forged")).has_value());
  CHECK(t.is_logged("credentials"));
}

TEST_CASE("a credential that somebody gives to another agent is unknown", "[authority]") {
  Attacked t;
  SECTION("in the region") {
    t.edit_region("UPDATE credentials SET agent_id = " + t.id("bot") + " WHERE kid = 'mine-1'");
  }
  SECTION("in the catalog") {
    t.edit_catalog("UPDATE credentials SET agent_id = " + t.id("bot") + " WHERE kid = 'mine-1'");
    t.edit_catalog("UPDATE agents SET revision = revision + 1");
    t.provision();
  }
  CHECK(t.bundle("mine-1") == "unknown");
  CHECK(t.is_logged("credentials"));
}

TEST_CASE("keys that somebody exchanges in a credential do not open a bundle", "[authority]") {
  Attacked t;
  t.edit_region("UPDATE credentials SET box_key = " + blob(t, "09") + " WHERE kid = 'bot-1'");
  CHECK(t.bundle("bot-1") == "unknown");
  CHECK(t.is_logged("credentials"));
}

TEST_CASE("a revocation that somebody removes stays", "[authority]") {
  Attacked t;
  SECTION("in the catalog") {
    t.edit_catalog("UPDATE credentials SET revoked_at = NULL WHERE kid = 'bot-old'");
    t.edit_catalog("UPDATE agents SET revision = revision + 1");
    t.provision();
  }
  SECTION("in the region") {
    t.edit_region("UPDATE credentials SET revoked = 0 WHERE kid = 'bot-old'");
  }
  SECTION("in both, with the code of a live credential") {
    t.edit_catalog(
        "UPDATE credentials SET revoked_at = NULL, code ="
        " (SELECT code FROM credentials WHERE kid = 'bot-1') WHERE kid = 'bot-old'");
    t.edit_region(
        "UPDATE credentials SET revoked = 0, code ="
        " (SELECT code FROM credentials WHERE kid = 'bot-1') WHERE kid = 'bot-old'");
  }
  CHECK(t.bundle("bot-old") == "unknown");
  CHECK(t.is_logged("credentials"));
}

TEST_CASE("the row of a credential from before its revocation is refused in a region",
          "[authority]") {
  Attacked t;
  t.edit_region("CREATE TABLE kept AS SELECT * FROM credentials; UPDATE changes SET id = id");
  need(t.catalog().credentials.revoke(kAdmin, t.acme, "bot", "bot-1"));
  t.provision();
  REQUIRE(t.bundle("bot-1") == "revoked");
  t.edit_region(
      "UPDATE credentials SET revoked = 0, code ="
      " (SELECT code FROM kept WHERE kept.kid = credentials.kid) WHERE kid = 'bot-1'");
  CHECK(t.bundle("bot-1") == "unknown");
}

TEST_CASE("a pin that somebody changes gives no set", "[authority]") {
  Attacked t;
  const std::string prod = std::to_string(t.set("prod").id);
  SECTION("in the catalog") {
    t.edit_catalog("UPDATE deployment_pins SET set_id = " + prod + " WHERE set_name = 'dev'");
    t.edit_catalog("UPDATE agents SET revision = revision + 1");
    t.restart();
    CHECK(t.bundle("mine-1") == "dev-value");  // as it was published before
    CHECK(t.is_logged("deployments"));
  }
  SECTION("in the region") {
    t.edit_region("UPDATE agent_sets SET set_id = " + prod + " WHERE name = 'dev'");
    CHECK(t.bundle("mine-1") == "untrusted");
    CHECK(t.is_logged("agents"));
  }
  SECTION("in the region, as another set beside it") {
    t.edit_region(
        "INSERT INTO agent_sets (agent_id, set_id, organization_id, name, version,"
        " latest_version) SELECT " +
        t.id("mine") +
        ", set_id, organization_id, 'a',"
        " version, latest_version FROM agent_sets WHERE set_id = " +
        prod);
    CHECK(t.bundle("mine-1") == "untrusted");
    CHECK(t.is_logged("agents"));
  }
}

TEST_CASE("another deployment that somebody gives to an agent is not published", "[authority]") {
  Attacked t;
  t.edit_catalog(
      "UPDATE agents SET revision = revision + 1, deployment_id = (SELECT deployment_id"
      " FROM agents WHERE name = 'bot') WHERE name = 'mine'");
  t.provision();
  CHECK(t.bundle("mine-1") == "dev-value");
  CHECK(t.is_logged("agents"));
}

TEST_CASE("the name of a set that somebody changes in a deployment is not deployed",
          "[authority]") {
  Attacked t;
  t.edit_catalog("UPDATE deployments SET secret_set = 'prod' WHERE secret_set = 'dev'");
  DeployRequest again;
  again.agent = "mine";
  again.force = true;
  CHECK(refusal(t.catalog().deploys.update_agent(kAdmin, t.acme, std::move(again))).code ==
        ErrorCode::untrusted);
  CHECK(t.is_logged("deployments"));
}

TEST_CASE("the image that somebody changes in a deployment is not rolled out", "[authority]") {
  Attacked t;
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
  Attacked t;
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

TEST_CASE("a snapshot of a region that somebody changes is refused", "[authority]") {
  Attacked t;
  SECTION("its sequence") { t.edit_region("UPDATE agents SET sequence = 1000"); }
  SECTION("its agent") { t.edit_region("UPDATE agents SET name = 'other' WHERE name = 'bot'"); }
  SECTION("the version of a pin") { t.edit_region("UPDATE agent_sets SET version = 1000"); }
  SECTION("its pins are gone") { t.edit_region("DELETE FROM agent_sets"); }
  SECTION("without its code") { t.edit_region("UPDATE agents SET code = NULL"); }
  CHECK(t.bundle("bot-1") == "untrusted");
  CHECK(t.is_logged("agents"));
  // The next provisioner writes the region again from the catalog.
  t.restart();
  CHECK(t.bundle("bot-1") == "the-value");
}

TEST_CASE("a set that somebody moves to another organization is not deployed there",
          "[authority]") {
  Attacked t;
  const auto evil = need(t.catalog().organizations.create(kAdmin, "evil", "", "us-west")).id;
  t.edit_catalog("UPDATE sets SET organization_id = " + std::to_string(evil) +
                 ", protected_by = NULL WHERE name = 'prod'");
  CHECK(refusal(t.catalog().deploys.create_agent(kAdmin, evil, deploy_of("spy", "prod"))).code ==
        ErrorCode::untrusted);
  CHECK(t.is_logged("sets"));
}

TEST_CASE("a pin of another organization's set opens no value", "[authority]") {
  Attacked t;
  const auto evil = need(t.catalog().organizations.create(kAdmin, "evil", "", "us-west")).id;
  AgentSnapshot spy = agent_of(99, 1);
  spy.sets.front().organization_id = evil;
  spy.sets.front().set_id = t.set("prod").id;
  need(t.region().put_agent(spy));  // as if the catalog had been tricked
  CHECK(t.bundle("kid99") == "untrusted");
}

TEST_CASE("a value is not written to a set whose name somebody has exchanged", "[authority]") {
  Attacked t;
  t.edit_catalog("UPDATE sets SET name = 'was-prod' WHERE name = 'prod'");
  t.edit_catalog("UPDATE sets SET name = 'prod' WHERE name = 'dev'");
  CHECK(refusal(t.catalog().sets.write(kAdmin, t.acme, one_key("prod", "A", "new"))).code ==
        ErrorCode::untrusted);
  CHECK(t.is_logged("sets"));
}

TEST_CASE("a set that somebody moves to another region is not provisioned there", "[authority]") {
  Attacked t;
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
  Attacked t;
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

TEST_CASE("a token that somebody adds, moves or extends gives nothing", "[authority]") {
  Attacked t;
  const auto evil = need(t.catalog().organizations.create(kAdmin, "evil", "", "us-west")).id;
  need(t.catalog().tokens.add(kAdmin, evil, "mine", Role::member, hash_bearer("mine"),
                              t.clock.unix_time() + std::chrono::hours(1)));
  REQUIRE(t.rights("mine") == "evil member");
  SECTION("added") {
    t.edit_catalog(
        "INSERT INTO tokens (organization_id, name, role, sha256, created_at, code)"
        " SELECT " +
        std::to_string(t.acme) + ", 'new', 'admin', " + sha256_of(t, "forged") +
        ", 0, code FROM tokens WHERE name = 'mine'");
    CHECK(t.rights("forged") == "none");
  }
  SECTION("moved") {
    t.edit_catalog("UPDATE tokens SET organization_id = " + std::to_string(t.acme));
    CHECK(t.rights("mine") == "none");
  }
  SECTION("with a higher role") {
    t.edit_catalog("UPDATE tokens SET role = 'admin'");
    CHECK(t.rights("mine") == "none");
  }
  SECTION("extended") {
    t.edit_catalog("UPDATE tokens SET expires_at = NULL");
    CHECK(t.rights("mine") == "none");
  }
  SECTION("live again") {
    need(t.catalog().tokens.revoke(kAdmin, evil, "mine"));
    t.edit_catalog("UPDATE tokens SET revoked_at = NULL");
    CHECK(t.rights("mine") == "none");
  }
  CHECK(t.is_logged("tokens"));
}

TEST_CASE("an API key that somebody adds gives nothing", "[authority]") {
  Attacked t;
  t.edit_catalog(
      "INSERT INTO api_keys (id, organization_id, name, type, sha256, created_at)"
      " VALUES ('k', " +
      std::to_string(t.acme) + ", 'k', 'private', " + sha256_of(t, "forged") + ", 0)");
  CHECK(t.rights("forged") == "none");
  CHECK(t.is_logged("api_keys"));
}

TEST_CASE("a membership that somebody adds or raises gives nothing", "[authority]") {
  Attacked t;
  const User ann = need(t.catalog().users.add(kAdmin, "ann", ""));
  need(t.catalog().tokens.add_for_user(kAdmin, ann.id, {}, "laptop", hash_bearer("ann's")));
  SECTION("added") {
    t.edit_catalog("INSERT INTO memberships (user_id, organization_id, role) VALUES (" +
                   std::to_string(ann.id) + ", " + std::to_string(t.acme) + ", 'admin')");
  }
  SECTION("raised") {
    need(t.catalog().users.put_membership(kAdmin, ann.id, t.acme, Role::viewer));
    REQUIRE(t.rights("ann's") == "acme viewer");
    t.edit_catalog("UPDATE memberships SET role = 'admin'");
  }
  CHECK(t.rights("ann's") == "no organization");
  CHECK(t.is_logged("memberships"));
  // No command gives a code to the role that somebody else has written.
  CHECK(refusal(t.catalog().users.put_membership(kAdmin, ann.id, t.acme, std::nullopt)).code ==
        ErrorCode::untrusted);
  need(t.catalog().users.put_membership(kAdmin, ann.id, t.acme, Role::viewer));
  CHECK(t.rights("ann's") == "acme viewer");
}

TEST_CASE("the end of a membership that somebody deletes stays", "[authority]") {
  Attacked t;
  const User ann = need(t.catalog().users.add(kAdmin, "ann", ""));
  need(t.catalog().users.put_membership(kAdmin, ann.id, t.acme, Role::admin));
  need(t.catalog().tokens.add_for_user(kAdmin, ann.id, {}, "laptop", hash_bearer("old")));
  need(t.catalog().users.remove_membership(kAdmin, ann.id, t.acme));
  t.clock.advance(std::chrono::hours(1));
  need(t.catalog().users.put_membership(kAdmin, ann.id, t.acme, Role::admin));
  REQUIRE(t.rights("old") == "no organization");
  t.edit_catalog("DELETE FROM ended_memberships");
  CHECK(t.rights("old") == "no organization");
  CHECK(t.is_logged("users"));
}

TEST_CASE("a user whose organization was removed can still be used", "[authority]") {
  Attacked t;
  const auto beta = need(t.catalog().organizations.create(kAdmin, "beta", "", "us-west")).id;
  const User ann = need(t.catalog().users.add(kAdmin, "ann", ""));
  need(t.catalog().users.put_membership(kAdmin, ann.id, beta, Role::admin));
  need(t.catalog().users.remove_membership(kAdmin, ann.id, beta));
  need(t.catalog().organizations.remove(kAdmin, beta));
  need(t.catalog().users.put_membership(kAdmin, ann.id, t.acme, Role::viewer));
  need(t.catalog().tokens.add_for_user(kAdmin, ann.id, {}, "laptop", hash_bearer("ann's")));
  CHECK(t.rights("ann's") == "acme viewer");
}

TEST_CASE("an organization whose name somebody exchanges is not reached", "[authority]") {
  Attacked t;
  need(t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::member, hash_bearer("ci")));
  t.edit_catalog("UPDATE organizations SET name = 'other'");
  CHECK(t.rights("ci") == "none");
  CHECK(t.catalog().organizations.find("other").error().code == ErrorCode::untrusted);
  CHECK(t.is_logged("organizations"));
}

TEST_CASE("a reserved name that somebody allows is not allowed", "[authority]") {
  Attacked t;
  t.edit_catalog("INSERT INTO allowed_names (organization_id, name) VALUES (" +
                 std::to_string(t.acme) + ", 'LD_PRELOAD')");
  CHECK(
      refusal(t.catalog().sets.write(kAdmin, t.acme, one_key("dev", "LD_PRELOAD", "/x.so"))).code ==
      ErrorCode::invalid);
  CHECK(t.is_logged("allowed_names"));
}

TEST_CASE("without its authority key a catalog gives no right, and no row gets a code",
          "[authority]") {
  Attacked t;
  need(t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::member, hash_bearer("ci")));
  t.close();
  SECTION("the key is gone") {
    t.edit_catalog("DELETE FROM keys WHERE purpose LIKE 'authority%'");
    t.restart();
    CHECK(t.rights("ci") == "none");
    CHECK(t.bundle("bot-1") == "unknown");
  }
  SECTION("and every code with it, as before an upgrade") {
    t.edit_catalog("DELETE FROM keys WHERE purpose LIKE 'authority%'");
    t.edit_catalog("UPDATE organizations SET code = NULL");
    const Error refused = refusal(t.open());
    CHECK(refused.code == ErrorCode::untrusted);
    CHECK(refused.message.find("no row has an authority code") != std::string::npos);
  }
}

TEST_CASE("a key whose state somebody changes is not used", "[authority]") {
  Attacked t;
  need(begin_rotation(t));
  t.edit_catalog(
      "DROP INDEX keys_one_of_a_state; UPDATE keys SET state ="
      " CASE state WHEN 'active' THEN 'retired' ELSE 'active' END"
      " WHERE purpose = 'catalog'");
  CHECK(refusal(t.catalog().sets.write(kAdmin, t.acme, one_key("dev", "A", "new"))).code ==
        ErrorCode::untrusted);
  CHECK(t.is_logged("keys"));
  CHECK(t.catalog().context.authority.refused()->count() > 0);
  CHECK(refusal(begin_rotation(t)).code == ErrorCode::untrusted);
  t.close();
  CHECK(refusal(t.open()).message.find("table keys") != std::string::npos);
}

TEST_CASE("a signing key that somebody makes the active one does not sign", "[authority]") {
  Attacked t;
  t.edit_catalog(
      "DROP INDEX keys_one_of_a_state; UPDATE keys SET state ="
      " CASE state WHEN 'active' THEN 'standby' ELSE 'active' END"
      " WHERE purpose = 'signing:us-west'");
  CHECK(refusal(t.stores.regions.at("us-west").signing_keys->refresh()).code ==
        ErrorCode::untrusted);
  CHECK(t.is_logged("keys"));
}

TEST_CASE("the row of a key from before a rotation is not used beside the new key", "[authority]") {
  Attacked t;
  t.edit_catalog("CREATE TABLE kept AS SELECT * FROM keys; UPDATE keys SET id = id");
  need(begin_rotation(t));
  t.edit_catalog(
      "DROP INDEX keys_one_of_a_state;"
      " DELETE FROM keys WHERE purpose = 'catalog' AND state = 'retired';"
      " INSERT INTO keys SELECT * FROM kept WHERE purpose = 'catalog'");
  const Error refused = refusal(t.catalog().sets.write(kAdmin, t.acme, one_key("dev", "A", "new")));
  CHECK(refused.message.find("catalog has two active keys") != std::string::npos);
  CHECK(t.is_logged("keys"));
}

TEST_CASE("rotating the master key gives no code to a key whose state somebody has changed",
          "[authority]") {
  Attacked t;
  t.edit_catalog("UPDATE keys SET state = 'retired' WHERE purpose = 'catalog'");
  const MasterKey next =
      need(MasterKey::create_file(t.directory.path("next.key"))).with_previous(t.master_key);
  CHECK(refusal(open_stores(*t.place(), next, t.clock)).message.find("table keys") !=
        std::string::npos);
}

TEST_CASE("a failover gives no code to a row that somebody has changed", "[authority]") {
  Attacked t;
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
  Attacked t;
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
  Attacked t;
  t.edit_catalog("UPDATE agents SET sequence = 1000 WHERE name = 'mine'");
  need(t.catalog().agents.remove(kAdmin, t.acme, "mine"));
  t.provision();
  CHECK(t.snapshot(t.mine).deleted);
}

}  // namespace agent_secrets::control_plane

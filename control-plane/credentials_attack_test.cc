// Credentials, and what a region serves to an instance, against an attacker who edits rows.
#include "control-plane/test_attacked_stores.h"

namespace agent_secrets::control_plane {
namespace {

// The bytes of the public keys that the attacker has, for both databases.
std::string blob(const AttackedStores& t, const std::string& two_digits) {
  std::string digits;
  for (int i = 0; i < 32; ++i) digits += two_digits;
  return t.postgres ? "'\\x" + digits + "'" : "x'" + digits + "'";
}

}  // namespace

TEST_CASE("a credential that somebody registers in the catalog is not published", "[authority]") {
  AttackedStores t;
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
  AttackedStores t;
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
  AttackedStores t;
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
  AttackedStores t;
  t.edit_region("UPDATE credentials SET box_key = " + blob(t, "09") + " WHERE kid = 'bot-1'");
  CHECK(t.bundle("bot-1") == "unknown");
  CHECK(t.is_logged("credentials"));
}

TEST_CASE("a revocation that somebody removes stays", "[authority]") {
  AttackedStores t;
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
  AttackedStores t;
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
  AttackedStores t;
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

TEST_CASE("a pin of another organization's set opens no value", "[authority]") {
  AttackedStores t;
  const auto evil = need(t.catalog().organizations.create(kAdmin, "evil", "", "us-west")).id;
  AgentSnapshot spy = agent_of(99, 1);
  spy.sets.front().organization_id = evil;
  spy.sets.front().set_id = t.set("prod").id;
  need(t.region().put_agent(spy));  // as if the catalog had been tricked
  CHECK(t.bundle("kid99") == "untrusted");
}

TEST_CASE("a snapshot of a region that somebody changes is refused", "[authority]") {
  AttackedStores t;
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

}  // namespace agent_secrets::control_plane

// The catalog's table of keys, against an attacker who edits rows.
#include "control-plane/keys/key_rotation.h"
#include "control-plane/test_attacked_stores.h"

namespace agent_secrets::control_plane {
namespace {

// The first step of a rotation: there is a new active key.
Result<DataKeyStep> begin_rotation(TestStores& t) {
  return t.catalog().context.database->write("rotate", [&](Transaction& tx) {
    return begin_data_key(tx, t.master_key, kCatalogPurpose, false);
  });
}

}  // namespace

TEST_CASE("without its authority key a catalog gives no right, and no row gets a code",
          "[authority]") {
  AttackedStores t;
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
  AttackedStores t;
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
  AttackedStores t;
  t.edit_catalog(
      "DROP INDEX keys_one_of_a_state; UPDATE keys SET state ="
      " CASE state WHEN 'active' THEN 'standby' ELSE 'active' END"
      " WHERE purpose = 'signing:us-west'");
  CHECK(refusal(t.stores.regions.at("us-west").signing_keys->refresh()).code ==
        ErrorCode::untrusted);
  CHECK(t.is_logged("keys"));
}

TEST_CASE("the row of a key from before a rotation is not used beside the new key", "[authority]") {
  AttackedStores t;
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
  AttackedStores t;
  t.edit_catalog("UPDATE keys SET state = 'retired' WHERE purpose = 'catalog'");
  const MasterKey next =
      need(MasterKey::create_file(t.directory.path("next.key"))).with_previous(t.master_key);
  CHECK(refusal(open_stores(*t.place(), next, t.clock)).message.find("table keys") !=
        std::string::npos);
}

}  // namespace agent_secrets::control_plane

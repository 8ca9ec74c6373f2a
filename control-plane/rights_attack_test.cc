// Tokens, API keys, memberships, organizations and allowed names, against an attacker who edits
// rows.
#include "control-plane/test_attacked_stores.h"

namespace agent_secrets::control_plane {
namespace {

std::string sha256_of(const AttackedStores& t, std::string_view token) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string digits;
  for (const std::uint8_t byte : hash_bearer(token)) {
    digits += kDigits.at(byte >> 4U);
    digits += kDigits.at(byte & 15U);
  }
  return t.postgres ? "'\\x" + digits + "'" : "x'" + digits + "'";
}

}  // namespace

TEST_CASE("a token that somebody adds, moves or extends gives nothing", "[authority]") {
  AttackedStores t;
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
  AttackedStores t;
  t.edit_catalog(
      "INSERT INTO api_keys (id, organization_id, name, type, sha256, created_at)"
      " VALUES ('k', " +
      std::to_string(t.acme) + ", 'k', 'private', " + sha256_of(t, "forged") + ", 0)");
  CHECK(t.rights("forged") == "none");
  CHECK(t.is_logged("api_keys"));
}

TEST_CASE("a membership that somebody adds or raises gives nothing", "[authority]") {
  AttackedStores t;
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
  AttackedStores t;
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
  AttackedStores t;
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
  AttackedStores t;
  need(t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::member, hash_bearer("ci")));
  t.edit_catalog("UPDATE organizations SET name = 'other'");
  CHECK(t.rights("ci") == "none");
  CHECK(t.catalog().organizations.find("other").error().code == ErrorCode::untrusted);
  CHECK(t.is_logged("organizations"));
}

TEST_CASE("a reserved name that somebody allows is not allowed", "[authority]") {
  AttackedStores t;
  t.edit_catalog("INSERT INTO allowed_names (organization_id, name) VALUES (" +
                 std::to_string(t.acme) + ", 'LD_PRELOAD')");
  CHECK(
      refusal(t.catalog().sets.write(kAdmin, t.acme, one_key("dev", "LD_PRELOAD", "/x.so"))).code ==
      ErrorCode::invalid);
  CHECK(t.is_logged("allowed_names"));
}

}  // namespace agent_secrets::control_plane

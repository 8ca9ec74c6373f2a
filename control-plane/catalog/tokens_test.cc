#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

const BearerHash kFirst = hash_bearer("pcc_pat_first");
const BearerHash kSecond = hash_bearer("pcc_pat_second");

std::vector<std::string> reached(Catalog& catalog, const BearerHash& hash) {
  const auto identity = need(catalog.identities.find(hash));
  REQUIRE(identity.has_value());
  std::vector<std::string> names;
  for (const auto& [organization, role] : identity->reaches) {
    names.push_back(organization.name + " " + std::string(to_string(role)));
  }
  return names;
}

// The organizations acme, of TestStores, and beta; the user ana.
struct People : TestStores {
  std::int64_t beta = need(catalog().organizations.create(kAdmin, "beta", "Beta", "us-west")).id;
  std::int64_t ana = need(catalog().users.add(kAdmin, "ana", "ana@example.com")).id;
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("an organization's token reaches it, with the token's name and role") {
  TestStores t;
  need(t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::admin, kFirst));
  CHECK(need(t.catalog().identities.find(kFirst))->actor.name == "ci");
  CHECK(reached(t.catalog(), kFirst) == Names{"acme admin"});
  CHECK_FALSE(need(t.catalog().identities.find(kSecond)).has_value());
}

TEST_CASE("a revoked token has no identity and stays listed") {
  TestStores t;
  need(t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::member, kFirst));
  need(t.catalog().tokens.revoke(kAdmin, t.acme, "ci"));
  CHECK_FALSE(need(t.catalog().identities.find(kFirst)).has_value());
  CHECK(need(t.catalog().tokens.list(t.acme)).at(0).revoked_at.has_value());
  CHECK(refusal(t.catalog().tokens.revoke(kAdmin, t.acme, "ci")).code == ErrorCode::not_found);
}

TEST_CASE("a token's name is free again once it is revoked") {
  TestStores t;
  need(t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::member, kFirst));
  CHECK(refusal(t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::member, kSecond)).code ==
        ErrorCode::conflict);
  need(t.catalog().tokens.revoke(kAdmin, t.acme, "ci"));
  need(t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::member, kSecond));
}

TEST_CASE("one organization cannot revoke another's token") {
  People t;
  need(t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::member, kFirst));
  CHECK_FALSE(t.catalog().tokens.revoke(kAdmin, t.beta, "ci").has_value());
  CHECK(need(t.catalog().identities.find(kFirst)).has_value());
}

TEST_CASE("a user's token reaches the user's present organizations, with the role in each") {
  People t;
  need(t.catalog().tokens.add_for_user(kAdmin, t.ana, {}, "laptop", kFirst));
  CHECK(reached(t.catalog(), kFirst).empty());
  need(t.catalog().users.put_membership(kAdmin, t.ana, t.beta, Role::admin));
  need(t.catalog().users.put_membership(kAdmin, t.ana, t.acme, Role::member));
  CHECK(reached(t.catalog(), kFirst) == Names{"acme member", "beta admin"});
  CHECK(need(t.catalog().identities.find(kFirst))->actor.name == "ana");
  CHECK(need(t.catalog().identities.find(kFirst))->email == "ana@example.com");
  need(t.catalog().users.put_membership(kAdmin, t.ana, t.beta, Role::member));
  need(t.catalog().users.remove_membership(kAdmin, t.ana, t.acme));
  CHECK(reached(t.catalog(), kFirst) == Names{"beta member"});
}

TEST_CASE("a user's token for one organization reaches it while the user is a member") {
  People t;
  need(t.catalog().users.put_membership(kAdmin, t.ana, t.acme, Role::member));
  need(t.catalog().users.put_membership(kAdmin, t.ana, t.beta, Role::member));
  need(t.catalog().tokens.add_for_user(kAdmin, t.ana, t.beta, "pipeline", kFirst));
  CHECK(reached(t.catalog(), kFirst) == Names{"beta member"});
  need(t.catalog().users.remove_membership(kAdmin, t.ana, t.beta));
  CHECK_FALSE(need(t.catalog().identities.find(kFirst)).has_value());
}

TEST_CASE(
    "list() has every token that reaches the organization, list_of_user() the user's tokens") {
  People t;
  need(t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::admin, kFirst));
  need(t.catalog().users.put_membership(kAdmin, t.ana, t.acme, Role::member));
  need(t.catalog().tokens.add_for_user(kAdmin, t.ana, {}, "laptop", kSecond));
  need(t.catalog().tokens.add_for_user(kAdmin, t.ana, t.beta, "ci", hash_bearer("pcc_pat_third")));

  const auto listed = need(t.catalog().tokens.list(t.acme));
  REQUIRE(listed.size() == 2);
  CHECK((listed[0].name == "ci" && listed[0].user.empty() && listed[0].organization == "acme"));
  CHECK(listed[0].role == Role::admin);
  CHECK((listed[1].name == "laptop" && listed[1].user == "ana" && listed[1].organization.empty()));
  CHECK_FALSE(listed[1].role.has_value());
  CHECK(need(t.catalog().tokens.list(t.beta)).empty());  // ana is no member
  CHECK(need(t.catalog().tokens.list_of_user(t.ana)).size() == 2);
}

TEST_CASE("revoking an organization's token keeps a user's token with the same name") {
  People t;
  need(t.catalog().users.put_membership(kAdmin, t.ana, t.acme, Role::member));
  need(t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::member, kFirst));
  need(t.catalog().tokens.add_for_user(kAdmin, t.ana, t.acme, "ci", kSecond));
  CHECK(refusal(t.catalog().tokens.add_for_user(kAdmin, t.ana, {}, "ci", hash_bearer("x"))).code ==
        ErrorCode::conflict);
  need(t.catalog().tokens.revoke(kAdmin, t.acme, "ci"));
  CHECK(need(t.catalog().identities.find(kSecond)).has_value());
  need(t.catalog().tokens.revoke_of_user(kAdmin, t.ana, "ci"));
  CHECK_FALSE(need(t.catalog().identities.find(kSecond)).has_value());
}

TEST_CASE("users and memberships are listed by name") {
  People t;
  const auto bob = need(t.catalog().users.add(kAdmin, "bob", "")).id;
  need(t.catalog().users.put_membership(kAdmin, bob, t.beta, Role::admin));
  const auto users = need(t.catalog().users.list());
  REQUIRE(users.size() == 2);
  CHECK((users[0].name == "ana" && users[0].memberships.empty()));
  CHECK(users[1].memberships.at(0).organization.name == "beta");
  CHECK(need(t.catalog().users.find("bob"))->memberships.at(0).role == Role::admin);
  CHECK_FALSE(need(t.catalog().users.find("eve")).has_value());
  CHECK(refusal(t.catalog().users.remove_membership(kAdmin, bob, t.acme)).code ==
        ErrorCode::not_found);
}

TEST_CASE("users, tokens and organizations have printable names") {
  People t;
  CHECK(refusal(t.catalog().users.add(kAdmin, "ana", "")).code == ErrorCode::conflict);
  CHECK(refusal(t.catalog().users.add(kAdmin, "Ana B", "")).code == ErrorCode::invalid);
  for (const char* email : {"ana", "@example.com", "ana@", "a@b@c", "a b@c", "[a]@b"}) {
    CHECK(refusal(t.catalog().users.add(kAdmin, "eve", email)).code == ErrorCode::invalid);
  }
  for (const std::string& name : {std::string(), std::string("[red]"), std::string("a\x1b"),
                                  std::string("\xff"), std::string(129, 'a')}) {
    CHECK(refusal(t.catalog().tokens.add(kAdmin, t.acme, name, Role::member, kFirst)).code ==
          ErrorCode::invalid);
    CHECK(refusal(t.catalog().tokens.add_for_user(kAdmin, t.ana, {}, name, kFirst)).code ==
          ErrorCode::invalid);
  }
  need(t.catalog().tokens.add(kAdmin, t.acme, "Zoë's laptop", Role::member, kFirst));
  CHECK(refusal(t.catalog().organizations.create(kAdmin, "gamma", "[/x]", "us-west")).code ==
        ErrorCode::invalid);
  CHECK(need(t.catalog().organizations.create(kAdmin, "gamma", "", "us-west")).verbose_name ==
        "gamma");
}

TEST_CASE("an expired token is refused, and its name is free again") {
  People t;
  const UnixMs now = t.clock.unix_time();
  need(t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::member, kFirst,
                              now + std::chrono::seconds(60)));
  need(t.catalog().users.put_membership(kAdmin, t.ana, t.acme, Role::member));
  need(t.catalog().tokens.add_for_user(kAdmin, t.ana, {}, "laptop", kSecond,
                                       now + std::chrono::seconds(60)));
  t.clock.advance(std::chrono::seconds(59));
  CHECK(reached(t.catalog(), kFirst) == Names{"acme member"});
  CHECK(reached(t.catalog(), kSecond) == Names{"acme member"});
  CHECK_FALSE(
      t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::member, hash_bearer("x")).has_value());
  t.clock.advance(std::chrono::seconds(1));
  CHECK_FALSE(need(t.catalog().identities.find(kFirst)).has_value());
  CHECK_FALSE(need(t.catalog().identities.find(kSecond)).has_value());

  need(t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::member, hash_bearer("x")));
  need(t.catalog().tokens.add_for_user(kAdmin, t.ana, {}, "laptop", hash_bearer("y")));
  const Token expired = need(t.catalog().tokens.list(t.acme)).at(0);
  CHECK(expired.expires_at == now + std::chrono::seconds(60));
  CHECK(expired.revoked_at == expired.expires_at);
}

TEST_CASE("the last use of a token is recorded to the hour") {
  TestStores t;
  const auto last_use = [&] { return need(t.catalog().tokens.list(t.acme)).at(0).last_used_at; };
  const auto use = [&] { REQUIRE(need(t.catalog().identities.find(kFirst)).has_value()); };
  const UnixMs hour =
      std::chrono::floor<std::chrono::hours>(t.clock.unix_time()) + std::chrono::hours(1);
  t.clock.advance(hour - t.clock.unix_time() + std::chrono::minutes(5));
  need(t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::member, kFirst));
  CHECK_FALSE(last_use().has_value());
  use();
  CHECK(last_use() == hour);
  t.clock.advance(std::chrono::minutes(60));
  use();
  CHECK(last_use() == hour + std::chrono::hours(1));
}

TEST_CASE("within an hour the use of a token is written once") {
  TestStores t;
  need(t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::member, kFirst));
  REQUIRE(need(t.catalog().identities.find(kFirst)).has_value());
  t.edit("catalog", "UPDATE tokens SET last_used_at = NULL");
  REQUIRE(need(t.catalog().identities.find(kFirst)).has_value());
  CHECK_FALSE(need(t.catalog().tokens.list(t.acme)).at(0).last_used_at.has_value());
}

TEST_CASE("a membership that is given back does not revive the tokens from before its end") {
  People t;
  const BearerHash third = hash_bearer("pcc_pat_third");
  need(t.catalog().users.put_membership(kAdmin, t.ana, t.acme, Role::member));
  need(t.catalog().users.put_membership(kAdmin, t.ana, t.beta, Role::member));
  need(t.catalog().tokens.add_for_user(kAdmin, t.ana, {}, "laptop", kFirst));
  need(t.catalog().tokens.add_for_user(kAdmin, t.ana, t.acme, "pipeline", kSecond));
  t.clock.advance(std::chrono::seconds(1));
  need(t.catalog().users.remove_membership(kAdmin, t.ana, t.acme));
  t.clock.advance(std::chrono::seconds(1));
  need(t.catalog().users.put_membership(kAdmin, t.ana, t.acme, Role::admin));
  CHECK(reached(t.catalog(), kFirst) == Names{"beta member"});
  CHECK_FALSE(need(t.catalog().identities.find(kSecond)).has_value());
  const auto listed = need(t.catalog().tokens.list(t.acme));
  REQUIRE(listed.size() == 1);
  CHECK((listed[0].name == "pipeline" && listed[0].revoked_at.has_value()));

  need(t.catalog().tokens.add_for_user(kAdmin, t.ana, {}, "new", third));
  CHECK(reached(t.catalog(), third) == Names{"acme admin", "beta member"});
}

TEST_CASE("a membership that is put again without a role keeps its role") {
  People t;
  CHECK(need(t.catalog().users.put_membership(kAdmin, t.ana, t.acme, {})) == Role::member);
  CHECK(need(t.catalog().users.put_membership(kAdmin, t.ana, t.acme, Role::viewer)) ==
        Role::viewer);
  CHECK(need(t.catalog().users.put_membership(kAdmin, t.ana, t.acme, {})) == Role::viewer);
  CHECK(need(t.catalog().users.find("ana"))->memberships.at(0).role == Role::viewer);
}

TEST_CASE("an identity names its actor by an id that is never used again") {
  People t;
  need(t.catalog().users.put_membership(kAdmin, t.ana, t.acme, Role::member));
  need(t.catalog().tokens.add_for_user(kAdmin, t.ana, {}, "laptop", kFirst));
  need(t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::viewer, kSecond));
  const Actor user = need(t.catalog().identities.find(kFirst))->actor;
  CHECK(describe(user) == "user ana (" + std::to_string(t.ana) + ")");
  const Actor token = need(t.catalog().identities.find(kSecond))->actor;
  CHECK(token.kind == ActorKind::token);
  CHECK(token.id == std::to_string(need(t.catalog().tokens.list(t.acme)).at(1).id));
}

}  // namespace agent_secrets::control_plane

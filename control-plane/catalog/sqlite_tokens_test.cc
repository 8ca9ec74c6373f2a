#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

const BearerHash kFirst = hash_bearer("pcc_pat_first");
const BearerHash kSecond = hash_bearer("pcc_pat_second");

std::vector<std::string> reached(Catalog& catalog, const BearerHash& hash) {
  const auto identity = need(catalog.find_identity(hash));
  REQUIRE(identity.has_value());
  std::vector<std::string> names;
  for (const auto& [organization, role] : identity->reaches) {
    names.push_back(organization.name + " " + std::string(to_string(role)));
  }
  return names;
}

// The organizations acme, of TestStores, and beta; the user ana.
struct People : TestStores {
  std::int64_t beta = need(catalog().create_organization("beta", "Beta", "us-west")).id;
  std::int64_t ana = need(catalog().add_user("ana", "ana@example.com")).id;
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("an organization's token speaks for it, by its own name and role") {
  TestStores t;
  need(t.catalog().add_token(t.acme, "ci", Role::admin, kFirst));
  CHECK(need(t.catalog().find_identity(kFirst))->name == "ci");
  CHECK(reached(t.catalog(), kFirst) == Names{"acme admin"});
  CHECK_FALSE(need(t.catalog().find_identity(kSecond)).has_value());
}

TEST_CASE("a revoked token speaks for nobody and stays listed") {
  TestStores t;
  need(t.catalog().add_token(t.acme, "ci", Role::member, kFirst));
  need(t.catalog().revoke_token(t.acme, "ci"));
  CHECK_FALSE(need(t.catalog().find_identity(kFirst)).has_value());
  CHECK(need(t.catalog().list_tokens(t.acme)).at(0).revoked_at.has_value());
  CHECK(refusal(t.catalog().revoke_token(t.acme, "ci")).code == ErrorCode::not_found);
}

TEST_CASE("a token's name is free again once it is revoked") {
  TestStores t;
  need(t.catalog().add_token(t.acme, "ci", Role::member, kFirst));
  CHECK(refusal(t.catalog().add_token(t.acme, "ci", Role::member, kSecond)).code ==
        ErrorCode::conflict);
  need(t.catalog().revoke_token(t.acme, "ci"));
  need(t.catalog().add_token(t.acme, "ci", Role::member, kSecond));
}

TEST_CASE("one organization cannot revoke another's token") {
  People t;
  need(t.catalog().add_token(t.acme, "ci", Role::member, kFirst));
  CHECK_FALSE(t.catalog().revoke_token(t.beta, "ci").has_value());
  CHECK(need(t.catalog().find_identity(kFirst)).has_value());
}

TEST_CASE("a user's token reaches the user's organizations of the moment, with their roles") {
  People t;
  need(t.catalog().add_user_token(t.ana, {}, "laptop", kFirst));
  CHECK(reached(t.catalog(), kFirst).empty());
  need(t.catalog().put_membership(t.ana, t.beta, Role::admin));
  need(t.catalog().put_membership(t.ana, t.acme, Role::member));
  CHECK(reached(t.catalog(), kFirst) == Names{"acme member", "beta admin"});
  CHECK(need(t.catalog().find_identity(kFirst))->name == "ana");
  CHECK(need(t.catalog().find_identity(kFirst))->email == "ana@example.com");
  need(t.catalog().put_membership(t.ana, t.beta, Role::member));
  need(t.catalog().remove_membership(t.ana, t.acme));
  CHECK(reached(t.catalog(), kFirst) == Names{"beta member"});
}

TEST_CASE("a user's token of one organization reaches that one, while the user is a member") {
  People t;
  need(t.catalog().put_membership(t.ana, t.acme, Role::member));
  need(t.catalog().put_membership(t.ana, t.beta, Role::member));
  need(t.catalog().add_user_token(t.ana, t.beta, "pipeline", kFirst));
  CHECK(reached(t.catalog(), kFirst) == Names{"beta member"});
  need(t.catalog().remove_membership(t.ana, t.beta));
  CHECK(reached(t.catalog(), kFirst).empty());
}

TEST_CASE("an organization's list has every token that reaches it, a user's list the user's") {
  People t;
  need(t.catalog().add_token(t.acme, "ci", Role::admin, kFirst));
  need(t.catalog().put_membership(t.ana, t.acme, Role::member));
  need(t.catalog().add_user_token(t.ana, {}, "laptop", kSecond));
  need(t.catalog().add_user_token(t.ana, t.beta, "ci", hash_bearer("pcc_pat_third")));

  const auto listed = need(t.catalog().list_tokens(t.acme));
  REQUIRE(listed.size() == 2);
  CHECK((listed[0].name == "ci" && listed[0].user.empty() && listed[0].organization == "acme"));
  CHECK(listed[0].role == Role::admin);
  CHECK((listed[1].name == "laptop" && listed[1].user == "ana" && listed[1].organization.empty()));
  CHECK_FALSE(listed[1].role.has_value());
  CHECK(need(t.catalog().list_tokens(t.beta)).empty());  // ana is no member
  CHECK(need(t.catalog().list_user_tokens(t.ana)).size() == 2);
}

TEST_CASE("a user's token is the user's to revoke, whatever an organization's is called") {
  People t;
  need(t.catalog().put_membership(t.ana, t.acme, Role::member));
  need(t.catalog().add_token(t.acme, "ci", Role::member, kFirst));
  need(t.catalog().add_user_token(t.ana, t.acme, "ci", kSecond));
  CHECK(refusal(t.catalog().add_user_token(t.ana, {}, "ci", hash_bearer("x"))).code ==
        ErrorCode::conflict);
  need(t.catalog().revoke_token(t.acme, "ci"));
  CHECK(need(t.catalog().find_identity(kSecond)).has_value());
  need(t.catalog().revoke_user_token(t.ana, "ci"));
  CHECK_FALSE(need(t.catalog().find_identity(kSecond)).has_value());
}

TEST_CASE("users and memberships are listed by name") {
  People t;
  const auto bob = need(t.catalog().add_user("bob", "")).id;
  need(t.catalog().put_membership(bob, t.beta, Role::admin));
  const auto users = need(t.catalog().list_users());
  REQUIRE(users.size() == 2);
  CHECK((users[0].name == "ana" && users[0].memberships.empty()));
  CHECK(users[1].memberships.at(0).organization.name == "beta");
  CHECK(need(t.catalog().find_user("bob"))->memberships.at(0).role == Role::admin);
  CHECK_FALSE(need(t.catalog().find_user("eve")).has_value());
  CHECK(refusal(t.catalog().remove_membership(bob, t.acme)).code == ErrorCode::not_found);
}

TEST_CASE("users, tokens and organizations have names that can be shown") {
  People t;
  CHECK(refusal(t.catalog().add_user("ana", "")).code == ErrorCode::conflict);
  CHECK(refusal(t.catalog().add_user("Ana B", "")).code == ErrorCode::invalid);
  for (const char* email : {"ana", "@example.com", "ana@", "a@b@c", "a b@c", "[a]@b"}) {
    CHECK(refusal(t.catalog().add_user("eve", email)).code == ErrorCode::invalid);
  }
  for (const std::string& name : {std::string(), std::string("[red]"), std::string("a\x1b"),
                                  std::string("\xff"), std::string(129, 'a')}) {
    CHECK(refusal(t.catalog().add_token(t.acme, name, Role::member, kFirst)).code ==
          ErrorCode::invalid);
    CHECK(refusal(t.catalog().add_user_token(t.ana, {}, name, kFirst)).code == ErrorCode::invalid);
  }
  need(t.catalog().add_token(t.acme, "Zoë's laptop", Role::member, kFirst));
  CHECK(refusal(t.catalog().create_organization("gamma", "[/x]", "us-west")).code ==
        ErrorCode::invalid);
  CHECK(need(t.catalog().create_organization("gamma", "", "us-west")).verbose_name == "gamma");
}

}  // namespace agent_secrets::control_plane

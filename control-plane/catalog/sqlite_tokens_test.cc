#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

std::array<std::uint8_t, 32> hash_of(std::uint8_t fill) {
  std::array<std::uint8_t, 32> hash{};
  hash.fill(fill);
  return hash;
}

}  // namespace

TEST_CASE("a token speaks for its organization and role") {
  TestStores t;
  need(t.catalog().add_token(t.acme, "ci", Role::admin, hash_of(1)));
  const auto principal = need(t.catalog().find_principal(hash_of(1)));
  REQUIRE(principal.has_value());
  CHECK(principal->organization.name == "acme");
  CHECK(principal->token.name == "ci");
  CHECK(principal->token.role == Role::admin);
  CHECK_FALSE(need(t.catalog().find_principal(hash_of(2))).has_value());
}

TEST_CASE("a revoked token speaks for nobody and stays listed") {
  TestStores t;
  need(t.catalog().add_token(t.acme, "ci", Role::member, hash_of(1)));
  need(t.catalog().revoke_token(t.acme, "ci"));
  CHECK_FALSE(need(t.catalog().find_principal(hash_of(1))).has_value());
  CHECK(need(t.catalog().list_tokens(t.acme)).at(0).revoked_at.has_value());
  CHECK(refusal(t.catalog().revoke_token(t.acme, "ci")).code == ErrorCode::not_found);
}

TEST_CASE("a token's name is free again once it is revoked") {
  TestStores t;
  need(t.catalog().add_token(t.acme, "ci", Role::member, hash_of(1)));
  CHECK(refusal(t.catalog().add_token(t.acme, "ci", Role::member, hash_of(2))).code ==
        ErrorCode::conflict);
  need(t.catalog().revoke_token(t.acme, "ci"));
  need(t.catalog().add_token(t.acme, "ci", Role::member, hash_of(2)));
}

TEST_CASE("one organization cannot revoke another's token") {
  TestStores t;
  const auto other = need(t.catalog().create_organization("other", "Other", "us-west")).id;
  need(t.catalog().add_token(t.acme, "ci", Role::member, hash_of(1)));
  CHECK_FALSE(t.catalog().revoke_token(other, "ci").has_value());
  CHECK(need(t.catalog().find_principal(hash_of(1))).has_value());
}

}  // namespace agent_secrets::control_plane

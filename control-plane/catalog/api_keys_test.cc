#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

ApiKey add(TestStores& t, ApiKeyType type, std::string_view key) {
  return need(t.catalog().api_keys.add(kAdmin, t.acme, "a key", type, SecretBuffer::copy_of(key)));
}

}  // namespace

TEST_CASE("a private key has the role of a member, and the catalog does not store its text") {
  TestStores t;
  const ApiKey added = add(t, ApiKeyType::private_key, "sk_one");
  CHECK(added.key.empty());
  const auto identity = need(t.catalog().identities.find(hash_bearer("sk_one")));
  REQUIRE(identity.has_value());
  CHECK(identity->actor.name == "a key");
  REQUIRE(identity->reaches.size() == 1);
  CHECK(identity->reaches[0].organization.name == "acme");
  CHECK(identity->reaches[0].role == Role::member);
  CHECK_FALSE(need(t.catalog().identities.is_live_public_key(hash_bearer("sk_one"))));
  CHECK(need(t.catalog().api_keys.list(t.acme)).at(0).key.empty());
}

TEST_CASE("a public key is listed in clear text and has no identity") {
  TestStores t;
  add(t, ApiKeyType::public_key, "pk_one");
  CHECK(need(t.catalog().api_keys.list(t.acme)).at(0).key == "pk_one");
  CHECK(need(t.catalog().identities.is_live_public_key(hash_bearer("pk_one"))));
  CHECK_FALSE(need(t.catalog().identities.find(hash_bearer("pk_one"))).has_value());
}

TEST_CASE("a revoked key is refused, stays listed, and can be revoked again") {
  TestStores t;
  const auto other = need(t.catalog().organizations.create(kAdmin, "other", "", "us-west")).id;
  for (const auto& [type, key] : {std::pair(ApiKeyType::private_key, "sk_one"),
                                  std::pair(ApiKeyType::public_key, "pk_one")}) {
    const std::string id = add(t, type, key).id;
    CHECK(refusal(t.catalog().api_keys.revoke(kAdmin, other, id)).code == ErrorCode::not_found);
    need(t.catalog().api_keys.revoke(kAdmin, t.acme, id));
    const auto first = need(t.catalog().api_keys.list(t.acme)).back().revoked_at;
    CHECK(first == t.clock.unix_time());
    t.clock.advance(std::chrono::seconds(1));
    need(t.catalog().api_keys.revoke(kAdmin, t.acme, id));
    CHECK(need(t.catalog().api_keys.list(t.acme)).back().revoked_at == first);
    CHECK_FALSE(need(t.catalog().identities.find(hash_bearer(key))).has_value());
    CHECK_FALSE(need(t.catalog().identities.is_live_public_key(hash_bearer(key))));
  }
}

TEST_CASE("an organization has five live keys of each type at most") {
  TestStores t;
  const std::string first = add(t, ApiKeyType::private_key, "sk_1").id;
  for (const char* key : {"sk_2", "sk_3", "sk_4", "sk_5"}) add(t, ApiKeyType::private_key, key);
  const auto sixth = [&] {
    return t.catalog().api_keys.add(kAdmin, t.acme, "six", ApiKeyType::private_key,
                                    SecretBuffer::copy_of("sk_6"));
  };
  CHECK(refusal(sixth()).code == ErrorCode::invalid);
  add(t, ApiKeyType::public_key, "pk_1");
  need(t.catalog().api_keys.revoke(kAdmin, t.acme, first));
  need(sixth());
}

TEST_CASE("an expired key is refused, and makes room for another") {
  TestStores t;
  const auto expires_at = t.clock.unix_time() + std::chrono::seconds(60);
  for (int i = 0; i < limits::kApiKeys; ++i) {
    const SecretBuffer key = SecretBuffer::copy_of("pk_" + std::to_string(i));
    need(
        t.catalog().api_keys.add(kAdmin, t.acme, "a key", ApiKeyType::public_key, key, expires_at));
  }
  const SecretBuffer one = SecretBuffer::copy_of("sk_one");
  need(t.catalog().api_keys.add(kAdmin, t.acme, "a key", ApiKeyType::private_key, one, expires_at));
  CHECK(need(t.catalog().identities.find(hash_bearer("sk_one"))).has_value());
  CHECK(need(t.catalog().identities.is_live_public_key(hash_bearer("pk_0"))));
  t.clock.advance(std::chrono::seconds(60));
  CHECK_FALSE(need(t.catalog().identities.find(hash_bearer("sk_one"))).has_value());
  CHECK_FALSE(need(t.catalog().identities.is_live_public_key(hash_bearer("pk_0"))));
  add(t, ApiKeyType::public_key, "pk_more");
}

TEST_CASE("the last use of a key is recorded to the hour") {
  TestStores t;
  add(t, ApiKeyType::private_key, "sk_one");
  add(t, ApiKeyType::public_key, "pk_one");
  CHECK_FALSE(need(t.catalog().api_keys.list(t.acme)).at(0).last_used_at.has_value());
  REQUIRE(need(t.catalog().identities.find(hash_bearer("sk_one"))).has_value());
  REQUIRE(need(t.catalog().identities.is_live_public_key(hash_bearer("pk_one"))));
  const UnixMs hour = std::chrono::floor<std::chrono::hours>(t.clock.unix_time());
  for (const ApiKey& key : need(t.catalog().api_keys.list(t.acme))) {
    CHECK(key.last_used_at == hour);
  }
}

}  // namespace agent_secrets::control_plane

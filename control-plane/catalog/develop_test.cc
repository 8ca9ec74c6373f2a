#include "control-plane/catalog/develop.h"

#include "control-plane/catalog/credentials.h"
#include "control-plane/test_stores.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::hours;

// The agent `bot` with the set `voice`, and vera, a member with a token.
struct DevelopFixture : TestStores {
  DevelopFixture() {
    write("voice", "A", "1");
    provision();
    bot = need(catalog().deploys.create_agent(kAdmin, acme, deploy_of("bot", "voice"))).agent;
    vera_id = need(catalog().users.add(kAdmin, "vera", "")).id;
    need(catalog().users.put_membership(kAdmin, vera_id, acme, Role::member));
    need(catalog().tokens.add_for_user(kAdmin, vera_id, {}, "laptop", hash_bearer("pcc_pat_vera")));
  }

  [[nodiscard]] Actor vera(Role role = Role::member) const {
    return {.kind = ActorKind::user, .id = std::to_string(vera_id), .name = "vera", .role = role};
  }
  [[nodiscard]] CredentialTerms terms(hours lifetime = hours(8)) const {
    return {.label = "laptop",
            .expires_at = clock.unix_time() + lifetime,
            .purpose = CredentialPurpose::develop};
  }
  Result<CredentialRecord> make_key(const Actor& actor, const std::string& kid = "dev",
                                    hours lifetime = hours(8)) {
    return catalog().credentials.add(actor, acme, "bot", kid, {}, terms(lifetime));
  }
  void allow() { need(catalog().organizations.let_members_develop(kAdmin, acme, true)); }
  bool is_live(const std::string& kid = "dev") {
    for (const CredentialRecord& record : need(catalog().credentials.list(acme, "bot"))) {
      if (record.kid == kid) return !record.revoked_at;
    }
    return false;
  }
  // A revocation that the region does not get would be none.
  bool region_refuses(const std::string& kid = "dev") {
    provisioner->publish_now();
    const auto found = need(region().find_credential(kid));
    return !found || found->credential.revoked;
  }

  Agent bot;
  std::int64_t vera_id = 0;
};

}  // namespace

TEST_CASE("a member makes a key for development only where the organization allows it") {
  DevelopFixture t;
  CHECK_FALSE(need(t.catalog().organizations.members_develop(t.acme)));
  const Error refused = refusal(t.make_key(t.vera()));
  CHECK(refused.code == ErrorCode::forbidden);
  CHECK(refused.message.find("organization allow-develop") != std::string::npos);
  t.allow();
  const CredentialRecord record = need(t.make_key(t.vera()));
  CHECK(record.terms.purpose == CredentialPurpose::develop);
  CHECK(record.terms.label == "laptop");
  CHECK(record.made_by == describe(t.vera()));
  CHECK(refusal(t.make_key(t.vera(Role::viewer), "other")).code == ErrorCode::forbidden);
}

TEST_CASE("an admin makes a key for development, also of an agent with a protected set") {
  DevelopFixture t;
  need(t.catalog().sets.protect(kAdmin, t.acme, "voice"));
  need(t.make_key(t.vera(Role::admin)));
  t.allow();
  const Error refused = refusal(t.make_key(t.vera(), "member"));
  CHECK(refused.code == ErrorCode::forbidden);
  CHECK(refused.message.find("'voice'") != std::string::npos);
}

TEST_CASE("only an admin registers a credential for an agent's containers") {
  DevelopFixture t;
  t.allow();
  CHECK(refusal(t.catalog().credentials.add(t.vera(), t.acme, "bot", "kid", {})).code ==
        ErrorCode::forbidden);
  need(t.catalog().credentials.add(t.vera(Role::admin), t.acme, "bot", "kid", {}));
}

TEST_CASE("a key for development expires within a day") {
  DevelopFixture t;
  const auto add = [&](std::optional<UnixMs> expires_at) {
    CredentialTerms terms = t.terms();
    terms.expires_at = expires_at;
    return t.catalog().credentials.add(kAdmin, t.acme, "bot", "dev", {}, terms);
  };
  CHECK(refusal(add(std::nullopt)).code == ErrorCode::invalid);
  CHECK(refusal(add(t.clock.unix_time())).code == ErrorCode::invalid);
  CHECK(refusal(add(t.clock.unix_time() + hours(25))).code == ErrorCode::invalid);
  need(add(t.clock.unix_time() + hours(24)));
}

TEST_CASE("a repeated registration changes nothing") {
  DevelopFixture t;
  const auto first = need(t.make_key(kAdmin));
  t.provisioner->publish_now();
  const auto second = need(t.make_key(kAdmin));
  CHECK(second.confirmed);
  CHECK(second.created_at == first.created_at);
  CHECK(need(t.catalog().credentials.list(t.acme, "bot")).size() == 1);
  // Another purpose, or a revoked key, is another registration.
  CHECK(refusal(t.catalog().credentials.add(kAdmin, t.acme, "bot", "dev", {})).code ==
        ErrorCode::conflict);
  need(t.catalog().credentials.revoke(kAdmin, t.acme, "bot", "dev"));
  CHECK(refusal(t.make_key(kAdmin)).code == ErrorCode::conflict);
}

TEST_CASE("a member's key ends when a set of the agent becomes protected") {
  DevelopFixture t;
  t.allow();
  need(t.make_key(t.vera()));
  need(t.make_key(kAdmin, "of-admin"));
  need(t.catalog().sets.protect(kAdmin, t.acme, "voice"));
  CHECK_FALSE(t.is_live());
  CHECK(t.region_refuses());
  CHECK(t.is_live("of-admin"));
  CHECK_FALSE(t.region_refuses("of-admin"));
}

TEST_CASE("a member's key ends when the agent gets a protected set") {
  DevelopFixture t;
  t.allow();
  need(t.make_key(t.vera()));
  t.write("prod", "A", "2");
  t.provision();
  need(t.catalog().sets.protect(kAdmin, t.acme, "prod"));
  CHECK(t.is_live());
  need(t.catalog().deploys.update_agent(kAdmin, t.acme, deploy_of("bot", "prod")));
  CHECK_FALSE(t.is_live());
  CHECK(t.region_refuses());
}

TEST_CASE("members' keys end when the organization no longer allows them") {
  DevelopFixture t;
  t.allow();
  need(t.make_key(t.vera()));
  need(t.make_key(kAdmin, "of-admin"));
  need(t.catalog().organizations.let_members_develop(kAdmin, t.acme, false));
  CHECK(t.region_refuses());
  CHECK(t.is_live("of-admin"));
}

TEST_CASE("a key ends with the token, the membership or the role of its maker") {
  DevelopFixture t;
  t.allow();
  need(t.make_key(t.vera()));
  SECTION("the token") { need(t.catalog().tokens.revoke_of_user(kAdmin, t.vera_id, "laptop")); }
  SECTION("the membership") {
    need(t.catalog().users.remove_membership(kAdmin, t.vera_id, t.acme));
  }
  SECTION("the role") {
    need(t.catalog().users.put_membership(kAdmin, t.vera_id, t.acme, Role::viewer));
  }
  CHECK_FALSE(t.is_live());
  CHECK(t.region_refuses());
}

TEST_CASE("a key of an organization's token or private key ends with it") {
  DevelopFixture t;
  t.allow();
  need(t.catalog().tokens.add(kAdmin, t.acme, "ci", Role::member, hash_bearer("pcc_pat_ci")));
  const ApiKey key = need(t.catalog().api_keys.add(
      kAdmin, t.acme, "script", ApiKeyType::private_key, SecretBuffer::copy_of("sk_script")));
  const auto make_as = [&](std::string_view bearer, const std::string& kid) {
    Actor actor = need(t.catalog().identities.find(hash_bearer(bearer)))->actor;
    actor.role = Role::member;
    need(t.make_key(actor, kid));
  };
  make_as("pcc_pat_ci", "of-token");
  make_as("sk_script", "of-key");
  need(t.catalog().tokens.revoke(kAdmin, t.acme, "ci"));
  CHECK(t.region_refuses("of-token"));
  CHECK_FALSE(t.region_refuses("of-key"));
  need(t.catalog().api_keys.revoke(kAdmin, t.acme, key.id));
  CHECK(t.region_refuses("of-key"));
}

TEST_CASE("the oldest key of an actor gives way, and not those of others") {
  DevelopFixture t;
  need(t.make_key(kAdmin, "of-admin"));
  t.allow();
  for (std::int64_t i = 0; i < limits::kDevelopKeysOfActor + 2; ++i) {
    t.clock.advance(std::chrono::seconds(1));
    need(t.make_key(t.vera(), "dev" + std::to_string(i)));
  }
  CHECK_FALSE(t.is_live("dev0"));
  CHECK_FALSE(t.is_live("dev1"));
  CHECK(t.is_live("dev2"));
  CHECK(t.is_live("of-admin"));
  CHECK(t.region_refuses("dev0"));
}

TEST_CASE("the keys of short checks give way before the key of a run") {
  DevelopFixture t;
  t.allow();
  need(t.make_key(t.vera(), "run"));
  for (std::int64_t i = 0; i < limits::kDevelopKeysOfActor + 2; ++i) {
    t.clock.advance(std::chrono::seconds(1));
    need(t.make_key(t.vera(), "check" + std::to_string(i), hours(1)));
  }
  CHECK(t.is_live("run"));
  CHECK_FALSE(t.is_live("check0"));
}

TEST_CASE("the region has the expiry of a credential") {
  DevelopFixture t;
  need(t.make_key(kAdmin));
  t.provisioner->publish_now();
  const auto found = need(t.region().find_credential("dev"));
  REQUIRE(found.has_value());
  CHECK(found->credential.expires_at == t.clock.unix_time() + hours(8));
  CHECK(need(t.region().find_bundle_parts("dev"))->owner.credential.expires_at ==
        found->credential.expires_at);
}

}  // namespace agent_secrets::control_plane

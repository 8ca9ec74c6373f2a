#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

CredentialPublicKeys some_keys() {
  CredentialPublicKeys keys{};
  keys.signing.fill(1);
  keys.box.fill(2);
  return keys;
}

struct WithAgent : TestStores {
  WithAgent() { bot = need(catalog().deploys.create_agent(kAdmin, acme, deploy_of("bot"))).agent; }
  CredentialRecord only() { return need(catalog().credentials.list(acme, "bot")).at(0); }
  Agent bot;
};

}  // namespace

TEST_CASE("a credential is confirmed once its region has it") {
  WithAgent t;
  need(t.catalog().credentials.add(kAdmin, t.acme, "bot", "kid1", some_keys()));
  CHECK_FALSE(t.only().confirmed);
  t.provisioner->publish_now();
  CHECK(t.only().confirmed);
  const auto owner = need(t.region().find_credential("kid1"));
  REQUIRE(owner.has_value());
  CHECK(owner->agent_id == t.bot.id);
  CHECK(owner->credential.keys.box == some_keys().box);
}

TEST_CASE("a revocation is pending until its region has confirmed it") {
  WithAgent t;
  need(t.catalog().credentials.add(kAdmin, t.acme, "bot", "kid1", some_keys()));
  t.provisioner->publish_now();
  need(t.catalog().credentials.revoke(kAdmin, t.acme, "bot", "kid1"));
  CHECK(t.only().revoked_at.has_value());
  CHECK_FALSE(t.only().confirmed);
  CHECK_FALSE(need(t.region().find_credential("kid1"))->credential.revoked);
  t.provisioner->publish_now();
  CHECK(t.only().confirmed);
  CHECK(need(t.region().find_credential("kid1"))->credential.revoked);
}

TEST_CASE("a key id can be registered only once") {
  WithAgent t;
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("other")));
  need(t.catalog().credentials.add(kAdmin, t.acme, "bot", "kid1", some_keys()));
  CHECK(refusal(t.catalog().credentials.add(kAdmin, t.acme, "other", "kid1", some_keys())).code ==
        ErrorCode::conflict);
  CHECK(refusal(t.catalog().credentials.add(kAdmin, t.acme, "bot", "no good", some_keys())).code ==
        ErrorCode::invalid);
}

TEST_CASE("revoke() refuses a revoked credential, and a credential of another agent") {
  WithAgent t;
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("other")));
  need(t.catalog().credentials.add(kAdmin, t.acme, "bot", "kid1", some_keys()));
  CHECK(refusal(t.catalog().credentials.revoke(kAdmin, t.acme, "other", "kid1")).code ==
        ErrorCode::not_found);
  need(t.catalog().credentials.revoke(kAdmin, t.acme, "bot", "kid1"));
  CHECK(refusal(t.catalog().credentials.revoke(kAdmin, t.acme, "bot", "kid1")).code ==
        ErrorCode::not_found);
}

TEST_CASE("the region keeps the credentials of a deleted agent") {
  WithAgent t;
  need(t.catalog().credentials.add(kAdmin, t.acme, "bot", "kid1", some_keys()));
  t.provisioner->publish_now();
  need(t.catalog().agents.remove(t.acme, "bot"));
  t.provisioner->publish_now();
  CHECK(need(t.region().find_credential("kid1"))->agent_id == t.bot.id);
  CHECK(t.snapshot(t.bot.id).deleted);
  CHECK(t.snapshot(t.bot.id).sets.empty());
}

}  // namespace agent_secrets::control_plane

// Removing organizations, users, regions, agents and sets, and creating them again with the same
// name.
#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

const CredentialPublicKeys kKeys{};

struct Removing : TestStores {
  std::int64_t beta = need(catalog().organizations.create("beta", "", "us-west")).id;

  Error refused(std::int64_t organization) {
    return refusal(catalog().organizations.remove(organization));
  }
  void put_agent(std::int64_t organization, const std::string& name) {
    need(catalog().deploys.create_agent(kAdmin, organization, deploy_of(name)));
    provisioner->publish_now();
  }
  void delete_agent(std::int64_t organization, const std::string& name) {
    need(catalog().agents.remove(organization, name));
    provisioner->publish_now();
  }
};

}  // namespace

TEST_CASE("an organization in use is not removed, and the error names what uses it") {
  Removing t;
  for (const char* name : {"a1", "a2", "a3", "a4"}) t.put_agent(t.beta, name);
  need(t.catalog().sets.write(t.beta, one_key("bot-secrets", "A", "1")));
  const User ann = need(t.catalog().users.add("ann", ""));
  need(t.catalog().users.put_membership(ann.id, t.beta, Role::admin));
  need(t.catalog().tokens.add(t.beta, "ci", Role::member, hash_bearer("one")));
  need(t.catalog().api_keys.add(t.beta, "script", ApiKeyType::private_key,
                                SecretBuffer::copy_of("two")));
  const Error error = t.refused(t.beta);
  CHECK(error.code == ErrorCode::conflict);
  CHECK(error.message ==
        "Organization 'beta' is in use: 4 agents (a1, a2, a3, …), 1 secret set (bot-secrets), "
        "1 member (ann), 1 token (ci), 1 API key (script).");
  CHECK(need(t.catalog().organizations.find("beta")).has_value());
}

TEST_CASE(
    "an organization is not removed before its region has confirmed the deletion of its agents") {
  Removing t;
  t.put_agent(t.beta, "bot");
  need(t.catalog().agents.remove(t.beta, "bot"));
  CHECK(t.refused(t.beta).message ==
        "Organization 'beta' is in use: 1 deleted agent that its region does not know of (bot).");
  t.provisioner->publish_now();
  need(t.catalog().organizations.remove(t.beta));
  CHECK_FALSE(need(t.catalog().organizations.find("beta")).has_value());
}

TEST_CASE("an organization is not removed before the deploy command of a deletion has run") {
  Removing t;
  need(t.catalog().rollouts.use_command());
  t.put_agent(t.beta, "bot");
  t.delete_agent(t.beta, "bot");
  CHECK(t.refused(t.beta).message ==
        "Organization 'beta' is in use: 1 deploy command that has not run (bot).");
  need(t.catalog().rollouts.settle(need(t.catalog().rollouts.list_due()).at(0), "exit code 1",
                                   t.take_lease(kRolloutsWork)));
  need(t.catalog().organizations.remove(t.beta));
}

TEST_CASE("a removed organization cannot be listed, reached with a token, or written to") {
  Removing t;
  t.put_agent(t.beta, "bot");
  t.delete_agent(t.beta, "bot");
  const User ann = need(t.catalog().users.add("ann", ""));
  need(t.catalog().users.put_membership(ann.id, t.beta, Role::admin));
  need(t.catalog().tokens.add_for_user(ann.id, t.beta, "laptop", hash_bearer("ann's")));
  need(t.catalog().users.remove_membership(ann.id, t.beta));
  need(t.catalog().organizations.remove(t.beta));

  CHECK(need(t.catalog().organizations.list()).size() == 1);
  CHECK_FALSE(need(t.catalog().identities.find(hash_bearer("ann's"))).has_value());
  CHECK(refusal(t.catalog().sets.write(t.beta, one_key("set1", "A", "1"))).code ==
        ErrorCode::not_found);
  CHECK(refusal(t.catalog().deploys.create_agent(kAdmin, t.beta, deploy_of("bot"))).code ==
        ErrorCode::not_found);
  CHECK_FALSE(t.catalog().tokens.add(t.beta, "ci", Role::admin, hash_bearer("one")));
  CHECK_FALSE(t.catalog().users.put_membership(ann.id, t.beta, Role::admin));
  CHECK_FALSE(t.catalog().api_keys.add(t.beta, "script", ApiKeyType::private_key,
                                       SecretBuffer::copy_of("two")));
}

TEST_CASE("the name of a removed organization that had an agent cannot be used again") {
  Removing t;
  t.put_agent(t.beta, "bot");
  t.delete_agent(t.beta, "bot");
  need(t.catalog().organizations.remove(t.beta));
  const Error error = refusal(t.catalog().organizations.create("beta", "", "us-west"));
  CHECK(error.code == ErrorCode::conflict);
  CHECK(error.message.find("has been removed") != std::string::npos);
}

TEST_CASE(
    "the name of a removed organization without agents can be used again, without its tokens") {
  Removing t;
  need(t.catalog().tokens.add(t.beta, "ci", Role::admin, hash_bearer("old")));
  need(t.catalog().tokens.revoke(t.beta, "ci"));
  need(t.catalog().organizations.remove(t.beta));
  const Organization later = need(t.catalog().organizations.create("beta", "", "us-west"));
  CHECK(later.id != t.beta);
  CHECK(need(t.catalog().tokens.list(later.id)).empty());
  CHECK_FALSE(need(t.catalog().identities.find(hash_bearer("old"))).has_value());
}

TEST_CASE("a region in use is not removed, and the error names what uses it") {
  Removing t;
  WriteSet write = one_key("eu-secrets", "A", "1");
  write.region = "eu-central";
  need(t.catalog().sets.write(t.beta, std::move(write)));
  CHECK(refusal(t.catalog().regions.remove("eu-central")).message ==
        "Region 'eu-central' is in use: 1 secret set (eu-secrets).");
  CHECK(refusal(t.catalog().regions.remove("us-west")).message ==
        "Region 'us-west' is in use: 2 organizations whose default it is (acme, beta).");
  CHECK(refusal(t.catalog().regions.remove("mars")).code == ErrorCode::invalid);
}

TEST_CASE("a removed region accepts no write, also in a server that has opened its store") {
  Removing t;
  need(t.catalog().regions.remove("eu-central"));
  CHECK(need(t.catalog().regions.list()).size() == 1);
  WriteSet write = one_key("eu-secrets", "A", "1");
  write.region = "eu-central";
  CHECK(refusal(t.catalog().sets.write(t.acme, std::move(write))).message ==
        "Invalid region 'eu-central'. Valid regions are: us-west");
  CHECK_FALSE(t.catalog().organizations.set_default_region(t.acme, "eu-central"));
  t.reopen();
  CHECK_FALSE(t.stores.regions.contains("eu-central"));
}

TEST_CASE("a region that is added again has the signing key that it had before") {
  Removing t;
  const std::string signing_key = t.stores.regions.at("eu-central").signing_keys.active_kid;
  need(t.catalog().regions.remove("eu-central"));
  need(t.catalog().regions.add({.code = "eu-central", .display_name = "Frankfurt"}));
  CHECK(need(t.catalog().regions.list()).back().display_name == "Frankfurt");
  t.reopen();
  CHECK(t.stores.regions.at("eu-central").signing_keys.active_kid == signing_key);
}

TEST_CASE("a user with memberships or live tokens is not removed, and the error names them") {
  Removing t;
  const User ann = need(t.catalog().users.add("ann", ""));
  need(t.catalog().users.put_membership(ann.id, t.beta, Role::admin));
  need(t.catalog().tokens.add_for_user(ann.id, std::nullopt, "laptop", hash_bearer("ann's")));
  CHECK(refusal(t.catalog().users.remove(ann.id)).message ==
        "User 'ann' is in use: 1 membership (beta), 1 token (laptop).");
}

TEST_CASE("a new user with a removed user's name and address gets no membership and no token") {
  Removing t;
  const User ann = need(t.catalog().users.add("ann", "ann@example.com"));
  need(t.catalog().users.put_membership(ann.id, t.beta, Role::admin));
  need(t.catalog().tokens.add_for_user(ann.id, std::nullopt, "laptop", hash_bearer("ann's")));
  need(t.catalog().tokens.revoke_of_user(ann.id, "laptop"));
  need(t.catalog().users.remove_membership(ann.id, t.beta));
  need(t.catalog().users.remove(ann.id));
  CHECK_FALSE(need(t.catalog().users.find("ann")).has_value());

  const User later = need(t.catalog().users.add("ann", "ann@example.com"));
  CHECK(later.id != ann.id);
  CHECK(need(t.catalog().users.find("ann"))->memberships.empty());
  CHECK(need(t.catalog().tokens.list_of_user(later.id)).empty());
  need(t.catalog().users.put_membership(later.id, t.beta, Role::admin));
  CHECK_FALSE(need(t.catalog().identities.find(hash_bearer("ann's"))).has_value());
}

TEST_CASE("the credentials of a deleted agent do not belong to a new agent with its name") {
  Removing t;
  t.put_agent(t.acme, "bot");
  const std::int64_t earlier = t.agent("bot").id;
  need(t.catalog().credentials.add(kAdmin, t.acme, "bot", "k1", kKeys));
  t.delete_agent(t.acme, "bot");
  t.put_agent(t.acme, "bot");
  CHECK(t.agent("bot").id != earlier);
  CHECK(need(t.catalog().credentials.list(t.acme, "bot")).empty());
  const auto owner = need(t.region().find_credential("k1"));
  REQUIRE(owner.has_value());
  CHECK(owner->agent_id == earlier);
  CHECK(t.snapshot(earlier).deleted);
  CHECK(t.snapshot(earlier).sets.empty());
  CHECK(refusal(t.catalog().credentials.revoke(kAdmin, t.acme, "bot", "k1")).code ==
        ErrorCode::not_found);
}

TEST_CASE("a key id cannot be registered again") {
  Removing t;
  t.put_agent(t.acme, "bot");
  need(t.catalog().credentials.add(kAdmin, t.acme, "bot", "k1", kKeys));
  SECTION("after its revocation") {
    need(t.catalog().credentials.revoke(kAdmin, t.acme, "bot", "k1"));
  }
  SECTION("after the deletion of its agent") { t.delete_agent(t.acme, "bot"); }
  t.put_agent(t.beta, "bot");
  CHECK(refusal(t.catalog().credentials.add(kAdmin, t.beta, "bot", "k1", kKeys)).code ==
        ErrorCode::conflict);
}

TEST_CASE(
    "a new agent continues the sequences of a deleted agent with its name, without its events") {
  Removing t;
  t.put_agent(t.acme, "bot");
  DeployRequest again = deploy_of("bot");
  again.force = true;
  need(t.catalog().deploys.update_agent(kAdmin, t.acme, again));
  t.provisioner->publish_now();
  const std::int64_t last = t.snapshot(t.agent("bot").id).sequence;
  t.delete_agent(t.acme, "bot");
  t.put_agent(t.acme, "bot");
  CHECK(t.snapshot(t.agent("bot").id).sequence == last + 1);
  CHECK(need(t.catalog().events.list(t.agent("bot").id)).size() == 1);
  CHECK(need(t.catalog().agents.list_deployments(t.acme, "bot")).size() == 1);
}

TEST_CASE("the pins of older deployments do not refer to a new set with the same name") {
  Removing t;
  t.write("bot-secrets", "A", "old");
  t.provision();
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot", "bot-secrets")));
  t.provisioner->publish_now();
  const std::int64_t first = t.set("bot-secrets").id;
  DeployRequest without = deploy_of("bot");
  without.secret_set = "";
  need(t.catalog().deploys.update_agent(kAdmin, t.acme, without));
  need(t.catalog().sets.remove(t.acme, "bot-secrets"));
  t.write("bot-secrets", "A", "new");
  t.provision();
  CHECK(t.set("bot-secrets").id != first);
  CHECK(t.set("bot-secrets").version == 1);
  CHECK(t.agent("bot").deployment.pins.empty());
  for (const Deployment& deployment : need(t.catalog().agents.list_deployments(t.acme, "bot"))) {
    for (const PinnedSet& pin : deployment.pins) CHECK(pin.set_id == first);
  }
}

}  // namespace agent_secrets::control_plane

#include "control-plane/catalog/bindings.h"

#include "control-plane/test_stores.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

const Actor kMember{.kind = ActorKind::token, .id = "7", .name = "ci", .role = Role::member};

// The set `prod`, protected, and the set `test`; both are ready.
struct ProtectedSet : TestStores {
  ProtectedSet() {
    write("prod", "A", "1");
    write("test", "A", "1");
    provision();
    need(catalog().sets.protect(kAdmin, acme, "prod"));
  }
  Result<DeployOutcome> create(const Actor& actor, const std::string& agent,
                               const std::string& set) {
    return catalog().deploys.create_agent(actor, acme, deploy_of(agent, set));
  }
  Result<DeployOutcome> bind(const Actor& actor, const std::string& agent, const std::string& set) {
    DeployRequest request = deploy_of(agent);
    request.secret_set = set;
    return catalog().deploys.update_agent(actor, acme, std::move(request));
  }
};

}  // namespace

TEST_CASE("a member cannot give a protected set to an agent that has not had it") {
  ProtectedSet t;
  const Error refused = refusal(t.create(kMember, "bot", "prod"));
  CHECK(refused.code == ErrorCode::forbidden);
  CHECK(refused.message.find("'prod' is protected") != std::string::npos);
  CHECK(refused.message.find("admin") != std::string::npos);
  CHECK_FALSE(need(t.catalog().agents.find(t.acme, "bot")).has_value());

  need(t.create(kMember, "bot", "test"));
  CHECK(refusal(t.bind(kMember, "bot", "prod")).code == ErrorCode::forbidden);
  CHECK(t.agent("bot").deployment.spec.secret_set == "test");
}

TEST_CASE("an agent that has had a protected set keeps it, and members deploy it") {
  ProtectedSet t;
  CHECK(need(t.create(kAdmin, "bot", "prod")).first_set == "prod");
  CHECK(need(t.bind(kMember, "bot", "test")).first_set == "test");
  CHECK(need(t.bind(kMember, "bot", "prod")).first_set.empty());
  CHECK(t.agent("bot").deployment.spec.secret_set == "prod");
}

TEST_CASE("an agent keeps the right to a set when its deployments of the set are gone") {
  ProtectedSet t;
  need(t.create(kAdmin, "bot", "prod"));
  for (int i = 0; i <= limits::kDeploymentsKept; ++i) {
    DeployRequest request = deploy_of("bot", "test");
    request.force = true;
    need(t.catalog().deploys.update_agent(kMember, t.acme, std::move(request)));
  }
  CHECK(need(t.bind(kMember, "bot", "prod")).first_set.empty());
}

TEST_CASE("a later agent of the same name has not had the set") {
  ProtectedSet t;
  need(t.create(kAdmin, "bot", "prod"));
  need(t.catalog().agents.remove(kAdmin, t.acme, "bot"));
  CHECK(refusal(t.create(kMember, "bot", "prod")).code == ErrorCode::forbidden);
}

TEST_CASE("a set that is protected again, unprotected, or written, keeps its state of protection") {
  ProtectedSet t;
  CHECK(t.set("prod").protected_by == "host root (0)");
  need(t.catalog().sets.protect(kMember, t.acme, "prod"));
  CHECK(t.set("prod").protected_by == "host root (0)");
  t.write("prod", "B", "2");
  CHECK_FALSE(t.set("prod").protected_by.empty());
  t.provision();
  need(t.catalog().sets.unprotect(kAdmin, t.acme, "prod"));
  CHECK(t.set("prod").protected_by.empty());
  need(t.create(kMember, "bot", "prod"));
}

TEST_CASE("what cannot be protected is refused") {
  ProtectedSet t;
  need(t.catalog().sets.write(kAdmin, t.acme, registry("registry")));
  CHECK(refusal(t.catalog().sets.protect(kAdmin, t.acme, "registry")).code == ErrorCode::invalid);
  CHECK(refusal(t.catalog().sets.protect(kAdmin, t.acme, "none")).code == ErrorCode::not_found);
  CHECK(refusal(t.catalog().sets.unprotect(kAdmin, t.acme, "none")).code == ErrorCode::not_found);
  const auto other = need(t.catalog().organizations.create(kAdmin, "other", "", "us-west")).id;
  CHECK(refusal(t.catalog().sets.unprotect(kAdmin, other, "prod")).code == ErrorCode::not_found);
}

TEST_CASE("an agent whose record of a protected set was deleted gets the set only from an admin") {
  ProtectedSet t;
  need(t.create(kAdmin, "bot", "prod"));
  t.edit("catalog", "DELETE FROM set_bindings");
  DeployRequest request = deploy_of("bot", "prod");
  request.force = true;
  CHECK(refusal(t.catalog().deploys.update_agent(kMember, t.acme, request)).code ==
        ErrorCode::forbidden);
  CHECK(need(t.catalog().deploys.update_agent(kAdmin, t.acme, std::move(request))).first_set ==
        "prod");
}

TEST_CASE("deleting a set deletes the record of the agents that had it") {
  ProtectedSet t;
  need(t.create(kAdmin, "bot", "prod"));
  need(t.bind(kMember, "bot", ""));
  need(t.catalog().sets.remove(kAdmin, t.acme, "prod"));
  t.write("prod", "A", "of another set");
  t.provision();
  CHECK(need(t.bind(kMember, "bot", "prod")).first_set == "prod");
}

}  // namespace agent_secrets::control_plane

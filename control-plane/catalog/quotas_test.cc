#include "control-plane/test_stores.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

class Quotas : public TestStores {
 public:
  // `sql` returns one row with the column n.
  std::int64_t count(const Sql& sql) {
    return need(
        catalog().context.database->read("count", [&](Transaction& tx) -> Result<std::int64_t> {
          return tx.query(sql).front().integer("n");
        }));
  }
  Result<SecretSet> try_write(const std::string& set, int keys, std::size_t value_size) {
    WriteSet write = one_key(set, "KEY_0", std::string(value_size, 'x'), false);
    for (int i = 1; i < keys; ++i) {
      write.pairs.push_back({.key = "KEY_" + std::to_string(i),
                             .value = SecretBuffer::copy_of(std::string(value_size, 'x'))});
    }
    return catalog().sets.write(kAdmin, acme, std::move(write));
  }
  Agent create(const std::string& agent) {
    return need(catalog().deploys.create_agent(kAdmin, acme, deploy_of(agent))).agent;
  }
  void delete_published(const std::string& agent) {
    need(catalog().agents.remove(kAdmin, acme, agent));
    provisioner->publish_now();
  }
  void redeploy(const std::string& agent) {
    DeployRequest request = deploy_of(agent);
    request.force = true;
    need(catalog().deploys.update_agent(kAdmin, acme, request));
  }
};

void check_full(const Error& error, std::string_view advice) {
  CHECK(error.code == ErrorCode::invalid);
  CHECK(error.message.find("already, the most that there can be. ") != std::string::npos);
  CHECK(error.message.find(advice) != std::string::npos);
}

}  // namespace

TEST_CASE("the number of secret sets is limited, and a deletion makes room") {
  Quotas t;
  need(t.try_write("set-0", 1, 1));
  t.fill("catalog", limits::kSetsPerOrganization - 1,
         "INSERT INTO sets (organization_id, name, type, region)"
         " SELECT organization_id, 'filler-' || n, type, region FROM sets, numbers"
         " WHERE name = 'set-0'");
  check_full(refusal(t.try_write("one-more", 1, 1)), "Delete one");
  need(t.try_write("set-0", 2, 1));
  const auto other = need(t.catalog().organizations.create(kAdmin, "other", "", "us-west")).id;
  need(t.catalog().sets.write(kAdmin, other, one_key("of-others", "A", "1")));
  need(t.catalog().sets.remove(kAdmin, t.acme, "set-0"));
  need(t.try_write("one-more", 1, 1));
}

TEST_CASE("the number of keys in all sets of an organization is limited") {
  Quotas t;
  need(t.try_write("set-0", 1000, 1));
  need(t.try_write("filler", 1, 1));
  t.edit("catalog",
         "UPDATE sets SET live_keys = " + std::to_string(limits::kKeysPerOrganization - 1000) +
             " WHERE name = 'filler'");
  check_full(refusal(t.try_write("one-more", 1, 1)), "Unset keys");
  CHECK_FALSE(need(t.catalog().sets.find(t.acme, "one-more")).has_value());
  need(t.try_write("set-0", 1000, 2));  // replaces values, adds no key
  need(t.catalog().sets.unset_key(kAdmin, t.acme, "set-0", "KEY_0"));
  need(t.try_write("one-more", 1, 1));
}

TEST_CASE("the bytes of values in an organization are limited, with the values of old versions") {
  Quotas t;
  constexpr std::int64_t set_bytes = 1000 * 1000;
  int sets = 0;
  for (std::int64_t bytes = 0; bytes + 2 * set_bytes < limits::kBytesPerOrganization;
       bytes += set_bytes) {
    need(t.try_write("set-" + std::to_string(sets++), 10, 100'000));
  }
  t.provision();
  while (t.try_write("set-" + std::to_string(sets), 10, 100'000)) ++sets;
  check_full(refusal(t.try_write("one-more", 10, 100'000)), "Delete secret sets");
  // A ready version keeps its values until the next one is ready.
  check_full(refusal(t.try_write("set-0", 10, 100'001)), "old versions");
  need(t.catalog().sets.remove(kAdmin, t.acme, "set-1"));
  need(t.try_write("set-0", 10, 100'001));
}

TEST_CASE("repeated writes before a set is ready store the values of one version only") {
  Quotas t;
  for (int i = 0; i < 100; ++i) t.write("bot-secrets", "A", std::to_string(i));
  CHECK(t.count("SELECT count(*) AS n FROM set_values") == 1);
  t.provision();
  for (int i = 0; i < 100; ++i) t.write("bot-secrets", "A", "again " + std::to_string(i));
  CHECK(t.count("SELECT count(*) AS n FROM set_values") == 2);  // the ready version stays
  t.provision();
  CHECK(t.served("bot-secrets", 200).at("A") == "again 99");
}

TEST_CASE("the size that writes keep with a set is that of its values") {
  Quotas t;
  const auto wrong_sizes = [&] {
    return t.count(
        {"SELECT count(*) AS n FROM sets s WHERE live_keys <> (SELECT count(*) FROM set_values v"
         " WHERE v.set_id = s.id AND removed_by IS NULL)"
         " OR stored_bytes <> (SELECT coalesce(sum(length(CAST(key AS BLOB)) + length(box)), 0)"
         "                       FROM set_values v WHERE v.set_id = s.id)",
         "SELECT count(*) AS n FROM sets s WHERE live_keys <> (SELECT count(*) FROM set_values v"
         " WHERE v.set_id = s.id AND removed_by IS NULL)"
         " OR stored_bytes <> (SELECT coalesce(sum(octet_length(key) + octet_length(box)), 0)"
         "                       FROM set_values v WHERE v.set_id = s.id)"});
  };
  for (const bool is_ready : {false, true}) {
    CAPTURE(is_ready);
    need(t.try_write("set-0", 5, is_ready ? 10 : 20));
    CHECK(wrong_sizes() == 0);
    if (is_ready) t.provision();
    t.write("set-0", "KEY_0", "another size");
    t.write("set-0", "KEY_0", "and one more");
    t.write("set-0", "NEW", "x");
    CHECK(wrong_sizes() == 0);
    need(t.catalog().sets.unset_key(kAdmin, t.acme, "set-0", "KEY_0"));
    need(t.catalog().sets.unset_key(kAdmin, t.acme, "set-0", "KEY_1"));
    t.write("set-0", "KEY_0", "again");
    CHECK(wrong_sizes() == 0);
    t.provision();
    CHECK(wrong_sizes() == 0);
  }
}

TEST_CASE("the number of agents is limited, and a deletion makes room") {
  Quotas t;
  for (std::int64_t i = 0; i < limits::kAgentsPerOrganization; ++i) {
    t.create("agent-" + std::to_string(i));
  }
  check_full(refusal(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("one-more"))),
             "Delete one");
  need(t.catalog().agents.remove(kAdmin, t.acme, "agent-0"));
  t.create("one-more");
}

TEST_CASE("the oldest deleted agents are removed, and their sequences are not used again") {
  Quotas t;
  t.create("bot");
  for (int i = 0; i < 20; ++i) t.redeploy("bot");
  const std::int64_t sequence = t.count("SELECT sequence AS n FROM agents WHERE name = 'bot'");
  t.delete_published("bot");
  for (std::int64_t i = 0; i < limits::kDeletedAgentsKept + 20; ++i) {
    t.create("other");
    t.delete_published("other");
  }
  CHECK(t.count("SELECT count(*) AS n FROM agents") <= limits::kDeletedAgentsKept + 1);
  CHECK(t.count("SELECT count(*) AS n FROM agents WHERE name = 'bot'") == 0);
  CHECK(t.count("SELECT count(*) AS n FROM deployments") <= limits::kDeletedAgentsKept + 1);
  t.create("bot");
  CHECK(t.count("SELECT sequence AS n FROM agents WHERE name = 'bot'") > sequence);
}

TEST_CASE("the number of deleted agents that their region has not confirmed is limited") {
  Quotas t;
  // More than are kept once they are confirmed; the others are in a region that confirms nothing.
  constexpr std::int64_t kInUsWest = limits::kDeletedAgentsKept + 10;
  for (std::int64_t i = 0; i < kInUsWest; ++i) {
    t.create("bot");
    need(t.catalog().agents.remove(kAdmin, t.acme, "bot"));
  }
  t.fill("catalog", limits::kDeletedUnconfirmed - kInUsWest,
         "INSERT INTO agents (organization_id, name, region, min_agents, max_agents,"
         " deployment_id, sequence, revision, deleted, created_at, updated_at)"
         " SELECT organization_id, name, 'eu-central', min_agents, max_agents, deployment_id,"
         " sequence, revision, deleted, created_at, updated_at FROM numbers"
         " JOIN agents ON id = (SELECT max(id) FROM agents)");
  check_full(refusal(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot"))), "region");
  t.provisioner->publish_now();
  t.create("bot");
}

TEST_CASE("an agent keeps its newest deployments, and the deployment that its region serves") {
  Quotas t;
  const std::string served = t.create("bot").deployment.id;
  t.provisioner->publish_now();
  for (std::int64_t i = 0; i < limits::kDeploymentsKept + 20; ++i) t.redeploy("bot");
  const auto kept = need(t.catalog().agents.list_deployments(t.acme, "bot"));
  CHECK(std::ssize(kept) == limits::kDeploymentsKept + 1);
  CHECK(kept.back().id == served);
  CHECK(t.agent("bot").reconciled_deployment == served);
  t.provisioner->publish_now();
  t.redeploy("bot");
  CHECK(std::ssize(need(t.catalog().agents.list_deployments(t.acme, "bot"))) ==
        limits::kDeploymentsKept);
}

TEST_CASE("the bytes of settings of a deployment are limited") {
  Quotas t;
  DeployRequest request = deploy_of("bot");
  request.settings["agentProfile"] = "\"" + std::string(limits::kDeploymentSettings, 'x') + "\"";
  CHECK(refusal(t.catalog().deploys.create_agent(kAdmin, t.acme, request)).code ==
        ErrorCode::invalid);
}

TEST_CASE("a long text of an event is cut between two characters") {
  Quotas t;
  const std::int64_t id = t.create("bot").id;
  std::string text(limits::kEventText - 1, 'x');
  need(t.catalog().events.add(id, "output", text + "ü", t.term()));
  CHECK(need(t.catalog().events.list(id)).back().text == text);
}

TEST_CASE("the oldest revoked tokens are removed, and the number of live tokens is limited") {
  Quotas t;
  const auto hash = [](std::int64_t i) { return hash_bearer("token" + std::to_string(i)); };
  for (std::int64_t i = 0; i < limits::kRevokedKept + 20; ++i) {
    t.clock.advance(std::chrono::seconds(1));
    need(t.catalog().tokens.add(kAdmin, t.acme, "old", Role::member, hash(i)));
    need(t.catalog().tokens.revoke(kAdmin, t.acme, "old"));
  }
  CHECK(t.count("SELECT count(*) AS n FROM tokens") == limits::kRevokedKept + 1);
  CHECK_FALSE(need(t.catalog().identities.find(hash(0))).has_value());
  for (std::int64_t i = 0; i < limits::kTokens; ++i) {
    need(t.catalog().tokens.add(kAdmin, t.acme, "t" + std::to_string(i), Role::member,
                                hash(1000 + i)));
  }
  check_full(refusal(t.catalog().tokens.add(kAdmin, t.acme, "more", Role::member, hash(1))),
             "Revoke one");
  need(t.catalog().tokens.revoke(kAdmin, t.acme, "t0"));
  need(t.catalog().tokens.add(kAdmin, t.acme, "more", Role::member, hash(1)));
}

TEST_CASE("the oldest revoked API keys are removed") {
  Quotas t;
  for (std::int64_t i = 0; i < limits::kRevokedKept + 20; ++i) {
    t.clock.advance(std::chrono::seconds(1));
    const auto key =
        need(t.catalog().api_keys.add(kAdmin, t.acme, "a key", ApiKeyType::public_key,
                                      SecretBuffer::copy_of("pk_" + std::to_string(i))));
    need(t.catalog().api_keys.revoke(kAdmin, t.acme, key.id));
  }
  CHECK(t.count("SELECT count(*) AS n FROM api_keys") == limits::kRevokedKept + 1);
}

TEST_CASE("a revoked credential is removed only after its region has confirmed the revocation") {
  Quotas t;
  t.create("bot");
  const auto add_and_revoke = [&](std::int64_t number) {
    const std::string kid = "kid" + std::to_string(number);
    t.clock.advance(std::chrono::seconds(1));
    need(t.catalog().credentials.add(kAdmin, t.acme, "bot", kid, {}));
    need(t.catalog().credentials.revoke(kAdmin, t.acme, "bot", kid));
  };
  for (std::int64_t i = 0; i < limits::kRevokedKept + 20; ++i) add_and_revoke(i);
  CHECK(t.count("SELECT count(*) AS n FROM credentials") == limits::kRevokedKept + 20);
  t.provisioner->publish_now();
  for (int i = 1000; i < 1003; ++i) add_and_revoke(i);
  t.provisioner->publish_now();
  CHECK(t.count("SELECT count(*) AS n FROM credentials") <= limits::kRevokedKept + 3);
  CHECK_FALSE(need(t.region().find_credential("kid0")).has_value());
  CHECK(need(t.region().find_credential("kid1002"))->credential.revoked);
  for (std::int64_t i = 0; i < limits::kCredentials; ++i) {
    need(t.catalog().credentials.add(kAdmin, t.acme, "bot", "live" + std::to_string(i), {}));
  }
  check_full(refusal(t.catalog().credentials.add(kAdmin, t.acme, "bot", "more", {})), "Revoke one");
}

TEST_CASE("the number of members is limited, and a role can be changed at the limit") {
  Quotas t;
  t.fill("catalog", limits::kMembers,
         "INSERT INTO users (name, email, created_at)"
         " SELECT 'user-' || (n - 1), '', 0 FROM numbers");
  t.edit("catalog",
         "INSERT INTO memberships (user_id, organization_id, role)"
         " SELECT id, " +
             std::to_string(t.acme) + ", 'admin' FROM users");
  need(t.catalog().coded_rows.adopt());
  const auto late = need(t.catalog().users.add(kAdmin, "late", ""));
  check_full(refusal(t.catalog().users.put_membership(kAdmin, late.id, t.acme, Role::member)),
             "Remove one");
  need(t.catalog().users.put_membership(kAdmin, need(t.catalog().users.find("user-0"))->id, t.acme,
                                        Role::member));
}

TEST_CASE("the stored size of a set equals the size of its rows") {
  Quotas t;
  const auto check = [&](std::int64_t keys) {
    CHECK(t.count("SELECT CAST(sum(live_keys) AS bigint) AS n FROM sets") == keys);
    CHECK(t.count("SELECT CAST(sum(stored_bytes) AS bigint) AS n FROM sets") ==
          t.count({"SELECT sum(length(CAST(key AS BLOB)) + length(box)) AS n FROM set_values",
                   "SELECT CAST(sum(octet_length(key) + octet_length(box)) AS bigint) AS n"
                   " FROM set_values"}));
  };
  t.write("bot-secrets", "A", "1");
  t.write("bot-secrets", "B", "2");
  check(2);
  t.provision();
  need(t.catalog().sets.unset_key(kAdmin, t.acme, "bot-secrets", "A"));
  check(1);
  t.provision();
  check(1);
}

}  // namespace agent_secrets::control_plane

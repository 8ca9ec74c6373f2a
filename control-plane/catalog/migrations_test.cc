// A catalog that an earlier release wrote keeps its data.
#include "control-plane/database/migrations.h"

#include <cstddef>
#include <functional>

#include <sys/stat.h>

#include "control-plane/data_directory.h"
#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

// A data directory whose catalog an earlier release wrote.
class OldDirectory {
 public:
  // `schema`: the number of its migrations. `fill` inserts its rows.
  OldDirectory(std::ptrdiff_t schema, const std::function<void(Transaction&)>& fill) {
    REQUIRE(::mkdir(data().c_str(), 0700) == 0);
    const auto database = need(SqliteDatabase::open(data() + "/catalog.db"));
    const auto& all = catalog_migrations().sqlite;
    need(migrate(*database, {all.begin(), all.begin() + schema}));
    need(database->write("fill", [&](Transaction& tx) -> Result<void> {
      tx.execute("INSERT INTO regions (code, display_name) VALUES ('us-west', 'US West')");
      tx.execute(
          "INSERT INTO organizations (id, name, verbose_name, default_region)"
          " VALUES (3, 'acme', 'Acme', 'us-west')");
      fill(tx);
      return {};
    }));
  }

  [[nodiscard]] std::string data() const { return directory_.path("data"); }
  // As this release opens it.
  [[nodiscard]] Stores open() const {
    const auto place = data_directory_place(data());
    place->accept_uncoded_rows(true);
    need(need(open_in(*place)).catalog->coded_rows.adopt());
    return need(open_in(*data_directory_place(data())));
  }
  [[nodiscard]] Result<Stores> open_in(StorePlace& place) const {
    return open_stores(place, key_, clock_);
  }

 private:
  TemporaryDirectory directory_;
  FakeClock clock_;
  MasterKey key_ = need(MasterKey::create_file(directory_.path("master.key")));
};

// One live admin token and one revoked token.
void add_tokens_of_schema_1(Transaction& tx) {
  const auto add = [&](std::int64_t id, std::string_view name, std::string_view role,
                       std::string_view token, std::optional<std::int64_t> revoked_at) {
    tx.execute("INSERT INTO tokens VALUES (?1, 3, ?2, ?3, ?4, 1000, ?5)", id, name, role,
               hash_bearer(token), revoked_at);
  };
  add(7, "first-admin", "admin", "pcc_pat_live", {});
  add(9, "old", "member", "pcc_pat_old", 2000);
}

// An agent whose deployment has the given `secretVersion`, as JSON text, and another setting.
void add_agent_of_schema_6(Transaction& tx, std::string_view name,
                           std::optional<std::string_view> secret_version) {
  tx.execute(
      "INSERT INTO agents (organization_id, name, region, min_agents, max_agents, deployment_id,"
      " sequence, revision, created_at, updated_at) VALUES (3, ?1, 'us-west', 0, 1, ?1, 1, 1, 0, "
      "0)",
      name);
  tx.execute(
      "INSERT INTO deployments (id, agent_id, revision, image, secret_set, image_pull_secret_set,"
      " created_at) SELECT ?1, id, 1, 'img:1', '', '', 0 FROM agents WHERE name = ?1",
      name);
  tx.execute("INSERT INTO deployment_settings VALUES (?1, 'websocketAuth', '\"token\"')", name);
  if (secret_version) {
    tx.execute("INSERT INTO deployment_settings VALUES (?1, 'secretVersion', ?2)", name,
               *secret_version);
  }
}

// A user who is an admin, a token of the organization, a token that has been deleted, and an agent
// that is bound to a set.
void add_rights_of_schema_8(Transaction& tx) {
  tx.execute("INSERT INTO users (id, name, email, created_at) VALUES (5, 'ana', '', 0)");
  tx.execute("INSERT INTO memberships VALUES (5, 3, 'admin')");
  const auto add = [&](std::int64_t id, std::optional<std::int64_t> user,
                       std::optional<std::int64_t> organization,
                       std::optional<std::string_view> role, std::string_view token) {
    tx.execute(
        "INSERT INTO tokens (id, user_id, organization_id, name, role, sha256, created_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1000)",
        id, user, organization, token, role, hash_bearer(token));
  };
  add(7, 5, {}, {}, "laptop");
  add(8, {}, 3, "member", "ci");
  add(9, {}, 3, "member", "deleted");
  tx.execute("DELETE FROM tokens WHERE id = 9");
  add_agent_of_schema_6(tx, "bot", {});
  tx.execute(
      "INSERT INTO sets (id, organization_id, name, type, region)"
      " VALUES (4, 3, 'bot-secrets', 'secret', 'us-west')");
  tx.execute("INSERT INTO deployment_pins VALUES ('bot', 4, 'bot-secrets', 1)");
  tx.execute("INSERT INTO deployment_pins VALUES ('bot', 2, 'deleted-set', 1)");
}

}  // namespace

TEST_CASE("the tokens of schema 1 become tokens of their organization") {
  const OldDirectory old(1, add_tokens_of_schema_1);
  const Stores stores = old.open();
  const auto identity = need(stores.catalog->identities.find(hash_bearer("pcc_pat_live")));
  REQUIRE(identity.has_value());
  CHECK(identity->actor.name == "first-admin");
  REQUIRE(identity->reaches.size() == 1);
  CHECK(identity->reaches[0].organization.name == "acme");
  CHECK(identity->reaches[0].role == Role::admin);
  CHECK_FALSE(need(stores.catalog->identities.find(hash_bearer("pcc_pat_old"))).has_value());

  const auto tokens = need(stores.catalog->tokens.list(3));
  REQUIRE(tokens.size() == 2);
  CHECK((tokens[0].id == 7 && tokens[0].name == "first-admin" && !tokens[0].revoked_at));
  CHECK(tokens[0].created_at == std::chrono::milliseconds(1000));
  CHECK(tokens[1].revoked_at == std::chrono::milliseconds(2000));
  CHECK(std::filesystem::exists(old.data() + "/catalog.db.schema-1"));

  need(stores.catalog->tokens.add(kAdmin, 3, "new", Role::member, hash_bearer("pcc_pat_new")));
  CHECK(need(stores.catalog->tokens.list(3)).back().id == 10);  // ids are not reused
  need(stores.catalog->tokens.revoke(kAdmin, 3, "first-admin"));
  CHECK_FALSE(need(stores.catalog->identities.find(hash_bearer("pcc_pat_live"))).has_value());
}

TEST_CASE("a deployment of schema 6 keeps its secretVersion") {
  const OldDirectory old(6, [](Transaction& tx) {
    add_agent_of_schema_6(tx, "latest", "\"latest\"");
    add_agent_of_schema_6(tx, "pinned", "\"pinned\"");
    add_agent_of_schema_6(tx, "unset", std::nullopt);
  });
  const Stores stores = old.open();
  const auto spec = [&](std::string_view name) {
    return need(stores.catalog->agents.find(3, name))->deployment.spec;
  };
  CHECK(spec("latest").secret_version == SecretVersion::latest);
  CHECK(spec("pinned").secret_version == SecretVersion::pinned);
  CHECK(spec("unset").secret_version == std::nullopt);
  CHECK(spec("latest").settings ==
        std::map<std::string, std::string>{{"websocketAuth", "\"token\""}});
}

TEST_CASE("tokens and memberships of schema 8 keep their roles") {
  const OldDirectory old(8, add_rights_of_schema_8);
  const Stores stores = old.open();
  Catalog& catalog = *stores.catalog;
  const auto role_of = [&](std::string_view token) {
    return need(catalog.identities.find(hash_bearer(token)))->reaches.at(0).role;
  };
  CHECK(role_of("laptop") == Role::admin);
  CHECK(role_of("ci") == Role::member);
  need(catalog.tokens.add(kAdmin, 3, "new", Role::viewer, hash_bearer("new")));
  const auto tokens = need(catalog.tokens.list(3));
  REQUIRE(tokens.size() == 3);
  CHECK(tokens[2].id == 10);  // the ids of deleted tokens are not used again
  CHECK_FALSE(tokens[1].expires_at.has_value());
}

TEST_CASE("an agent of schema 8 has had the set that its deployment pins") {
  const OldDirectory old(8, add_rights_of_schema_8);
  const Stores stores = old.open();
  const auto bound = need(stores.catalog->context.database->read(
      "read bindings", [](Transaction& tx) -> Result<std::vector<std::int64_t>> {
        std::vector<std::int64_t> sets;
        for (const Row row : tx.query("SELECT set_id FROM set_bindings")) {
          sets.push_back(row.integer("set_id"));
        }
        return sets;
      }));
  CHECK(bound == std::vector<std::int64_t>{4});
}

TEST_CASE("a catalog of a version without authority codes is refused until its rows are adopted") {
  const OldDirectory old(8, add_rights_of_schema_8);
  const auto place = data_directory_place(old.data());
  const Error refused = refusal(old.open_in(*place));
  CHECK(refused.code == ErrorCode::untrusted);
  CHECK(refused.message.find("no row has an authority code") != std::string::npos);
  CHECK(refused.hint.find("authority adopt") != std::string::npos);
  CHECK(need(old.open().catalog->coded_rows.list_refused()).empty());
}

TEST_CASE("during an upgrade a catalog without authority codes is used as it is") {
  const OldDirectory old(8, add_rights_of_schema_8);
  const auto place = data_directory_place(old.data());
  place->accept_uncoded_rows(true);
  const Stores stores = need(old.open_in(*place));
  CHECK(need(stores.catalog->identities.find(hash_bearer("ci"))).has_value());
  // A new row has a code already; organization, user, membership, two tokens, agent, deployment,
  // set and binding have none.
  need(stores.catalog->tokens.add(kAdmin, 3, "new", Role::viewer, hash_bearer("new")));
  CHECK(need(stores.catalog->coded_rows.list_refused()).size() == 9);
}

TEST_CASE("only the holder of the directory's lock migrates") {
  const OldDirectory old(6, [](Transaction&) {});
  {
    const auto server = data_directory_place(old.data());
    server->accept_uncoded_rows(true);
    need(server->lock_for_server());
    const auto command = data_directory_place(old.data());
    command->accept_uncoded_rows(true);
    const Error refused = refusal(old.open_in(*command));
    CHECK(refused.code == ErrorCode::conflict);
    CHECK(refused.message.find("has an older schema") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(old.data() + "/catalog.db.schema-6"));
    CHECK(old.open_in(*server));
    CHECK(old.open_in(*command));  // nothing to migrate any more
  }
  CHECK(lock_data_directory(old.data()));
}

}  // namespace agent_secrets::control_plane

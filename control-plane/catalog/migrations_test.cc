// A catalog that an earlier release wrote keeps its data.
#include "control-plane/database/migrations.h"

#include <sys/stat.h>

#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

// A catalog of schema 1 with one organization, a live admin token and a revoked token.
void make_catalog_of_schema_1(const std::string& path) {
  const auto database = need(SqliteDatabase::open(path));
  need(migrate(*database, {catalog_migrations().front()}));
  need(database->write("fill", [](Transaction& tx) -> Result<void> {
    tx.execute("INSERT INTO regions VALUES ('us-west', 'US West')");
    tx.execute("INSERT INTO organizations VALUES (3, 'acme', 'Acme', 'us-west')");
    const auto add = [&](std::int64_t id, std::string_view name, std::string_view role,
                         std::string_view token, std::optional<std::int64_t> revoked_at) {
      tx.execute("INSERT INTO tokens VALUES (?1, 3, ?2, ?3, ?4, 1000, ?5)", id, name, role,
                 hash_bearer(token), revoked_at);
    };
    add(7, "first-admin", "admin", "pcc_pat_live", {});
    add(9, "old", "member", "pcc_pat_old", 2000);
    return {};
  }));
}

}  // namespace

TEST_CASE("the tokens of schema 1 become tokens of their organization") {
  const TemporaryDirectory directory;
  const FakeClock clock;
  const MasterKey key = need(MasterKey::create_file(directory.path("master.key")));
  const std::string data = directory.path("data");
  REQUIRE(::mkdir(data.c_str(), 0700) == 0);
  make_catalog_of_schema_1(data + "/catalog.db");

  const Stores stores = need(open_stores(data, key, clock));
  const auto identity = need(stores.catalog->identities.find(hash_bearer("pcc_pat_live")));
  REQUIRE(identity.has_value());
  CHECK(identity->name == "first-admin");
  REQUIRE(identity->reaches.size() == 1);
  CHECK(identity->reaches[0].organization.name == "acme");
  CHECK(identity->reaches[0].role == Role::admin);
  CHECK_FALSE(need(stores.catalog->identities.find(hash_bearer("pcc_pat_old"))).has_value());

  const auto tokens = need(stores.catalog->tokens.list(3));
  REQUIRE(tokens.size() == 2);
  CHECK((tokens[0].id == 7 && tokens[0].name == "first-admin" && !tokens[0].revoked_at));
  CHECK(tokens[0].created_at == std::chrono::milliseconds(1000));
  CHECK(tokens[1].revoked_at == std::chrono::milliseconds(2000));
  CHECK(std::filesystem::exists(data + "/catalog.db.schema-1"));

  need(stores.catalog->tokens.add(3, "new", Role::member, hash_bearer("pcc_pat_new")));
  CHECK(need(stores.catalog->tokens.list(3)).back().id == 10);  // ids are not reused
  need(stores.catalog->tokens.revoke(3, "first-admin"));
  CHECK_FALSE(need(stores.catalog->identities.find(hash_bearer("pcc_pat_live"))).has_value());
}

}  // namespace agent_secrets::control_plane

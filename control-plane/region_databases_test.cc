#include "control-plane/region_databases.h"

#include "control-plane/keys/key_store.h"
#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

DataOptions options_of(std::vector<std::string> region_databases) {
  DataOptions options;
  options.region_databases = std::move(region_databases);
  return options;
}

// Stores in PostgreSQL, and a second place there for the stores of regions, as if it were on
// another server.
class TwoPlaces : public TestStores {
 public:
  TwoPlaces() : TestStores(TestedDatabase::postgres) {}
  [[nodiscard]] std::unique_ptr<StorePlace> elsewhere() const {
    return need(
        postgres_place({.url = test_postgres_url(), .schema_prefix = schema("elsewhere-")}));
  }
  [[nodiscard]] std::unique_ptr<StorePlace> with_own_database(const std::string& code) const {
    RegionDatabases own;
    own.emplace(code, elsewhere());
    return with_region_databases(place(), std::move(own));
  }
  RegionKeys keys(const std::string& code) {
    return need(KeyStore(*catalog().context.database, master_key).export_region_keys(code));
  }
};

bool has_postgres() { return !test_postgres_url().empty(); }

}  // namespace

TEST_CASE("--region-database takes a region and a URL, and each region once") {
  const auto regions =
      need(region_databases_of(options_of({"eu=postgresql:///one", "us=postgresql:///two"})));
  REQUIRE(regions.size() == 2);
  CHECK(regions.at("eu")->name() == "postgresql:///one");
  CHECK(regions.at("us")->name() == "postgresql:///two");
  for (const char* wrong : {"postgresql:///one", "=postgresql:///one", "EU=postgresql:///one", "",
                            "eu", "eu=nothing at all"}) {
    CAPTURE(wrong);
    CHECK(refusal(region_databases_of(options_of({wrong}))).code == ErrorCode::invalid);
  }
  CHECK(refusal(region_databases_of(options_of({"eu=postgresql:///one", "eu=postgresql:///two"})))
            .message == "--region-database: region eu has two databases");
}

TEST_CASE("no error about a region's database repeats a password") {
  for (const char* wrong : {"eu=postgresql://me:hidden-word@/db", "postgresql://me:hidden-word@/db",
                            "eu=postgresql://me:hidden-word@db.example/db"}) {
    const Error refused = refusal(region_databases_of(options_of({wrong})));
    CHECK(describe("x", refused).find("hidden-word") == std::string::npos);
  }
  DataOptions environment = options_of({"eu=postgresql://me:hidden-word@/db"});
  environment.region_databases_are_of_environment = true;
  CHECK(need(region_databases_of(environment)).at("eu")->name() == "postgresql:///db");
}

TEST_CASE("a region with a database of its own is opened there, and nowhere else from then on") {
  if (!has_postgres()) return;
  TwoPlaces t;
  t.close();
  {
    const Stores opened = need(open_stores(*t.with_own_database("us-west"), t.master_key, t.clock));
    CHECK(opened.regions.size() == 2);
  }
  CHECK(need(t.elsewhere()->has_region("us-west")));
  CHECK_FALSE(need(t.elsewhere()->has_region("eu-central")));
  const Error refused = refusal(open_stores(*t.place(), t.master_key, t.clock));
  CHECK(refused.message.find("region us-west: its store is in another database, postgresql://") ==
        0);
  CHECK(refused.hint.find("--region-database us-west=URL") != std::string::npos);
}

TEST_CASE("a store of another control plane is not opened as a region's own database") {
  if (!has_postgres()) return;
  TwoPlaces theirs;
  theirs.write("bot-secrets", "A", "1");
  theirs.provision();
  TwoPlaces t;
  t.close();
  RegionDatabases own;
  own.emplace("us-west", theirs.place());
  const auto place = with_region_databases(t.place(), std::move(own));
  const Error refused = refusal(open_stores(*place, t.master_key, t.clock));
  CHECK(refused.code == ErrorCode::untrusted);
  CHECK(refused.message.find("has values under the key") != std::string::npos);
}

TEST_CASE(
    "a region's own database that cannot be reached does not stop other regions from opening") {
  if (!has_postgres()) return;
  TwoPlaces t;
  t.close();
  RegionDatabases own;
  own.emplace("us-west", need(postgres_place({.url = "postgresql:///db?host=/nonexistent"})));
  const auto place = with_region_databases(t.place(), std::move(own));
  Stores opened = need(open_stores(*place, t.master_key, t.clock));
  CHECK(opened.regions.size() == 1);
  CHECK(refusal(opened.region("us-west")).message.find("connect postgresql://") !=
        std::string::npos);
  CHECK(opened.region("eu-central"));
  CHECK(refusal(opened.region("mars")).message == "region mars has no store");
}

TEST_CASE("a node opens a region's store with only the region's keys") {
  TestStores t;
  t.write("bot-secrets", "A", "a-value");
  t.provision();
  const auto version = need(t.catalog().sets.find(t.acme, "bot-secrets"));
  RegionKeys keys =
      need(KeyStore(*t.catalog().context.database, t.master_key).export_region_keys("us-west"));
  RegionKeys wrong =
      need(KeyStore(*t.catalog().context.database, t.master_key).export_region_keys("eu-central"));
  t.close();
  RegionHandle joined = need(join_region(*t.place(), std::move(keys)));
  const auto read = need(joined.store->read_set_version(version->id, version->version));
  REQUIRE(read);
  CHECK(texts(*read) == std::map<std::string, std::string>{{"A", "a-value"}});

  wrong.region = "us-west";
  CHECK(refusal(join_region(*t.place(), std::move(wrong))).code == ErrorCode::untrusted);
}

TEST_CASE("a node neither creates nor migrates a store") {
  TestStores t;
  RegionKeys unknown =
      need(KeyStore(*t.catalog().context.database, t.master_key).export_region_keys("mars"));
  t.close();
  CHECK(refusal(join_region(*t.place(), std::move(unknown))).code == ErrorCode::not_found);
  CHECK_FALSE(need(t.place()->has_region("mars")));
}

TEST_CASE("a node refuses a schema of another version, and says what to upgrade") {
  if (!has_postgres()) return;
  TwoPlaces t;
  const auto join = [&t] { return refusal(t.place()->join_region("us-west")); };
  t.edit("region-us-west", "DELETE FROM migrations WHERE version > 1");
  CHECK(join().code == ErrorCode::conflict);
  CHECK(join().hint == "upgrade the servers with the catalog first: they migrate the schema");
  t.edit("region-us-west", "INSERT INTO migrations (version, name) VALUES (99, 'later')");
  CHECK(join().message.find("written by a newer version") != std::string::npos);
}

}  // namespace agent_secrets::control_plane

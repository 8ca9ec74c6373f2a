#pragma once
// Stores for tests: real databases, a clock that stands still, the organization `acme` in us-west
// and eu-central, and us-west's provisioner, which holds its lease.
//
// A test case that makes a TestStores runs once on SQLite, in a temporary data directory, and once
// on PostgreSQL where a server is at hand (database/test_databases.h).

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <SQLiteCpp/Database.h>

#include "control-plane/catalog/catalog.h"
#include "control-plane/database/test_databases.h"
#include "control-plane/model/test_actor.h"
#include "control-plane/provisioning/provisioner.h"
#include "control-plane/replica/lease_keeper.h"
#include "control-plane/stores.h"
#include "control-plane/test_kept_stores.h"
#include "core/log.h"
#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {

template <typename T>
T need(Result<T> result) {
  if (!result) FAIL(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

template <typename T>
Error refusal(Result<T> result) {
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().message.find_first_of("[]") == std::string::npos);
  return std::move(result.error());
}

inline WriteSet one_key(std::string set, std::string key, std::string_view value,
                        bool quiet_period = true) {
  WriteSet write;
  write.name = std::move(set);
  write.quiet_period = quiet_period;
  write.pairs.push_back({.key = std::move(key), .value = SecretBuffer::copy_of(value)});
  return write;
}

inline WriteSet registry(std::string set, std::string_view value = "dXNlcjp0b2s=") {
  WriteSet write = one_key(std::move(set), ".dockercredentials", value, false);
  write.type = SetType::image_pull_secret;
  write.host = "https://registry.example/";
  return write;
}

inline DeployRequest deploy_of(std::string agent, std::string set = "") {
  DeployRequest request;
  request.agent = std::move(agent);
  request.image = "img:1";
  if (!set.empty()) request.secret_set = std::move(set);
  return request;
}

// As the catalog publishes it: with one set and one credential.
inline AgentSnapshot agent_of(std::int64_t id, std::int64_t revision) {
  AgentSnapshot snapshot;
  snapshot.agent_id = id;
  snapshot.revision = revision;
  snapshot.sequence = revision;
  snapshot.organization = "acme";
  snapshot.agent = "bot";
  snapshot.deployment_id = "deployment";
  snapshot.sets.push_back({.organization_id = 1,
                           .set_id = 2,
                           .name = "bot-secrets",
                           .version = 1,
                           .latest_version = 1,
                           .changed_keys = {}});
  snapshot.credentials.push_back({.kid = "kid" + std::to_string(id), .keys = {}});
  return snapshot;
}

inline std::map<std::string, std::string> texts(const ProvisionedVersion& version) {
  std::map<std::string, std::string> values;
  for (const auto& value : version.values) values[value.key] = value.value.expose_text();
  return values;
}

class TestStores {
 public:
  TestStores() : TestStores(GENERATE(from_range(tested_databases()))) {}
  // For what only one database has, such as files.
  explicit TestStores(TestedDatabase database)
      : loan_(database),
        was_kept_(loan_.put_back(directory, postgres)),
        master_key(need(was_kept_ ? MasterKey::load(directory.path("master.key"))
                                  : MasterKey::create_file(directory.path("master.key")))) {
    if (!was_kept_) {
      make(database);
      reopen();  // makes the regions' stores
      close();
      loan_.keep(directory, postgres);
    }
    reopen();
    acme = need(catalog().organizations.find("acme"))->id;
  }

  void close() {
    provisioner.reset();
    lease.reset();
    stores = {};
  }
  void reopen() {
    close();
    stores = need(open());
    lease = std::make_unique<LeaseKeeper>(provisioner_work("us-west"), catalog().leases, clock, log,
                                          LeaseOptions{.scope = LeaseScope::data_directory});
    lease->work_once();
    provisioner = std::make_unique<Provisioner>(
        "us-west", catalog().outbox, region(), [] {}, *lease, clock, log);
  }

  // As another process would open the same stores.
  Result<Stores> open() { return open_stores(*place(), master_key, clock); }
  [[nodiscard]] std::unique_ptr<StorePlace> place() const {
    if (!postgres) return data_directory_place(data());
    return need(postgres_place({.url = test_postgres_url(), .schema_prefix = schema("")}));
  }
  // Changes rows behind the program's back. `database` is "catalog" or "region-us-west".
  void edit(const std::string& database, const std::string& sql) const {
    if (!postgres) {
      SQLite::Database file(data() + "/" + database + ".db", SQLite::OPEN_READWRITE);
      REQUIRE(file.exec(sql) > 0);
      return;
    }
    run_script(need(parse_postgres_url(test_postgres_url(), schema(database), false)), sql);
  }
  // Adds `count` rows at once, where their number is what matters. `insert` selects from numbers,
  // whose column n counts from 1.
  void fill(const std::string& database, std::int64_t count, const std::string& insert) const {
    edit(database,
         "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers"
         " WHERE n < " +
             std::to_string(count) + ") " + insert);
  }
  [[nodiscard]] std::string schema(const std::string& database) const {
    return postgres->schema + "-" + database;
  }

  [[nodiscard]] std::string data() const { return directory.path("data"); }
  Catalog& catalog() { return *stores.catalog; }
  RegionStore& region(const std::string& code = "us-west") {
    return *stores.regions.at(code).store;
  }

  // Of the provisioner's lease, for what it writes.
  [[nodiscard]] LeaseTerm term() const { return *lease->term(); }
  // Takes a lease that is free, as another process would take it.
  LeaseTerm take_lease(std::string_view work, std::string holder = "another") {
    return std::get<LeaseTerm>(need(catalog().leases.take(
        {.work = std::string(work), .holder = std::move(holder), .time = std::chrono::hours(1)})));
  }

  SecretSet write(const std::string& set, const std::string& key, std::string_view value) {
    return need(catalog().sets.write(kAdmin, acme, one_key(set, key, value, false)));
  }
  // Lets every quiet period end, and provisions.
  void provision() {
    clock.advance(std::chrono::seconds(11));
    provisioner->work_once();
  }
  // Advances the clock while the region listens. A region that has listened all the time is the
  // same as one whose last time of listening is moved.
  void listen(std::chrono::milliseconds time) {
    clock.advance(time);
    edit("region-us-west",
         "UPDATE listening SET until = " + std::to_string(clock.unix_time().count()));
    need(region().record_instances({}, clock.unix_time()));
  }
  SecretSet set(const std::string& name) { return *need(catalog().sets.find(acme, name)); }
  Agent agent(const std::string& name) { return *need(catalog().agents.find(acme, name)); }
  // What the region has of a version.
  std::map<std::string, std::string> served(const std::string& set_name, std::int64_t version) {
    auto found = need(region().read_set_version(set(set_name).id, version));
    REQUIRE(found.has_value());
    return texts(*found);
  }
  AgentSnapshot snapshot(std::int64_t agent_id) { return *need(region().find_agent(agent_id)); }

  // In this order: `loan_` fills the two before it, and is given back after the stores are closed.
  TemporaryDirectory directory;
  std::optional<PostgresOptions> postgres;  // absent: SQLite

 private:
  void make(TestedDatabase database) {
    if (database == TestedDatabase::postgres) {
      postgres = new_postgres_schema();
      REQUIRE(postgres);
    }
    const Stores fresh = need(create_stores(*place(), master_key, clock));
    need(fresh.catalog->regions.add(kAdmin, {.code = "us-west", .display_name = "US West"}));
    need(fresh.catalog->regions.add(kAdmin, {.code = "eu-central", .display_name = "EU Central"}));
    need(fresh.catalog->organizations.create(kAdmin, "acme", "Acme", "us-west"));
  }

  KeptStores::Loan loan_;
  bool was_kept_;

 public:
  FakeClock clock;
  MasterKey master_key;
  Log log{"test", LogLevel::error, LogFormat::text};
  Stores stores;
  std::unique_ptr<LeaseKeeper> lease;
  std::unique_ptr<Provisioner> provisioner;
  std::int64_t acme = 0;
};

}  // namespace agent_secrets::control_plane

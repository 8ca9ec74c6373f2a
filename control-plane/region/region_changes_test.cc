#include <atomic>
#include <map>
#include <semaphore>
#include <thread>

#include "control-plane/region/database_region_store.h"
#include "control-plane/test_stores.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

using Ids = std::vector<std::int64_t>;

// Counts statements without parameters, or with one.
class CountingTransaction final : public Transaction {
 public:
  CountingTransaction(Transaction& inner, int& statements)
      : inner_(inner), statements_(statements) {}

 private:
  Answer run_statement(const Sql& sql, std::span<const Value> values) override {
    ++statements_;
    REQUIRE(values.size() <= 1);
    return {.rows = values.empty() ? inner_.query(sql) : inner_.query(sql, values[0])};
  }
  Transaction& inner_;
  int& statements_;
};

class CountingDatabase final : public Database {
 public:
  CountingDatabase(std::unique_ptr<Database> inner, int& statements)
      : inner_(std::move(inner)), statements_(statements) {}
  Result<std::unique_ptr<NoticeListener>> listen(NoticeHandler heard, const Log& log) override {
    return inner_->listen(std::move(heard), log);
  }

 private:
  Result<void> transact(TransactionKind kind, const TransactionBody& body) override {
    REQUIRE(kind == TransactionKind::read);
    return inner_->read("count", [&](Transaction& tx) -> Result<void> {
      CountingTransaction counting(tx, statements_);
      body(counting);
      return {};
    });
  }
  std::unique_ptr<Database> inner_;
  int& statements_;
};

}  // namespace

TEST_CASE("each change of an agent gets the next number, and the agent has that of its last") {
  TestStores t;
  CHECK(need(t.region().changes_since(0)).number == 0);
  need(t.region().put_agent(agent_of(7, 1)));
  need(t.region().put_agent(agent_of(8, 1)));
  need(t.region().put_agent(agent_of(7, 2)));
  CHECK(need(t.region().changes_since(0)).number == 3);
  CHECK(need(t.region().changes_since(0)).agents == Ids{8, 7});
  CHECK(need(t.region().changes_since(2)).agents == Ids{7});
  CHECK(need(t.region().changes_since(3)).agents.empty());
}

TEST_CASE("a snapshot that is stored already, and an older one, are no change") {
  TestStores t;
  need(t.region().put_agent(agent_of(7, 2)));
  need(t.region().put_agent(agent_of(7, 2)));
  need(t.region().put_agent(agent_of(7, 1)));
  CHECK(need(t.region().changes_since(0)).number == 1);
}

TEST_CASE("a snapshot of the same revision with another content is a change") {
  TestStores t;
  need(t.region().put_agent(agent_of(7, 1)));
  AgentSnapshot revoked = agent_of(7, 1);
  revoked.credentials[0].revoked = true;
  need(t.region().put_agent(revoked));
  CHECK(need(t.region().changes_since(1)).agents == Ids{7});
  CHECK(t.snapshot(7).credentials[0].revoked);
}

TEST_CASE("an agent that is deleted after a hundred newer ones is still a change to its watches") {
  TestStores t;
  need(t.region().put_agent(agent_of(1, 1)));
  for (std::int64_t id = 2; id <= limits::kDeletedAgentsKept + 1; ++id) {
    AgentSnapshot deleted = agent_of(id, 1);
    deleted.deleted = true;
    need(t.region().put_agent(deleted));
  }
  const auto before = need(t.region().changes_since(0)).number;
  AgentSnapshot deleted = agent_of(1, 2);
  deleted.deleted = true;
  need(t.region().put_agent(deleted));
  CHECK(need(t.region().changes_since(before)).agents == Ids{1});
}

TEST_CASE("what changed is found by one statement, however much it is") {
  TestStores t;
  for (std::int64_t id = 1; id <= 100; ++id) need(t.region().put_agent(agent_of(id, 1)));
  const auto place = t.place();
  auto catalog = need(place->open_catalog());
  int statements = 0;
  KeyStore keys(*catalog, t.master_key);
  DatabaseRegionStore store(
      std::make_unique<CountingDatabase>(need(place->open_region("us-west")), statements),
      std::make_shared<CipherRing>(need(keys.cipher("region:us-west"))),
      need(keys.authority(authority_purpose("us-west"), UncodedRows::refused)));
  CHECK(need(store.changes_since(0)).agents.size() == 100);
  CHECK(statements == 1);
}

TEST_CASE("a change is told to the other processes at once, where the database has notices") {
  TestStores t;
  const Stores elsewhere = need(t.open());
  RegionStore& theirs = *elsewhere.regions.at("us-west").store;
  std::counting_semaphore<> told(0);
  const auto listener = need(t.region().listen([&] { told.release(); }, t.log));
  const auto sender = need(theirs.listen([] {}, t.log));
  CHECK((listener != nullptr) == t.postgres.has_value());
  if (listener == nullptr) return;
  REQUIRE(told.try_acquire_for(std::chrono::seconds(60)));  // it has connected
  need(theirs.put_agent(agent_of(7, 1)));
  CHECK(told.try_acquire_for(std::chrono::seconds(60)));
}

// Writers through two stores, as in two processes, and a reader that follows them.
TEST_CASE("numbers never go back, and no change is skipped while many write") {
  constexpr std::int64_t kWriters = 8;
  constexpr std::int64_t kRevisions = 25;
  TestStores t;
  const Stores elsewhere = need(t.open());
  const std::array<RegionStore*, 2> stores{&t.region(),
                                           elsewhere.regions.at("us-west").store.get()};
  std::atomic<int> failures = 0;
  std::vector<std::jthread> writers;
  for (std::int64_t agent = 1; agent <= kWriters; ++agent) {
    writers.emplace_back([&, agent] {
      RegionStore& store = *stores.at(static_cast<std::size_t>(agent % 2));
      for (std::int64_t revision = 1; revision <= kRevisions; ++revision) {
        if (!store.put_agent(agent_of(agent, revision))) ++failures;
      }
    });
  }
  std::int64_t seen = 0;
  std::map<std::int64_t, std::int64_t> revisions;  // of the agents that a look has named
  while (seen < kWriters * kRevisions && failures == 0) {
    const auto changes = need(stores[0]->changes_since(seen));
    REQUIRE(changes.number >= seen);
    seen = changes.number;
    std::int64_t changes_read = 0;
    for (const std::int64_t agent : changes.agents) {
      revisions[agent] = need(stores[0]->find_agent(agent))->revision;
    }
    for (const auto& [agent, revision] : revisions) changes_read += revision;
    REQUIRE(changes_read >= seen);  // fewer: a change was not named
  }
  writers.clear();
  CHECK(failures == 0);
  CHECK(need(stores[0]->changes_since(0)).number == kWriters * kRevisions);
  for (const auto& [agent, revision] : revisions) CHECK(revision == kRevisions);
  CHECK(revisions.size() == kWriters);
}

}  // namespace agent_secrets::control_plane

#include "control-plane/instance-api/bundle_audit.h"

#include <atomic>
#include <chrono>
#include <semaphore>
#include <thread>

#include "tests/fakes/forwarding_region_store.h"
#include "tests/fakes/test_region.h"

namespace agent_secrets::control_plane {
namespace {

// Counts the records of each transaction, can hold one up, and can refuse it.
class WatchedStore : public ForwardingRegionStore {
 public:
  using ForwardingRegionStore::ForwardingRegionStore;

  Result<void> append_audit(std::span<const AuditEntry> entries) override {
    sizes.push_back(entries.size());
    records += entries.size();
    begun.release();
    if (holds_up) go_on.acquire();
    if (entries.size() > 1) {
      if (refuses_groups) return fail(*refuses_groups, "refused");
    } else if (entries.front().action == "bad") {
      return fail(ErrorCode::failed, "refused");
    }
    return ForwardingRegionStore::append_audit(entries);
  }

  std::vector<std::size_t> sizes;
  std::atomic<std::size_t> records = 0;
  std::counting_semaphore<> begun{0};
  std::counting_semaphore<> go_on{0};
  std::atomic<bool> holds_up = true;  // read by the thread that writes
  std::optional<ErrorCode> refuses_groups;
};

// Strict audit. The commit of the first record holds up the others, which form one group.
class HeldAudit {
 public:
  void record_together(const std::vector<std::string>& actions) {
    REQUIRE(record("first"));
    std::thread writing([this] {
      while (audit_.write_waiting()) {
      }
    });
    store.begun.acquire();
    for (const std::string& action : actions) CHECK_FALSE(record(action));
    CHECK(answered.empty());
    store.holds_up = false;
    store.go_on.release();
    writing.join();
  }
  bool record(const std::string& action) {
    return audit_.record({.action = action}, [this, action](const Result<void>& written) {
      answered.emplace_back(action, written.has_value());
    });
  }

  TestRegion region;
  WatchedStore store{*region.store};
  std::vector<std::pair<std::string, bool>> answered;  // action, and whether it was written

 private:
  BundleAudit audit_{"us-west", store, BundleAuditMode::strict, region.log};
};

using Sizes = std::vector<std::size_t>;
using Answered = std::vector<std::pair<std::string, bool>>;

}  // namespace

TEST_CASE("records that arrive during a commit share the next one, in their order") {
  HeldAudit t;
  t.record_together({"a", "b", "c"});
  CHECK(t.store.sizes == Sizes{1, 3});
  CHECK(t.answered == Answered{{"first", true}, {"a", true}, {"b", true}, {"c", true}});
  CHECK(t.region.store->audited.size() == 4);
  CHECK(t.record("next"));  // no thread writes any more
}

TEST_CASE("a record that is refused does not refuse the others of its group") {
  HeldAudit t;
  t.store.refuses_groups = ErrorCode::failed;
  t.record_together({"a", "bad", "c"});
  CHECK(t.store.sizes == Sizes{1, 3, 1, 1, 1});
  CHECK(t.answered == Answered{{"first", true}, {"a", true}, {"bad", false}, {"c", true}});
}

TEST_CASE("records are not tried one by one while the store is down or the disk is full") {
  HeldAudit t;
  t.store.refuses_groups = GENERATE(ErrorCode::unavailable, ErrorCode::out_of_space);
  t.record_together({"a", "b"});
  CHECK(t.store.sizes == Sizes{1, 2});
  CHECK(t.answered == Answered{{"first", true}, {"a", false}, {"b", false}});
}

TEST_CASE("a bundle that is handed out is recorded with agent, key id, sequence and instance") {
  const TestRegion region;
  Request request = region.bundle_request();
  request.address = "192.0.2.7";
  REQUIRE(region.api->bundle(request).status == 200);
  REQUIRE(region.store->audited.size() == 1);
  const AuditEntry& entry = region.store->audited.front();
  CHECK(entry.actor_kind == "credential");
  CHECK(entry.actor_id == "ak_one");
  CHECK(entry.actor_name == "bot");
  CHECK(entry.address == "192.0.2.7");
  CHECK(entry.organization == "acme");
  CHECK(entry.action == "bundle.get");
  CHECK(entry.object == "agent bot");
  CHECK(entry.detail == "sequence 5, instance host-1");
  CHECK(entry.outcome == kAuditDone);
}

TEST_CASE("a bundle that is refused is recorded with the status") {
  TestRegion region;
  region.revoke();
  REQUIRE(region.api->bundle(region.bundle_request()).status == 403);
  REQUIRE(region.store->audited.size() == 1);
  CHECK(region.store->audited.front().outcome == kAuditRefused);
  CHECK(region.store->audited.front().detail == "sequence 0, instance host-1, status 403");
}

TEST_CASE("a bundle whose record cannot be written is not sent") {
  const TestRegion region;
  region.store->refuses_audit = true;
  const Response response = region.api->bundle(region.bundle_request());
  CHECK(response.status == 503);
  CHECK(response.content_type == "application/json");
  CHECK(region.store->audited.empty());
}

TEST_CASE("with best effort a bundle is sent at once, and its record is written later") {
  TestRegion region;
  BundleAudit audit("us-west", *region.store, BundleAuditMode::best_effort, region.log);
  region.store->refuses_audit = true;
  audit.record_later({.action = "bundle.get"});
  audit.flush();
  CHECK(region.store->audited.empty());
  region.store->refuses_audit = false;
  audit.record_later({.action = "bundle.get"});
  audit.flush();
  CHECK(region.store->audited.size() == 2);
  CHECK(audit.dropped() == 0);
}

TEST_CASE("with best effort a bounded number of records waits, and further ones are counted") {
  TestRegion region;
  BundleAudit audit("us-west", *region.store, BundleAuditMode::best_effort, region.log);
  region.store->refuses_audit = true;
  for (std::size_t i = 0; i < limits::kAuditPending + 3; ++i) audit.record_later({});
  CHECK(audit.dropped() == 3);
  audit.flush();
  CHECK(audit.dropped() == 3);
  region.store->refuses_audit = false;
  audit.flush();
  CHECK(region.store->audited.size() == limits::kAuditPending);
}

TEST_CASE("with best effort a full group of records is written at once") {
  TestRegion region;
  WatchedStore store(*region.store);
  store.holds_up = false;
  BundleAudit audit("us-west", store, BundleAuditMode::best_effort, region.log);
  constexpr std::size_t kGroups = 20;
  const auto began = std::chrono::steady_clock::now();
  std::jthread thread([&audit](const std::stop_token& stop) { audit.run(stop); });
  for (std::size_t group = 1; group <= kGroups; ++group) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // run() begins to wait
    for (std::size_t i = 0; i < limits::kAuditBatch; ++i) audit.record_later({});
    while (store.records < group * limits::kAuditBatch) std::this_thread::yield();
  }
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(kGroups / 2));
}

TEST_CASE("with best effort a refused group is not tried again at once") {
  TestRegion region;
  WatchedStore store(*region.store);
  store.holds_up = false;
  store.refuses_groups = ErrorCode::unavailable;
  BundleAudit audit("us-west", store, BundleAuditMode::best_effort, region.log);
  for (std::size_t i = 0; i < limits::kAuditBatch; ++i) audit.record_later({});
  const auto began = std::chrono::steady_clock::now();
  std::jthread thread([&audit](const std::stop_token& stop) { audit.run(stop); });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const auto attempts = static_cast<std::int64_t>(store.records) / limits::kAuditBatch;
  CHECK(attempts <= 1 + (std::chrono::steady_clock::now() - began) / std::chrono::seconds(1));
}

}  // namespace agent_secrets::control_plane

#include "control-plane/catalog/leases.h"

#include <mutex>
#include <thread>

#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

struct LeaseStores : TestStores {
  std::variant<LeaseTerm, std::string> take(const std::string& holder, milliseconds time = hours(1),
                                            bool at_once = false) {
    return need(catalog().leases.take(
        {.work = "rollouts", .holder = holder, .time = time, .at_once = at_once}));
  }
  LeaseTerm taken(const std::string& holder, milliseconds time = hours(1), bool at_once = false) {
    const auto outcome = take(holder, time, at_once);
    REQUIRE(std::holds_alternative<LeaseTerm>(outcome));
    return std::get<LeaseTerm>(outcome);
  }
  std::string holder_met_by(const std::string& holder) {
    const auto outcome = take(holder);
    REQUIRE(std::holds_alternative<std::string>(outcome));
    return std::get<std::string>(outcome);
  }
  // What leased work does first in a transaction.
  Result<void> require(const LeaseTerm& term) {
    return catalog().context.database->write(
        "work", [&](Transaction& tx) { return require_lease(tx, term); });
  }
};

TEST_CASE("of ten that take a lease at once, one gets it, and the others learn its name") {
  LeaseStores t;
  std::mutex mutex;
  std::vector<LeaseTerm> terms;
  std::vector<std::string> names;
  {
    std::vector<std::jthread> takers;
    for (int number = 0; number < 10; ++number) {
      takers.emplace_back([&, name = "taker-" + std::to_string(number)] {
        auto outcome =
            t.catalog().leases.take({.work = "rollouts", .holder = name, .time = hours(1)});
        const std::scoped_lock lock(mutex);
        if (!outcome) return;
        if (const auto* term = std::get_if<LeaseTerm>(&*outcome)) terms.push_back(*term);
        if (const auto* other = std::get_if<std::string>(&*outcome)) names.push_back(*other);
      });
    }
  }
  REQUIRE(terms.size() == 1);
  CHECK(names == std::vector<std::string>(9, t.holder_met_by("late")));
  CHECK(t.require(terms.front()).has_value());
}

TEST_CASE("a lease ends by the database's clock, not by a process's") {
  LeaseStores t;
  t.taken("first");
  t.clock.advance(hours(24 * 365));
  CHECK(t.holder_met_by("second") == "first");
  t.clock.jump_to({});
  CHECK(t.holder_met_by("second") == "first");
}

TEST_CASE("a lease that has ended is free, and until somebody takes it its holder may renew it") {
  LeaseStores t;
  const LeaseTerm first = t.taken("first", milliseconds(0));
  CHECK(need(t.catalog().leases.renew(first, milliseconds(0))));
  const LeaseTerm second = t.taken("second");
  CHECK(second.fence > first.fence);
  CHECK_FALSE(need(t.catalog().leases.renew(first, hours(1))));
  CHECK(t.holder_met_by("first") == "second");
}

TEST_CASE("a renewed lease is not free") {
  LeaseStores t;
  const LeaseTerm first = t.taken("first", milliseconds(0));
  CHECK(need(t.catalog().leases.renew(first, hours(1))));
  CHECK(t.holder_met_by("second") == "first");
}

TEST_CASE("a released lease is free at once, and a late release ends no other's lease") {
  LeaseStores t;
  const LeaseTerm first = t.taken("first");
  need(t.catalog().leases.release(first));
  t.taken("second");
  need(t.catalog().leases.release(first));
  CHECK(t.holder_met_by("third") == "second");
}

TEST_CASE("a holder takes its own lease again, with a new term") {
  LeaseStores t;
  const LeaseTerm first = t.taken("first");
  const LeaseTerm again = t.taken("first");
  CHECK(again.fence > first.fence);
  CHECK(refusal(t.require(first)).code == ErrorCode::conflict);
  CHECK(t.require(again).has_value());
}

TEST_CASE("the holder of the data directory's lock takes a lease that another has") {
  LeaseStores t;
  const LeaseTerm first = t.taken("first");
  const LeaseTerm second = t.taken("second", hours(1), true);
  CHECK(second.fence > first.fence);
  CHECK(refusal(t.require(first)).message == "another process has taken over rollouts");
}

TEST_CASE("a catalog that was restored from a backup gives no fence again") {
  LeaseStores t;
  const LeaseTerm before = t.taken("first");
  const SystemClock clock;
  while (clock.unix_time().count() <= before.fence) {
  }
  t.edit("catalog", "DELETE FROM leases WHERE work = 'rollouts'");
  CHECK(t.taken("first").fence > before.fence);
}

TEST_CASE("leases of different work do not touch each other") {
  LeaseStores t;
  t.taken("first");
  const LeaseTerm other = t.take_lease(provisioner_work("eu-central"), "second");
  CHECK(other.work == "provisioner:eu-central");
  CHECK(t.require(other).has_value());
}

TEST_CASE("the catalog refuses every write of a holder whose lease was taken") {
  LeaseStores t;
  const LeaseTerm old = t.term();
  const SecretSet set = t.write("bot-secrets", "A", "1");
  const auto due = need(t.catalog().outbox.next_due("us-west", t.clock.unix_time()));
  REQUIRE(due.version.has_value());
  t.lease->release();
  t.take_lease(provisioner_work("us-west"));
  Outbox& outbox = t.catalog().outbox;
  CHECK(refusal(outbox.mark_ready(*due.version, old)).code == ErrorCode::conflict);
  CHECK(refusal(outbox.mark_failed(*due.version, "late", old)).code == ErrorCode::conflict);
  CHECK(t.set("bot-secrets").status == SetStatus::pending);
}

}  // namespace
}  // namespace agent_secrets::control_plane

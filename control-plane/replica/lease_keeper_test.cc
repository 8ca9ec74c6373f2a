#include "control-plane/replica/lease_keeper.h"

#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Each look at it takes three seconds.
class SlowClock final : public Clock {
 public:
  [[nodiscard]] milliseconds unix_time() const override { return {}; }
  [[nodiscard]] milliseconds monotonic() const override { return now_ += seconds(3); }
  void sleep_for(milliseconds duration) override { now_ += duration; }

 private:
  mutable milliseconds now_{0};
};

struct Keeping : TestStores {
  LeaseOptions options(std::string holder, LeaseScope scope = LeaseScope::several_processes) {
    return {.holder = std::move(holder), .scope = scope, .on_change = [this](milliseconds until) {
              told.push_back(until);
            }};
  }
  std::vector<milliseconds> told;
  LeaseKeeper first{"work", catalog().leases, clock, log, options("first")};
  LeaseKeeper second{"work", catalog().leases, clock, log, options("second")};
};

TEST_CASE("one of two keepers holds the lease, and the other waits for it") {
  Keeping t;
  CHECK(t.first.work_once() == limits::kLeaseRenewal);
  CHECK(t.second.work_once() == limits::kLeaseRetry);
  REQUIRE(t.first.term().has_value());
  CHECK(t.first.holds(*t.first.term()));
  CHECK_FALSE(t.second.term().has_value());
}

TEST_CASE("a clean stop hands the lease over at once") {
  Keeping t;
  {
    LeaseKeeper stopped("work", t.catalog().leases, t.clock, t.log, t.options("stopped"));
    need(stopped.start());
    CHECK(stopped.term().has_value());
    t.first.work_once();
    CHECK_FALSE(t.first.term().has_value());
  }
  t.first.work_once();
  CHECK(t.first.term().has_value());
}

TEST_CASE("a holder without a renewal gives up before the database ends its lease") {
  Keeping t;
  t.first.work_once();
  t.clock.advance(limits::kLeaseTrust - milliseconds(1));
  CHECK(t.first.term().has_value());
  t.clock.advance(milliseconds(1));
  CHECK_FALSE(t.first.term().has_value());
  t.second.work_once();
  CHECK_FALSE(t.second.term().has_value());
  STATIC_REQUIRE(limits::kLeaseTrust + limits::kLeaseGrace < limits::kLeaseTime);
}

TEST_CASE("a renewal keeps the term") {
  Keeping t;
  t.first.work_once();
  const auto term = t.first.term();
  for (int renewal = 0; renewal < 10; ++renewal) {
    t.clock.advance(limits::kLeaseRenewal);
    CHECK(t.first.work_once() == limits::kLeaseRenewal);
  }
  CHECK(t.first.term() == term);
}

TEST_CASE("the trust in a term is counted from before the request was sent") {
  Keeping t;
  const SlowClock clock;
  LeaseKeeper keeper("slow", t.catalog().leases, clock, t.log, t.options("slow"));
  keeper.work_once();
  CHECK(t.told == std::vector<milliseconds>{seconds(3) + limits::kLeaseTrust});
}

TEST_CASE("a renewal whose answer comes after the end of the term does not bring it back") {
  Keeping t;
  const SlowClock clock;
  LeaseKeeper keeper("slow", t.catalog().leases, clock, t.log, t.options("slow"));
  keeper.work_once();  // sent at 3 s, trusted until 11 s
  keeper.work_once();  // sent at 9 s, answered at 12 s
  CHECK(t.told.back() == milliseconds(0));
}

TEST_CASE("a term that has ended never comes back, also to the same holder") {
  Keeping t;
  t.first.work_once();
  const LeaseTerm ended = *t.first.term();
  t.clock.advance(limits::kLeaseTrust);
  t.first.work_once();
  REQUIRE(t.first.term().has_value());
  CHECK(t.first.term()->fence > ended.fence);
  CHECK_FALSE(t.first.holds(ended));
  CHECK(t.told == std::vector<milliseconds>{milliseconds(1'000'000) + limits::kLeaseTrust,
                                            milliseconds(0),
                                            t.clock.monotonic() + limits::kLeaseTrust});
}

TEST_CASE("a holder whose lease was taken learns it at its next renewal") {
  Keeping t;
  t.first.work_once();
  need(t.catalog().leases.take(
      {.work = "work", .holder = "third", .time = hours(1), .at_once = true}));
  CHECK(t.first.work_once() == milliseconds(0));
  CHECK_FALSE(t.first.term().has_value());
  CHECK(t.told.back() == milliseconds(0));
  CHECK(t.first.work_once() == limits::kLeaseRetry);
  CHECK_FALSE(t.first.term().has_value());
}

TEST_CASE("a holder whose term a database has refused takes the lease with a higher fence") {
  Keeping t;
  t.first.work_once();
  const LeaseTerm refused = *t.first.term();
  t.first.give_up(refused);
  CHECK_FALSE(t.first.term().has_value());
  t.first.work_once();
  REQUIRE(t.first.term().has_value());
  CHECK(t.first.term()->fence > refused.fence);
  t.first.give_up(refused);  // not the present term
  CHECK(t.first.term().has_value());
}

TEST_CASE("a start on a data directory takes over at once, and needs no renewal") {
  Keeping t;
  t.first.work_once();
  LeaseKeeper next("work", t.catalog().leases, t.clock, t.log,
                   t.options("next", LeaseScope::data_directory));
  next.work_once();
  REQUIRE(next.term().has_value());
  CHECK(next.term()->fence > t.first.term()->fence);
  t.clock.advance(hours(1000));
  CHECK(next.term().has_value());
}

TEST_CASE("every process has a name of its own among the holders") {
  CHECK(random_holder() != random_holder());
}

}  // namespace
}  // namespace agent_secrets::control_plane

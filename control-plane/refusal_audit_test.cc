#include "control-plane/refusal_audit.h"

#include <vector>

#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"

namespace agent_secrets::control_plane {
namespace {

struct Recorded {
  std::vector<AuditEntry> entries;
  bool down = false;
  FakeClock clock;
  Log log{"test", LogLevel::error, LogFormat::text, -1};
  RefusedCallers refused;
  RefusalAudit audit{refused,
                     [this](std::span<const AuditEntry> some) -> Result<void> {
                       if (down) return fail(ErrorCode::unavailable, "down");
                       entries.insert(entries.end(), some.begin(), some.end());
                       return {};
                     },
                     clock, log};
};

}  // namespace

TEST_CASE("refusals of one address are one record with their number") {
  Recorded t;
  for (int i = 0; i < 3; ++i) t.refused.count("192.0.2.7", 401);
  t.refused.count("192.0.2.7", 403);
  t.refused.count("192.0.2.8", 403);
  t.refused.count("192.0.2.8", 200);
  t.audit.write();
  REQUIRE(t.entries.size() == 2);
  CHECK(t.entries[0].address == "192.0.2.7");
  CHECK(t.entries[0].actor_kind == "unknown");
  CHECK(t.entries[0].action == "request.refuse");
  CHECK(t.entries[0].detail == "unauthorized 3, forbidden 1");
  CHECK(t.entries[0].outcome == kAuditRefused);
  CHECK(t.entries[1].detail == "unauthorized 0, forbidden 1");
  t.audit.write();
  CHECK(t.entries.size() == 2);
}

TEST_CASE("refusals that cannot be written are counted in the next minute") {
  Recorded t;
  t.refused.count("192.0.2.7", 401);
  t.down = true;
  t.audit.write();
  t.refused.count("192.0.2.7", 401);
  t.down = false;
  t.audit.write();
  REQUIRE(t.entries.size() == 1);
  CHECK(t.entries.front().detail == "unauthorized 2, forbidden 0");
}

TEST_CASE("many addresses share the memory of a bounded number") {
  Recorded t;
  for (std::size_t i = 0; i < limits::kAuditRefusals + 10; ++i) {
    t.refused.count("address " + std::to_string(i), 401);
  }
  t.audit.write();
  CHECK(t.entries.size() == limits::kAuditRefusals + 1);
  CHECK(t.entries.back().address == RefusedCallers::kOtherAddresses);
  CHECK(t.entries.back().detail == "unauthorized 10, forbidden 0");
}

}  // namespace agent_secrets::control_plane

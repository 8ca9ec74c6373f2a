#include "control-plane/http/failed_authentications.h"

#include <algorithm>

#include "core/limits.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::seconds;

class Scene {
 public:
  std::optional<seconds> fail(const std::string& address, FailedAuthentication failed = {}) {
    return failures.count(address, failed, now);
  }
  void fail(int times, const std::string& address) {
    for (int i = 0; i < times; ++i) (void)fail(address);
  }
  [[nodiscard]] std::size_t lines() const {
    const std::string text = log.text();
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  [[nodiscard]] bool logged(const std::string& part) const {
    return log.text().find(part) != std::string::npos;
  }

  CapturedLog log;
  FailedAuthentications failures{log.log()};
  FailedAuthentications::Time now = FailedAuthentications::Time() + seconds(1'000);
};

TEST_CASE("an address with too many failures a minute hears 429 until the minute is over") {
  Scene scene;
  for (int i = 0; i < limits::kFailuresPerMinute; ++i) CHECK_FALSE(scene.fail("192.0.2.1"));
  scene.now += seconds(20);
  CHECK(scene.fail("192.0.2.1") == seconds(40));
  CHECK_FALSE(scene.fail("192.0.2.2"));
  scene.now += seconds(40);
  CHECK_FALSE(scene.fail("192.0.2.1"));
}

TEST_CASE("a key id with too many failures hears 429 from every address, if it exists") {
  Scene scene;
  for (int i = 0; i < limits::kFailuresPerMinute; ++i) {
    const std::string address = "192.0.2." + std::to_string(i);
    CHECK_FALSE(scene.fail(address, {.kid = "ak_one", .kid_known = true}));
    CHECK_FALSE(scene.fail(address, {.kid = "ak_invented", .kid_known = false}));
  }
  CHECK(scene.fail("192.0.2.250", {.kid = "ak_one", .kid_known = true}) == seconds(60));
  CHECK_FALSE(scene.fail("192.0.2.251", {.kid = "ak_invented", .kid_known = false}));
}

TEST_CASE("the log names address and key id once, and counts the rest") {
  Scene scene;
  (void)scene.fail("192.0.2.1", {.kid = "ak_one", .kid_known = true});
  CHECK(scene.logged("authentication failed address=192.0.2.1 kid=ak_one"));
  scene.fail(37, "192.0.2.1");
  CHECK(scene.lines() == 1);
  scene.now += seconds(60);
  scene.failures.sweep(scene.now);
  CHECK(scene.logged("address=192.0.2.1 kid=\"\" more=37"));
  CHECK(scene.failures.is_empty());
}

TEST_CASE("a hundred thousand addresses take neither memory nor lines of the log") {
  Scene scene;
  for (int i = 0; i < 100'000; ++i) (void)scene.fail("2001:db8:0:" + std::to_string(i) + "::/64");
  CHECK(scene.failures.tracked() == limits::kFailureEntries);
  CHECK(scene.lines() <= static_cast<std::size_t>(limits::kFailureLines) + 1);
  scene.now += seconds(60);
  scene.failures.sweep(scene.now);
  CHECK(scene.logged("address=others more="));
  CHECK(scene.lines() <= 2 * static_cast<std::size_t>(limits::kFailureLines) + 2);
}

TEST_CASE("a key id that would forge a log line is escaped") {
  Scene scene;
  (void)scene.fail("192.0.2.1", {.kid = "a\nerror forged", .kid_known = false});
  CHECK(scene.lines() == 1);
}

}  // namespace
}  // namespace agent_secrets::control_plane

#include "injector/obtain_bundle.h"

#include <filesystem>

#include "tests/catch.h"
#include "tests/fakes/captured_log.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_region.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

namespace {

struct Scene {
  TemporaryDirectory parent;
  FakeRegion region;
  FakeClock clock{1'700'000'000s};
  CapturedLog captured;
  CachePolicy policy;
  Result<BundleCache> cache = BundleCache::open(parent.path("cache"), region.identity());
  std::optional<std::chrono::milliseconds> patience;  // of the last fetch

  FetchedBundle bundle(std::int64_t sequence) {
    region.facts.sequence = sequence;
    region.facts.issued_at = std::chrono::floor<std::chrono::seconds>(clock.unix_time());
    std::string compact = region.bundle();
    auto verified = verify_bundle(compact, region.identity()).value();
    return {.text = std::move(compact), .verified = std::move(verified)};
  }
  Result<ObtainedBundle> obtain(const std::function<Result<FetchedBundle>()>& fetch_it) {
    const auto fetch_within = [&](std::optional<std::chrono::milliseconds> given) {
      patience = given;
      return fetch_it();
    };
    return obtain_bundle(fetch_within, &cache, policy, clock, captured.log());
  }
  Result<ObtainedBundle> obtain_fetched(std::int64_t sequence) {
    return obtain([&]() -> Result<FetchedBundle> { return bundle(sequence); });
  }
  Result<ObtainedBundle> obtain_failing(ErrorCode code) {
    return obtain([&]() -> Result<FetchedBundle> { return fail(code, "fetch bundle: it failed"); });
  }
};

}  // namespace

TEST_CASE("a fetched bundle is used, and is in the cache for the next outage") {
  Scene scene;
  const auto fetched = scene.obtain_fetched(42);
  REQUIRE(fetched.has_value());
  CHECK_FALSE(fetched->from_cache);
  CHECK(scene.captured.text().empty());

  scene.clock.advance(2h + 5min);
  for (const ErrorCode code :
       {ErrorCode::unreachable, ErrorCode::timed_out, ErrorCode::unavailable}) {
    const auto cached = scene.obtain_failing(code);
    REQUIRE(cached.has_value());
    CHECK(cached->from_cache);
    CHECK(cached->verified.facts.sequence == 42);
  }
  const std::string warning = scene.captured.text();
  CHECK(warning.find("cause=\"fetch bundle: it failed\"") != std::string::npos);
  CHECK(warning.find("age=\"2h 5m\" sequence=42 versions=\"voice=3\"") != std::string::npos);
}

TEST_CASE("a refusal or an attack is never answered from the cache") {
  Scene scene;
  REQUIRE(scene.obtain_fetched(42).has_value());
  for (const ErrorCode code :
       {ErrorCode::untrusted, ErrorCode::unauthorized, ErrorCode::forbidden, ErrorCode::not_found,
        ErrorCode::conflict, ErrorCode::too_large, ErrorCode::failed, ErrorCode::invalid}) {
    const auto obtained = scene.obtain_failing(code);
    REQUIRE_FALSE(obtained.has_value());
    CHECK(obtained.error().code == code);
  }
}

TEST_CASE("a cached bundle that is too old is not used, and the error has both causes") {
  Scene scene;
  REQUIRE(scene.obtain_fetched(42).has_value());
  scene.clock.advance(24h + 1s);
  const auto obtained = scene.obtain_failing(ErrorCode::unreachable);
  REQUIRE_FALSE(obtained.has_value());
  CHECK(obtained.error().message ==
        "fetch bundle: it failed; and the cached bundle is 1d old, and 1d is the most");
}

TEST_CASE("each contact restarts the age of the cached bundle") {
  Scene scene;
  REQUIRE(scene.obtain_fetched(42).has_value());
  scene.clock.advance(20h);
  REQUIRE(scene.obtain_fetched(42).has_value());
  scene.clock.advance(20h);
  CHECK(scene.obtain_failing(ErrorCode::unreachable).has_value());
}

TEST_CASE("a cached bundle from the future is not trusted") {
  Scene scene;
  REQUIRE(scene.obtain_fetched(42).has_value());
  scene.clock.jump_to(scene.clock.unix_time() - 1h);
  const auto obtained = scene.obtain_failing(ErrorCode::unreachable);
  REQUIRE_FALSE(obtained.has_value());
  CHECK(obtained.error().code == ErrorCode::untrusted);
}

TEST_CASE("the error for an empty cache says that it is empty") {
  Scene scene;
  const auto obtained = scene.obtain_failing(ErrorCode::unreachable);
  REQUIRE_FALSE(obtained.has_value());
  CHECK(obtained.error().message == "fetch bundle: it failed; and the cache is empty");
}

TEST_CASE("a roll-back is refused unless the operator accepts it") {
  Scene scene;
  REQUIRE(scene.obtain_fetched(42).has_value());
  const auto rolled_back = scene.obtain_fetched(41);
  REQUIRE_FALSE(rolled_back.has_value());
  CHECK(rolled_back.error().code == ErrorCode::untrusted);
  scene.policy.accepted_sequence = 41;
  CHECK(scene.obtain_fetched(41).has_value());
}

TEST_CASE("with a fetched bundle, a damaged cache is a warning and is not changed") {
  Scene scene;
  REQUIRE(scene.obtain_fetched(42).has_value());
  scene.parent.write("cache/kid-1.bundle", "tampered");
  const auto obtained = scene.obtain_fetched(43);
  REQUIRE(obtained.has_value());
  CHECK_FALSE(obtained->from_cache);
  CHECK(scene.captured.text().find("no memory against roll-back") != std::string::npos);
  CHECK(scene.captured.text().find("hint=\"find out who changed it") != std::string::npos);
  CHECK(scene.parent.read("cache/kid-1.bundle") == "tampered");
}

TEST_CASE("a damaged cache is not used in an outage, and the error has both causes") {
  Scene scene;
  REQUIRE(scene.obtain_fetched(42).has_value());
  scene.parent.write("cache/kid-1.bundle", "tampered");
  const auto obtained = scene.obtain_failing(ErrorCode::unreachable);
  REQUIRE_FALSE(obtained.has_value());
  CHECK(obtained.error().code == ErrorCode::unreachable);
  CHECK(obtained.error().message.starts_with(
      "fetch bundle: it failed; and the cache cannot be used: cache: "));
}

TEST_CASE("with a fetched bundle, a directory that cannot be a cache does not stop the start") {
  Scene scene;
  scene.cache = fail(ErrorCode::untrusted, "cache: DIR: others may write to the directory");
  REQUIRE(scene.obtain_fetched(42).has_value());
  CHECK(scene.captured.text().find("others may write") != std::string::npos);
  CHECK(scene.obtain_failing(ErrorCode::forbidden).error().message == "fetch bundle: it failed");
}

TEST_CASE(
    "a cache that is required and cannot be used stops the start before anything is fetched") {
  Scene scene;
  REQUIRE(scene.obtain_fetched(42).has_value());
  scene.parent.write("cache/kid-1.bundle", "tampered");
  scene.policy.required = true;
  bool fetched = false;
  const auto obtained = scene.obtain([&]() -> Result<FetchedBundle> {
    fetched = true;
    return scene.bundle(43);
  });
  REQUIRE_FALSE(obtained.has_value());
  CHECK(obtained.error().code == ErrorCode::untrusted);
  CHECK_FALSE(fetched);
}

TEST_CASE("a cache that is required and cannot be written stops the start") {
  Scene scene;
  std::filesystem::create_directory(scene.parent.path("cache/.kid-1.bundle.new"));
  REQUIRE(scene.obtain_fetched(42).has_value());
  CHECK(scene.captured.text().find("could not be cached") != std::string::npos);
  scene.policy.required = true;
  CHECK(scene.obtain_fetched(42).error().message.find("remove .kid-1.bundle.new") !=
        std::string::npos);
}

TEST_CASE("only a usable cache limits the wait for the control plane") {
  Scene scene;
  REQUIRE(scene.obtain_fetched(42).has_value());
  CHECK_FALSE(scene.patience.has_value());  // it was empty
  REQUIRE(scene.obtain_fetched(42).has_value());
  CHECK(scene.patience == 2s);
  scene.policy.serve_after = 7s;
  REQUIRE(scene.obtain_failing(ErrorCode::timed_out).has_value());
  CHECK(scene.patience == 7s);
  scene.clock.advance(25h);  // too old to serve
  CHECK_FALSE(scene.obtain_failing(ErrorCode::timed_out).has_value());
  CHECK_FALSE(scene.patience.has_value());
}

TEST_CASE("without a cache there is no fallback") {
  Scene scene;
  const auto obtained = obtain_bundle(
      [](auto) -> Result<FetchedBundle> { return fail(ErrorCode::unreachable, "it failed"); },
      nullptr, scene.policy, scene.clock, scene.captured.log());
  REQUIRE_FALSE(obtained.has_value());
  CHECK(obtained.error().message == "it failed");
}

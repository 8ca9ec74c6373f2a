#include "injector/cache.h"

#include <filesystem>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/limits.h"
#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_region.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

namespace {

struct Scene {
  TemporaryDirectory parent;
  FakeClock clock;
  FakeRegion region;
  std::string directory = parent.path("cache");
  std::string file = directory + "/kid-1.bundle";

  BundleCache open() { return BundleCache::open(directory, region.identity()).value(); }

  FetchedBundle bundle(std::int64_t sequence, std::chrono::seconds issued_at = 1'700'000'000s) {
    region.facts.sequence = sequence;
    region.facts.issued_at = issued_at;
    std::string compact = region.bundle();
    auto verified = verify_bundle(compact, region.identity()).value();
    return {.text = std::move(compact), .verified = std::move(verified)};
  }
  // A directory with one good bundle in it.
  void fill(std::int64_t sequence = 42) {
    REQUIRE(open().keep(bundle(sequence), {}, 500ms, clock).has_value());
  }

  // The file of the agent's memory.
  [[nodiscard]] std::string memory() const {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      if (entry.path().extension() == ".sequence") return entry.path();
    }
    return "there is no memory";
  }
  std::int64_t cached_sequence() { return open().load().value()->verified.facts.sequence; }
  void rewrite(const std::string& content) const {
    parent.write("cache/kid-1.bundle", content);
    REQUIRE(::chmod(file.c_str(), 0600) == 0);
  }

  // Loading and keeping both refuse the file, with these words.
  void refuses_file(const std::string& words) {
    const auto loaded = open().load();
    REQUIRE_FALSE(loaded.has_value());
    CHECK(loaded.error().code == ErrorCode::untrusted);
    INFO(loaded.error().message);
    CHECK(loaded.error().message.find(words) != std::string::npos);
    CHECK_FALSE(loaded.error().hint.empty());
    const auto kept = open().keep(bundle(1000), {}, 500ms, clock);
    REQUIRE_FALSE(kept.has_value());
    CHECK(kept.error().code == ErrorCode::failed);  // of the cache, not of the bundle
  }
  void refuses_directory(const std::string& words) {
    const auto opened = BundleCache::open(directory, region.identity());
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().code == ErrorCode::untrusted);
    CHECK(opened.error().message.find(words) != std::string::npos);
  }
};

struct stat status_of(const std::string& path) {
  struct stat status{};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status;
}

}  // namespace

TEST_CASE("a bundle of an announced key can be used from the cache") {
  Scene scene;
  scene.region.rotate();
  const std::string text = scene.region.announced_bundle();
  auto verified = verify_bundle(text, scene.region.identity()).value();
  const FetchedBundle fetched{.text = text, .verified = std::move(verified)};
  REQUIRE(scene.open().keep(fetched, {}, 500ms, scene.clock).has_value());
  CHECK(scene.open().load().value()->verified.signed_by == "region-2");
  CHECK(scene.open().highest_seen().value() == 42);
}

TEST_CASE("a missing directory is made with mode 0700, and has no bundle") {
  Scene scene;
  CHECK_FALSE(scene.open().load().value().has_value());
  CHECK((status_of(scene.directory).st_mode & 07777) == 0700);
}

TEST_CASE("a kept bundle is loaded byte for byte from a file with mode 0600") {
  Scene scene;
  const FetchedBundle fetched = scene.bundle(42);
  REQUIRE(scene.open().keep(fetched, {}, 500ms, scene.clock).has_value());
  CHECK(scene.open().load().value()->text == fetched.text);
  CHECK(scene.parent.read("cache/kid-1.bundle") == fetched.text);
  CHECK((status_of(scene.file).st_mode & 07777) == 0600);
}

TEST_CASE("the mode does not depend on the umask") {
  Scene scene;
  const BundleCache ready = scene.open();
  const mode_t before = ::umask(0777);
  const auto kept = BundleCache::open(scene.directory, scene.region.identity())
                        ->keep(scene.bundle(1), {}, 500ms, scene.clock);
  ::umask(before);
  REQUIRE(kept.has_value());
  CHECK((status_of(scene.file).st_mode & 07777) == 0600);
}

TEST_CASE("no value is readable in the file") {
  Scene scene;
  scene.fill();
  CHECK(scene.parent.read("cache/kid-1.bundle").find("canary-value") == std::string::npos);
}

TEST_CASE("a higher sequence replaces the bundle, a lower sequence is refused") {
  Scene scene;
  scene.fill(42);
  scene.fill(43);
  CHECK(scene.cached_sequence() == 43);
  const auto kept = scene.open().keep(scene.bundle(42, 1'800'000'000s), {}, 500ms, scene.clock);
  REQUIRE_FALSE(kept.has_value());
  CHECK(kept.error().code == ErrorCode::untrusted);
  CHECK(kept.error().hint.find("--accept-sequence 42") != std::string::npos);
  CHECK(scene.cached_sequence() == 43);
}

TEST_CASE("the same sequence replaces the bundle, so that its age counts from the last contact") {
  Scene scene;
  REQUIRE(scene.open().keep(scene.bundle(42, 2000s), {}, 500ms, scene.clock).has_value());
  REQUIRE(scene.open().keep(scene.bundle(42, 3000s), {}, 500ms, scene.clock).has_value());
  CHECK(scene.open().load().value()->verified.facts.issued_at == 3000s);
}

TEST_CASE("a bundle with an earlier time of issue replaces one that was issued in the future") {
  Scene scene;
  REQUIRE(scene.open().keep(scene.bundle(42, 9'000'000'000s), {}, 500ms, scene.clock).has_value());
  REQUIRE(scene.open().keep(scene.bundle(42, 1'700'000'000s), {}, 500ms, scene.clock).has_value());
  CHECK(scene.open().load().value()->verified.facts.issued_at == 1'700'000'000s);
}

TEST_CASE("a lower sequence that the operator accepts replaces the bundle") {
  Scene scene;
  scene.fill(43);
  CHECK_FALSE(scene.open().keep(scene.bundle(40), 41, 500ms, scene.clock).has_value());
  REQUIRE(scene.open().keep(scene.bundle(41), 41, 500ms, scene.clock).has_value());
  CHECK(scene.cached_sequence() == 41);
}

TEST_CASE("a file with another mode is refused") {
  Scene scene;
  scene.fill();
  REQUIRE(::chmod(scene.file.c_str(), 0644) == 0);
  scene.refuses_file("mode is 0644");
}

TEST_CASE("a file of another user is refused") {
  if (::geteuid() != 0) return;  // only root can give a file away
  Scene scene;
  scene.fill();
  REQUIRE(::chown(scene.file.c_str(), 65534, 65534) == 0);
  scene.refuses_file("belongs to another user");
}

TEST_CASE("a symbolic link to a valid bundle is refused") {
  Scene scene;
  scene.fill();
  const std::string elsewhere = scene.parent.path("elsewhere");
  REQUIRE(::rename(scene.file.c_str(), elsewhere.c_str()) == 0);
  REQUIRE(::symlink(elsewhere.c_str(), scene.file.c_str()) == 0);
  scene.refuses_file("symbolic link");
}

TEST_CASE("a hard link is refused") {
  Scene scene;
  scene.fill();
  REQUIRE(::link(scene.file.c_str(), scene.parent.path("second").c_str()) == 0);
  scene.refuses_file("second name");
}

TEST_CASE("a FIFO or a directory in the file's place is refused without waiting") {
  Scene scene;
  scene.fill();
  REQUIRE(::unlink(scene.file.c_str()) == 0);
  REQUIRE(::mkfifo(scene.file.c_str(), 0600) == 0);
  scene.refuses_file("not a plain file");
  REQUIRE(::unlink(scene.file.c_str()) == 0);
  REQUIRE(::mkdir(scene.file.c_str(), 0700) == 0);
  scene.refuses_file("not a plain file");
}

TEST_CASE("a bundle that is changed, cut, empty, too large or for another agent is refused") {
  Scene scene;
  scene.fill();
  const std::string good = scene.parent.read("cache/kid-1.bundle");

  std::string flipped = good;
  flipped[good.size() / 2] = flipped[good.size() / 2] == 'A' ? 'B' : 'A';
  scene.rewrite(flipped);
  scene.refuses_file("kid-1.bundle");
  scene.rewrite(good.substr(0, good.size() - 1));
  scene.refuses_file("kid-1.bundle");
  scene.rewrite("");
  scene.refuses_file("kid-1.bundle");
  scene.rewrite(std::string(limits::kCachedBundle + 1, 'A'));
  CHECK_FALSE(scene.open().load().has_value());

  FakeRegion another;
  another.facts.agent = "another";
  scene.rewrite(another.bundle());
  scene.refuses_file("another");
}

TEST_CASE("a directory is refused if others may write to it or own it, or if it is a link") {
  Scene scene;
  scene.fill();
  REQUIRE(::chmod(scene.directory.c_str(), 0770) == 0);
  scene.refuses_directory("mode 0770");
  REQUIRE(::chmod(scene.directory.c_str(), 01777) == 0);
  scene.refuses_directory("mode 1777");
  REQUIRE(::chmod(scene.directory.c_str(), 0700) == 0);
  if (::geteuid() == 0) {
    REQUIRE(::chown(scene.directory.c_str(), 65534, 65534) == 0);
    scene.refuses_directory("another user");
    REQUIRE(::chown(scene.directory.c_str(), 0, 0) == 0);
  }
  const std::string link = scene.parent.path("link");
  REQUIRE(::symlink(scene.directory.c_str(), link.c_str()) == 0);
  scene.directory = link;
  scene.refuses_directory("symbolic link");
}

TEST_CASE("the temporary file of a killed writer does not stop the next writer") {
  Scene scene;
  scene.fill(1);
  REQUIRE(::symlink("/dev/null", (scene.directory + "/.kid-1.bundle.new").c_str()) == 0);
  scene.fill(2);
  CHECK(scene.cached_sequence() == 2);
}

TEST_CASE("each credential has a file of its own") {
  Scene scene;
  scene.fill();
  CredentialIdentity other = scene.region.identity();
  other.kid = "kid-2";
  CHECK_FALSE(BundleCache::open(scene.directory, other)->load().value().has_value());
}

TEST_CASE("the highest sequence is remembered for all credentials of an agent") {
  Scene scene;
  scene.fill(11);
  scene.region.kid = "kid-9";
  scene.region.facts.recipient = "kid-9";
  CHECK_FALSE(scene.open().load().value().has_value());
  const auto older = scene.open().keep(scene.bundle(3), {}, 500ms, scene.clock);
  REQUIRE_FALSE(older.has_value());
  CHECK(older.error().code == ErrorCode::untrusted);
  CHECK(older.error().message.find("(sequence 3, seen 11)") != std::string::npos);
  REQUIRE(scene.open().keep(scene.bundle(11), {}, 500ms, scene.clock).has_value());
  REQUIRE(scene.open().keep(scene.bundle(12), {}, 500ms, scene.clock).has_value());
  CHECK(scene.open().highest_seen().value() == 12);
}

TEST_CASE("a lower sequence that the operator accepts becomes the highest sequence") {
  Scene scene;
  scene.fill(11);
  REQUIRE(scene.open().keep(scene.bundle(3), 3, 500ms, scene.clock).has_value());
  CHECK(scene.open().highest_seen().value() == 3);
}

TEST_CASE("agents that share a directory have separate memories") {
  Scene scene;
  scene.fill(11);
  FakeRegion other;
  other.kid = "kid-2";
  other.agent = other.facts.agent = "another";
  other.facts.recipient = "kid-2";
  other.facts.sequence = 3;
  const std::string compact = other.bundle();
  CredentialIdentity identity = other.identity();
  const FetchedBundle fetched{.text = compact,
                              .verified = verify_bundle(compact, identity).value()};
  auto cache = BundleCache::open(scene.directory, identity).value();
  CHECK(cache.keep(fetched, {}, 500ms, scene.clock).has_value());
  CHECK(cache.highest_seen().value() == 3);
}

TEST_CASE("without a memory file, the bundles of all credentials are the memory") {
  Scene scene;
  scene.fill(11);
  REQUIRE(::unlink(scene.memory().c_str()) == 0);
  scene.region.kid = "kid-9";
  scene.region.facts.recipient = "kid-9";
  CHECK(scene.open().highest_seen().value() == 11);
  const auto older = scene.open().keep(scene.bundle(3), {}, 500ms, scene.clock);
  REQUIRE_FALSE(older.has_value());
  CHECK(older.error().code == ErrorCode::untrusted);
}

TEST_CASE("a memory file that is damaged, another agent's or accessible to others is an error") {
  Scene scene;
  scene.fill(11);
  const std::string name = "cache/" + scene.memory().substr(scene.directory.size() + 1);
  for (const char* content : {"", "11", "eleven acme/bot\n", "11 acme/other\n", "-1 acme/bot\n",
                              "99999999999999999999 acme/bot\n"}) {
    scene.parent.write(name, content);
    REQUIRE(::chmod(scene.memory().c_str(), 0600) == 0);
    const auto kept = scene.open().keep(scene.bundle(12), {}, 500ms, scene.clock);
    REQUIRE_FALSE(kept.has_value());
    CHECK(kept.error().code == ErrorCode::failed);
    CHECK(kept.error().message.find("does not hold this agent's sequence") != std::string::npos);
  }
  REQUIRE(::chmod(scene.memory().c_str(), 0660) == 0);
  CHECK(scene.open().highest_seen().error().message.find("mode is 0660") != std::string::npos);
}

TEST_CASE("after a crash between memory and bundle, the next start can write the bundle") {
  Scene scene;
  scene.fill(11);
  REQUIRE(::mkdir((scene.directory + "/.kid-1.bundle.new").c_str(), 0700) == 0);
  CHECK_FALSE(scene.open().keep(scene.bundle(12), {}, 500ms, scene.clock).has_value());
  REQUIRE(::rmdir((scene.directory + "/.kid-1.bundle.new").c_str()) == 0);
  CHECK(scene.cached_sequence() == 11);
  CHECK(scene.open().highest_seen().value() == 12);
  CHECK_FALSE(scene.open().keep(scene.bundle(11), {}, 500ms, scene.clock).has_value());
  scene.fill(12);
  CHECK(scene.cached_sequence() == 12);
}

TEST_CASE("keep() compares with a bundle that another start has written since load()") {
  Scene scene;
  scene.fill(42);
  BundleCache cache = scene.open();
  REQUIRE(cache.load().value()->verified.facts.sequence == 42);
  scene.fill(50);
  const auto kept = cache.keep(scene.bundle(45), {}, 500ms, scene.clock);
  REQUIRE_FALSE(kept.has_value());
  CHECK(kept.error().code == ErrorCode::untrusted);
  CHECK(scene.cached_sequence() == 50);
}

TEST_CASE("keep() fails if the file has been damaged since load()") {
  Scene scene;
  scene.fill(42);
  BundleCache cache = scene.open();
  REQUIRE(cache.load().has_value());
  scene.rewrite("not a bundle");
  const auto kept = cache.keep(scene.bundle(43), {}, 500ms, scene.clock);
  REQUIRE_FALSE(kept.has_value());
  CHECK(kept.error().code == ErrorCode::failed);
}

TEST_CASE("keep() writes a file that has been removed since load()") {
  Scene scene;
  scene.fill(42);
  BundleCache cache = scene.open();
  REQUIRE(cache.load().has_value());
  REQUIRE(::unlink(scene.file.c_str()) == 0);
  REQUIRE(cache.keep(scene.bundle(43), {}, 500ms, scene.clock).has_value());
  CHECK(scene.cached_sequence() == 43);
}

TEST_CASE("without the lock keep() checks against roll-back, and does not write") {
  Scene scene;
  scene.fill(42);
  const UniqueFd holder(::open(scene.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(::flock(holder.get(), LOCK_EX) == 0);
  const auto higher = scene.open().keep(scene.bundle(43), {}, 500ms, scene.clock);
  REQUIRE_FALSE(higher.has_value());
  CHECK(higher.error().code == ErrorCode::failed);
  const auto lower = scene.open().keep(scene.bundle(41), {}, 500ms, scene.clock);
  REQUIRE_FALSE(lower.has_value());
  CHECK(lower.error().code == ErrorCode::untrusted);
}

TEST_CASE("a cached bundle is refused if it is too old or issued in the future") {
  BundleFacts facts;
  facts.issued_at = 1000s;
  CHECK(age_of(facts, 1060s, 60s) == 60s);
  CHECK(age_of(facts, 1061s, 60s).error().code == ErrorCode::timed_out);
  CHECK(age_of(facts, 700s, 60s) == 0s);  // within the clock skew
  CHECK(age_of(facts, 699s, 60s).error().code == ErrorCode::untrusted);
}

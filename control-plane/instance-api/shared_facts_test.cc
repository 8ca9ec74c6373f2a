#include "control-plane/instance-api/shared_facts.h"

#include <latch>
#include <thread>
#include <vector>

#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

constexpr SharedFacts::Subject kSubject{7, 5};

AgentFacts at_revision(std::int64_t revision) {
  AgentFacts facts;
  facts.snapshot.emplace();
  facts.snapshot->revision = revision;
  return facts;
}

// Counts its reads.
struct Reader {
  int reads = 0;
  std::function<Result<AgentFacts>()> read = [this]() -> Result<AgentFacts> {
    return at_revision(++reads);
  };
};

TEST_CASE("facts are read once for each generation and sequence") {
  SharedFacts shared;
  Reader reader;
  CHECK((*shared.find(kSubject, 1, reader.read))->snapshot->revision == 1);
  CHECK((*shared.find(kSubject, 1, reader.read))->snapshot->revision == 1);
  CHECK((*shared.find(kSubject, 2, reader.read))->snapshot->revision == 2);
  CHECK((*shared.find({7, 6}, 2, reader.read))->snapshot->revision == 3);
}

TEST_CASE("a watch that was woken by an older change gets the newer facts") {
  SharedFacts shared;
  Reader reader;
  REQUIRE(shared.find(kSubject, 2, reader.read));
  CHECK((*shared.find(kSubject, 1, reader.read))->snapshot->revision == 1);
  CHECK(reader.reads == 1);
}

TEST_CASE("facts are at hand once they have been read, and not while they are") {
  SharedFacts shared;
  CHECK(shared.find_kept(kSubject, 1) == nullptr);
  bool at_hand_while_read = true;
  REQUIRE(shared.find(kSubject, 1, [&]() -> Result<AgentFacts> {
    std::jthread([&] { at_hand_while_read = shared.find_kept(kSubject, 1) != nullptr; }).join();
    return at_revision(1);
  }));
  CHECK_FALSE(at_hand_while_read);
  REQUIRE(shared.find_kept(kSubject, 1) != nullptr);
  CHECK(shared.find_kept(kSubject, 1)->snapshot->revision == 1);
  CHECK(shared.find_kept(kSubject, 2) == nullptr);
}

TEST_CASE("after a read that failed the next call reads again") {
  SharedFacts shared;
  Reader reader;
  const auto failed = shared.find(kSubject, 1, []() -> Result<AgentFacts> {
    return fail(ErrorCode::unavailable, "the database is down");
  });
  CHECK_FALSE(failed);
  CHECK(shared.find(kSubject, 1, reader.read));
}

TEST_CASE("watches that are woken together share one read") {
  constexpr int kWatches = 8;
  SharedFacts shared;
  Reader reader;  // not safe for two threads, so only one watch may read
  std::latch together(kWatches);
  std::vector<std::jthread> watches;
  for (int i = 0; i < kWatches; ++i) {
    watches.emplace_back([&] {
      together.arrive_and_wait();
      (void)shared.find(kSubject, 1, reader.read);
    });
  }
  watches.clear();
  CHECK(reader.reads == 1);
}

TEST_CASE("the number of kept agents and sequences is bounded") {
  SharedFacts shared;
  Reader reader;
  for (std::size_t i = 0; i <= SharedFacts::kEntriesMax; ++i) {
    REQUIRE(shared.find({static_cast<std::int64_t>(i), 1}, 1, reader.read));
  }
  const int before = reader.reads;
  REQUIRE(shared.find({0, 1}, 1, reader.read));
  CHECK(reader.reads == before + 1);
}

}  // namespace
}  // namespace agent_secrets::control_plane

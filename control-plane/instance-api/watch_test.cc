#include "control-plane/instance-api/watch.h"

#include "core/limits.h"
#include "tests/fakes/test_region.h"

namespace agent_secrets::control_plane {
namespace {

// A parked watch, as the server keeps it.
struct Parked {
  explicit Parked(const Wait& wait)
      : at_most(wait.at_most), cancel(wait.subscribe([this] { ++wakes; })) {}
  ~Parked() { cancel(); }
  Parked(const Parked&) = delete;
  Parked& operator=(const Parked&) = delete;

  int wakes = 0;
  std::chrono::milliseconds at_most;
  std::function<void()> cancel;
};

Wait parked(const TestRegion& region, const Request& request) {
  auto outcome = region.api->watch(request);
  REQUIRE(std::holds_alternative<Wait>(outcome));
  return std::get<Wait>(std::move(outcome));
}

std::string current_tag(const TestRegion& region) { return header_of(region.watch(), "ETag"); }

TEST_CASE("an instance that runs what is deployed is current") {
  const TestRegion region;
  const Response response = region.watch();
  CHECK(response.status == 200);
  CHECK(response.body == R"({"state":"current","organization":"acme","agent":"bot","sequence":5,)"
                         R"("running":{"sequence":5,"deployment":"deployment-1",)"
                         R"("sets":[{"name":"bot-secrets","version":2}]},)"
                         R"("latest":{"sequence":5,"deployment":"deployment-1",)"
                         R"("sets":[{"name":"bot-secrets","version":2,"changed_keys":[]}]}})");
}

TEST_CASE("a newer ready version makes its instances stale and names the changed keys") {
  TestRegion region;
  region.turn_ready(3, {"GREETING"});
  const Response response = region.watch();
  CHECK(member(response, "state") == "stale");
  CHECK(member(response, "latest") ==
        R"({"sequence":5,"deployment":"deployment-1",)"
        R"("sets":[{"name":"bot-secrets","version":3,"changed_keys":["GREETING"]}]})");
}

TEST_CASE("a newer deployment supersedes the instances of an older one") {
  TestRegion region;
  region.deploy("deployment-2", {TestRegion::pinned(kSetId, "bot-secrets", 3)});
  const Response response = region.watch();
  CHECK(member(response, "state") == "superseded");
  CHECK(member(response, "running") == R"({"sequence":5,"deployment":"deployment-1",)"
                                       R"("sets":[{"name":"bot-secrets","version":2}]})");
}

TEST_CASE(
    "a raised sequence of the same deployment does not supersede, but a newer version is stale") {
  TestRegion region;
  region.deploy("deployment-1", {TestRegion::pinned(kSetId, "bot-secrets", 3)});
  CHECK(member(region.watch(), "state") == "stale");
}

TEST_CASE("a release so old that it is forgotten is superseded") {
  TestRegion region;
  region.deploy("deployment-2", {});
  region.store->forget_releases();
  CHECK(member(region.watch(), "state") == "superseded");
  CHECK(member(region.watch(), "running") == "null");
}

TEST_CASE("an instance that runs nothing yet is not superseded") {
  TestRegion region;
  region.running_sequence = 0;
  CHECK(member(region.watch(), "state") == "current");
  CHECK(member(region.watch(), "running") == "null");
}

TEST_CASE("without a deployment, or once deleted, an agent is unbound") {
  TestRegion region;
  region.deploy("", {});
  CHECK(member(region.watch(), "state") == "unbound");
  region.delete_agent();
  CHECK(member(region.watch(), "state") == "unbound");
  CHECK(member(region.watch(), "latest") == "null");
}

TEST_CASE("a revoked credential learns that, and no version") {
  TestRegion region;
  region.revoke();
  const Response response = region.watch();
  CHECK(response.status == 200);
  CHECK(response.body == R"({"state":"revoked","organization":"acme","agent":"bot",)"
                         R"("sequence":0,"running":null,"latest":null})");
}

TEST_CASE("a revoked credential that knows it is refused, and neither waits nor reports") {
  TestRegion region;
  region.revoke();
  const std::string tag = current_tag(region);
  const auto outcome = region.api->watch(region.watch_request(tag, "wait=50"));
  REQUIRE(std::holds_alternative<Response>(outcome));
  CHECK(std::get<Response>(outcome).status == 403);
  CHECK(member(std::get<Response>(outcome), "code") == "revoked");
}

TEST_CASE("a watch that is parked when its credential is revoked is answered at the wake") {
  TestRegion region;
  Request request = region.watch_request(current_tag(region), "wait=50");
  const Wait wait = parked(region, request);
  const Parked watch(wait);
  region.revoke();
  CHECK(watch.wakes == 1);
  request.waited = std::chrono::seconds(2);
  const auto outcome = wait.again(request);
  REQUIRE(std::holds_alternative<Response>(outcome));
  CHECK(member(std::get<Response>(outcome), "state") == "revoked");
}

TEST_CASE("a watch that is parked when its credential expires learns that when it is woken") {
  TestRegion region;
  region.snapshot.credentials.at(0).expires_at = region.clock.unix_time() + std::chrono::seconds(5);
  region.publish();
  Request request = region.watch_request(current_tag(region), "wait=50");
  const Wait wait = parked(region, request);
  const Parked watch(wait);
  region.clock.advance(std::chrono::seconds(5));
  region.publish();
  request.waited = std::chrono::seconds(5);
  const auto outcome = wait.again(request);
  REQUIRE(std::holds_alternative<Response>(outcome));
  CHECK(member(std::get<Response>(outcome), "state") == "revoked");
}

TEST_CASE("a watch with a revoked credential shares no answer with the others of its agent") {
  TestRegion region;
  const auto other = agent_credential("ak_two", 0xb2, region.signing_keys->active.public_key());
  region.snapshot.credentials.push_back(record_of(other, true));
  region.publish();
  Request woken = region.watch_request("", "wait=50");
  woken.waited = std::chrono::milliseconds(1);
  CHECK(member(std::get<Response>(region.api->watch(woken)), "state") == "current");
  woken.headers["authorization"] = make_request_proof(region.claims("/instance/v1/watch"),
                                                      other.identity.kid, other.signing_key);
  CHECK(member(std::get<Response>(region.api->watch(woken)), "state") == "revoked");
}

TEST_CASE("a newer version with the same values makes nobody stale") {
  TestRegion region;
  region.turn_ready(3, {"GREETING"});
  CHECK(member(region.watch(), "state") == "stale");
  region.turn_ready(4, {});
  CHECK(member(region.watch(), "state") == "current");
}

TEST_CASE("changed keys are those between what the instance runs and the newest") {
  TestRegion region;
  region.turn_ready(3, {"GREETING"});
  region.put_version(kSetId, 4, {{"GREETING", TestRegion::kNewValue}});
  region.snapshot.sets.at(0).version = 4;  // an agent that follows the newest: its pin moves along
  region.snapshot.sets.at(0).latest_version = 4;
  ++region.snapshot.sequence;
  region.publish();
  CHECK(member(region.watch(), "state") == "stale");
  CHECK(member(region.watch(), "latest").find(R"("changed_keys":["GREETING","KEY"])") !=
        std::string::npos);
}

TEST_CASE("no watch answer ever holds a value, or reads one") {
  TestRegion region;
  region.put_version(kSetId, 3, {{"GREETING", TestRegion::kNewValue}});
  region.turn_ready(3, {"GREETING"});
  CHECK(region.watch().body.find("canary") == std::string::npos);
  region.deploy("deployment-2", {TestRegion::pinned(kSetId, "bot-secrets", 3)});
  CHECK(region.watch().body.find("canary") == std::string::npos);
  CHECK(region.store->version_reads == 0);
}

TEST_CASE("the ETag is a strong one and covers the changed keys") {
  TestRegion region;
  region.turn_ready(3, {"GREETING"});
  const std::string tag = current_tag(region);
  CHECK(tag.size() == 34);
  CHECK(tag.front() == '"');
  region.turn_ready(3, {"GREETING", "KEY"});
  CHECK(current_tag(region) != tag);
}

TEST_CASE("an answer that the client has is 304 at once when it does not want to wait") {
  const TestRegion region;
  const Response response = region.watch(current_tag(region));
  CHECK(response.status == 304);
  CHECK(response.body.empty());
  CHECK(header_of(response, "ETag") == current_tag(region));
}

TEST_CASE("an answer that the client does not have is 200 at once however long it would wait") {
  TestRegion region;
  const std::string tag = current_tag(region);
  region.turn_ready(3, {"GREETING"});
  const auto outcome = region.api->watch(region.watch_request(tag, "wait=50"));
  REQUIRE(std::holds_alternative<Response>(outcome));
  CHECK(std::get<Response>(outcome).status == 200);
  CHECK(header_of(std::get<Response>(outcome), "Preference-Applied") == "wait=50");
}

TEST_CASE("a watch is parked for as long as it prefers, at most the limit") {
  const TestRegion region;
  const std::string tag = current_tag(region);
  CHECK(parked(region, region.watch_request(tag, "wait=10")).at_most == std::chrono::seconds(10));
  CHECK(parked(region, region.watch_request(tag, "wait=999")).at_most == limits::kWatchWaitMax);
  Request request = region.watch_request(tag, "wait=10");
  request.waited = std::chrono::seconds(4);
  CHECK(parked(region, request).at_most == std::chrono::seconds(6));
}

TEST_CASE("after the wait, an unchanged answer is 304") {
  const TestRegion region;
  Request request = region.watch_request(current_tag(region), "wait=10");
  request.waited = std::chrono::seconds(10);
  const auto outcome = region.api->watch(request);
  REQUIRE(std::holds_alternative<Response>(outcome));
  CHECK(std::get<Response>(outcome).status == 304);
  CHECK(header_of(std::get<Response>(outcome), "Preference-Applied") == "wait=10");
}

TEST_CASE("a parked watch wakes when its agent changes, and then answers") {
  TestRegion region;
  Request request = region.watch_request(current_tag(region), "wait=50");
  const Parked watch(parked(region, request));
  CHECK(watch.wakes == 0);
  region.turn_ready(3, {"GREETING"});
  CHECK(watch.wakes == 1);
  request.waited = std::chrono::seconds(2);
  const auto outcome = region.api->watch(request);
  REQUIRE(std::holds_alternative<Response>(outcome));
  CHECK(member(std::get<Response>(outcome), "state") == "stale");
}

TEST_CASE("a parked watch is answered as unchanged when the server stops") {
  TestRegion region;
  Request request = region.watch_request(current_tag(region), "wait=50");
  const Parked watch(parked(region, request));
  request.waited = std::chrono::seconds(2);
  request.must_answer = true;
  const auto outcome = region.api->watch(request);
  REQUIRE(std::holds_alternative<Response>(outcome));
  CHECK(std::get<Response>(outcome).status == 304);
}

TEST_CASE("a change of another agent wakes nobody here") {
  TestRegion region;
  const Parked watch(parked(region, region.watch_request(current_tag(region), "wait=50")));
  region.hub.notify(kAgentId + 1);
  CHECK(watch.wakes == 0);
}

TEST_CASE("a wake without a change of the answer parks again") {
  TestRegion region;
  const Request request = region.watch_request(current_tag(region), "wait=50");
  const Parked watch(parked(region, request));
  region.publish();
  CHECK(watch.wakes == 1);
  CHECK(parked(region, request).at_most == std::chrono::seconds(50));
}

TEST_CASE("a change between reading the store and subscribing is not slept through") {
  TestRegion region;
  const Wait wait = parked(region, region.watch_request(current_tag(region), "wait=50"));
  region.turn_ready(3, {"GREETING"});
  const Parked watch(wait);
  CHECK(watch.wakes == 1);
}

TEST_CASE("a revocation after the credential was looked up is still seen") {
  TestRegion region;
  region.store->before_agent_read = [&region] {
    region.store->before_agent_read = nullptr;
    region.revoke();
  };
  CHECK(member(region.watch(), "state") == "revoked");
}

TEST_CASE("a store that fails after authentication is 503") {
  TestRegion region;
  region.store->before_agent_read = [&region] { region.store->down = true; };
  CHECK(region.watch().status == 503);
}

TEST_CASE("Prefer is read among other preferences, and nonsense is no preference") {
  CHECK(preferred_wait("respond-async, wait=10") == std::chrono::seconds(10));
  CHECK(preferred_wait("wait=7; foo=bar") == std::chrono::seconds(7));
  CHECK(preferred_wait("") == std::nullopt);
  CHECK(preferred_wait("wait=-1") == std::nullopt);
  CHECK(preferred_wait("wait=99999999999") == std::nullopt);
  CHECK(preferred_wait("waiting=5") == std::nullopt);
}

TEST_CASE("If-None-Match is a list, weak tags and * included") {
  CHECK(names_entity_tag("\"a\", \"b\"", "\"b\""));
  CHECK(names_entity_tag("W/\"b\"", "\"b\""));
  CHECK(names_entity_tag("*", "\"b\""));
  CHECK_FALSE(names_entity_tag("\"a\"", "\"b\""));
  CHECK_FALSE(names_entity_tag("", "\"b\""));
}

TEST_CASE("a watch keeps its region while it is parked") {
  TestRegion region;
  auto alive = std::make_shared<int>();
  const std::weak_ptr<int> watched = alive;
  region.regions.front().alive = std::move(alive);
  {
    const Parked watch(parked(region, region.watch_request(current_tag(region), "wait=50")));
    region.regions.front().alive = nullptr;  // removed
    CHECK_FALSE(watched.expired());
  }
  CHECK(watched.expired());
}

TEST_CASE("the watches that a change wakes share one read of the store") {
  TestRegion region;
  int reads = 0;
  region.store->before_agent_read = [&reads] { ++reads; };
  Request woken = region.watch_request("", "wait=50");
  woken.waited = std::chrono::milliseconds(1);
  for (int expected = 1; expected <= 2; ++expected) {
    for (int watch = 0; watch < 3; ++watch) {
      CHECK(std::get<Response>(region.api->watch(woken)).status == 200);
    }
    CHECK(reads == expected);
    region.publish();
  }
}

TEST_CASE("a woken watch has the answer at hand that another watch has read") {
  TestRegion region;
  Request request = region.watch_request(current_tag(region), "wait=50");
  const Wait wait = parked(region, request);
  request.waited = std::chrono::milliseconds(1);
  CHECK_FALSE(wait.at_hand(request));  // unchanged
  region.turn_ready(3, {"GREETING"});
  CHECK_FALSE(wait.at_hand(request));  // not read yet
  const auto read = std::get<Response>(region.api->watch(request));
  CHECK(member(read, "state") == "stale");
  region.store->before_agent_read = [] { FAIL("the store is read again"); };
  const auto at_hand = wait.at_hand(request);
  REQUIRE(at_hand);
  CHECK(at_hand->status == read.status);
  CHECK(at_hand->body == read.body);
  CHECK(at_hand->headers == read.headers);
  request.waited = std::chrono::seconds(50);
  CHECK_FALSE(wait.at_hand(request));  // its wait has ended
}

TEST_CASE("a watch whose credential was revoked meanwhile has no answer of others at hand") {
  TestRegion region;
  Request request = region.watch_request(current_tag(region), "wait=50");
  const Wait wait = parked(region, request);
  request.waited = std::chrono::milliseconds(1);
  region.revoke();
  REQUIRE(std::get<Response>(region.api->watch(request)).status == 200);
  CHECK_FALSE(wait.at_hand(request));
}

TEST_CASE("a watch whose wait has ended reads the store itself: it is not woken again") {
  TestRegion region;
  int reads = 0;
  region.store->before_agent_read = [&reads] { ++reads; };
  Request ended = region.watch_request("", "wait=50");
  ended.waited = std::chrono::seconds(50);
  for (int watch = 0; watch < 2; ++watch) (void)region.api->watch(ended);
  CHECK(reads == 2);
}

TEST_CASE("a watch request that has just arrived is answered from the store") {
  TestRegion region;
  int reads = 0;
  region.store->before_agent_read = [&reads] { ++reads; };
  (void)region.watch();
  (void)region.watch();
  CHECK(reads == 2);
}

TEST_CASE("watch requests that know the present answer share one read of the store, and wait") {
  TestRegion region;
  const std::string tag = current_tag(region);
  int reads = 0;
  region.store->before_agent_read = [&reads] { ++reads; };
  for (int watch = 0; watch < 3; ++watch) {
    (void)parked(region, region.watch_request(tag, "wait=50"));
  }
  CHECK(reads == 1);
}

TEST_CASE("a watch request that knows a change from another server gets no older answer") {
  TestRegion region;
  const std::string before = current_tag(region);
  (void)parked(region, region.watch_request(before, "wait=50"));  // shared facts from before
  region.snapshot.sets.at(0).latest_version = 3;
  region.write_snapshot();
  const std::string after = current_tag(region);
  CHECK(after != before);
  (void)parked(region, region.watch_request(after, "wait=50"));
}

}  // namespace
}  // namespace agent_secrets::control_plane

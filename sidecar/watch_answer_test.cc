#include "sidecar/watch_answer.h"

#include <string>

#include <boost/json.hpp>

#include "sidecar/test_watch.h"
#include "tests/catch.h"

namespace agent_secrets::sidecar {
namespace {

TEST_CASE("an answer is read whole") {
  const WatchAnswer answer = answer_of(kStaleJson);
  CHECK(answer.state == WatchState::stale);
  CHECK(answer.organization == "acme");
  CHECK(answer.agent == "bot");
  REQUIRE(answer.running);
  CHECK(answer.running->sequence == 5);
  CHECK(answer.running->sets == std::vector<SetVersion>{{.name = "bot-secrets", .version = 2}});
  REQUIRE(answer.latest);
  CHECK(answer.latest->sets.at(0).version == 3);
  CHECK(answer.latest->sets.at(0).changed_keys == std::vector<std::string>{"GREETING"});
}

TEST_CASE("what is written is read back as the same") {
  const WatchAnswer answer = answer_of(kStaleJson);
  boost::json::object object{{"state", "stale"}, {"organization", "acme"}, {"agent", "bot"}};
  object["running"] = running_json(answer);
  object["latest"] = latest_json(answer);
  CHECK(answer_of(boost::json::serialize(object)) == answer);
}

TEST_CASE("what an answer leaves out is written so that it can be read back") {
  const WatchAnswer answer = answer_of(R"({"state":"stale","running":{"sequence":5,"sets":[]},)"
                                       R"("latest":{"sequence":6,"sets":[]}})");
  boost::json::object object{{"state", "stale"},
                             {"organization", text_or_null(answer.organization)}};
  object["running"] = running_json(answer);
  object["latest"] = latest_json(answer);
  CHECK(answer_of(boost::json::serialize(object)) == answer);
}

TEST_CASE("a state that this version does not know is an error") {
  CHECK_FALSE(parse_watch_answer(R"({"state":"on-fire"})"));
}

TEST_CASE("an answer without a state, or that is no JSON, is an error") {
  CHECK_FALSE(parse_watch_answer("{}"));
  CHECK_FALSE(parse_watch_answer("<html>"));
  CHECK_FALSE(parse_watch_answer(""));
}

TEST_CASE("names that would steer a terminal are refused") {
  CHECK_FALSE(parse_watch_answer(
      R"({"state":"stale","latest":{"sequence":1,"sets":[{"name":"a\u001b[2J","version":3,)"
      R"("changed_keys":[]}]}})"));
}

TEST_CASE("a change names set, versions and keys") {
  CHECK(describe_changes(answer_of(kStaleJson)) == "bot-secrets v2→v3 changed: GREETING");
  CHECK(describe_changes(answer_of(kSupersededJson)) == "bot-secrets v2→v3");
  CHECK(describe_changes(answer_of(kCurrentJson)).empty());
  CHECK(describe_changes(answer_of(kRevokedJson)).empty());
}

TEST_CASE("a change from a release that is not known names the new version") {
  WatchAnswer answer = answer_of(kStaleJson);
  answer.running.reset();
  CHECK(describe_changes(answer) == "bot-secrets →v3 changed: GREETING");
}

TEST_CASE("an answer about another agent, organization or release is not this instance's") {
  const WatchAnswer answer = answer_of(kStaleJson);
  CHECK(check_addressee(answer, "acme", "bot", 5));
  for (const auto& refused :
       {check_addressee(answer, "rival", "bot", 5), check_addressee(answer, "acme", "phone", 5),
        check_addressee(answer, "acme", "bot", 4)}) {
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::untrusted);
  }
}

TEST_CASE("only an answer of revoked or unbound may name nobody") {
  for (const char* state : {"revoked", "unbound"}) {
    const std::string text = std::string(R"({"state":")") + state + R"("})";
    CHECK(check_addressee(answer_of(text), "acme", "bot", 5));
    const std::string named = std::string(R"({"organization":"rival","state":")") + state + R"("})";
    CHECK_FALSE(check_addressee(answer_of(named), "acme", "bot", 5));
  }
  CHECK_FALSE(check_addressee(answer_of(R"({"state":"current"})"), "acme", "bot", 5));
}

}  // namespace
}  // namespace agent_secrets::sidecar

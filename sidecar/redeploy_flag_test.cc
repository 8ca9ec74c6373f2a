#include "sidecar/redeploy_flag.h"

#include <utility>

#include "sidecar/test_watch.h"
#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::sidecar {
namespace {

Knowledge knowing(const char* json) {
  return {.answer = answer_of(json),
          .running_sequence = 5,
          .instance = "host-1",
          .since = std::chrono::seconds(1'700'000'000),
          .last_heard = {},
          .last_error = ""};
}

struct Flagging {
  TemporaryDirectory temporary;
  StateDirectory directory = std::move(*StateDirectory::open(temporary.path()));
  RedeployFlag flag{directory};

  std::optional<std::string> content() const { return *directory.read(kFlagFile); }
};

TEST_CASE("a stale instance is flagged with what runs, what is newest and since when") {
  Flagging f;
  REQUIRE(f.flag.update(knowing(kStaleJson)));
  CHECK(f.content() ==
        R"({"schema":1,"state":"stale","organization":"acme","agent":"bot",)"
        R"("since":"2023-11-14T22:13:20.000Z",)"
        R"("running":{"sequence":5,"deployment":"d1","sets":[{"name":"bot-secrets","version":2}]},)"
        R"("latest":{"sequence":5,"deployment":"d1",)"
        R"("sets":[{"name":"bot-secrets","version":3,"changed_keys":["GREETING"]}]}})");
}

TEST_CASE("a superseded instance is flagged") {
  Flagging f;
  REQUIRE(f.flag.update(knowing(kSupersededJson)));
  CHECK(f.content()->find("superseded") != std::string::npos);
}

TEST_CASE("the flag goes when the instance is current again") {
  Flagging f;
  REQUIRE(f.flag.update(knowing(kStaleJson)));
  REQUIRE(f.flag.update(knowing(kCurrentJson)));
  CHECK_FALSE(f.content());
}

TEST_CASE("revoked raises no flag: a replacement would be refused") {
  Flagging f;
  REQUIRE(f.flag.update(knowing(kRevokedJson)));
  CHECK_FALSE(f.content());
}

TEST_CASE("before the first answer the flag of the same release is kept") {
  Flagging f;
  REQUIRE(f.flag.update(knowing(kStaleJson)));
  RedeployFlag restarted(f.directory);
  REQUIRE(restarted.begin("acme", "bot", 5));
  REQUIRE(restarted.update(Knowledge{}));
  CHECK(f.content());
}

TEST_CASE("before the first answer the flag of another release is dropped") {
  Flagging f;
  REQUIRE(f.flag.update(knowing(kStaleJson)));
  RedeployFlag restarted(f.directory);
  REQUIRE(restarted.begin("acme", "bot", 6));
  CHECK_FALSE(f.content());
}

TEST_CASE("before the first answer the flag of another agent with the same sequence is dropped") {
  for (const auto& [organization, agent] : {std::pair("acme", "fax"), std::pair("other", "bot")}) {
    Flagging f;
    REQUIRE(f.flag.update(knowing(kStaleJson)));
    REQUIRE(f.flag.begin(organization, agent, 5));
    CHECK_FALSE(f.content());
  }
}

TEST_CASE("a flag that a starting instance removed is raised again while the release is stale") {
  Flagging f;
  REQUIRE(f.flag.update(knowing(kStaleJson)));
  REQUIRE(f.directory.remove(kFlagFile));
  REQUIRE(f.flag.update(knowing(kStaleJson)));
  CHECK(f.content());
}

TEST_CASE("a flag that cannot be read is dropped") {
  Flagging f;
  REQUIRE(f.directory.write(kFlagFile, "half a fla"));
  REQUIRE(f.flag.begin("acme", "bot", 5));
  CHECK_FALSE(f.content());
}

}  // namespace
}  // namespace agent_secrets::sidecar

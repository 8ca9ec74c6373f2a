#include "sidecar/status_pages.h"

#include "sidecar/status_server.h"
#include "sidecar/test_watch.h"
#include "tests/catch.h"

namespace agent_secrets::sidecar {
namespace {

constexpr std::chrono::seconds kNow{1'700'000'100};

Page page(std::string_view path, const char* json, UnreadyWhen unready_when = UnreadyWhen::never) {
  Knowledge knowledge;
  knowledge.answer = answer_of(json);
  knowledge.running_sequence = 5;
  knowledge.last_heard = kNow - std::chrono::seconds(3);
  knowledge.reconnects = 2;
  knowledge.errors = 4;
  return status_page(path, knowledge, unready_when, kNow);
}

TEST_CASE("readiness turns with the state from which on it should") {
  using enum UnreadyWhen;
  CHECK(page("/readyz", kCurrentJson, stale).status == 200);
  CHECK(page("/readyz", kStaleJson, stale).status == 503);
  CHECK(page("/readyz", kSupersededJson, stale).status == 503);
  CHECK(page("/readyz", kStaleJson, superseded).status == 200);
  CHECK(page("/readyz", kSupersededJson, superseded).status == 503);
  CHECK(page("/readyz", kSupersededJson, never).status == 200);
  CHECK(page("/readyz", kRevokedJson, stale).status == 200);
}

TEST_CASE("an instance is ready before the sidecar has heard anything") {
  CHECK(status_page("/readyz", Knowledge{}, UnreadyWhen::stale, kNow).status == 200);
}

TEST_CASE("liveness is that of the sidecar, whatever the state") {
  CHECK(page("/livez", kRevokedJson, UnreadyWhen::stale).status == 200);
}

TEST_CASE("the status is what sidecar.json holds") {
  const Page status = page("/status", kStaleJson);
  CHECK(status.content_type == "application/json");
  CHECK(answer_of(status.body) == answer_of(kStaleJson));
}

TEST_CASE("the metrics name state, age, counters and sequences") {
  const std::string text = page("/metrics", kSupersededJson).body;
  for (const char* line :
       {"agent_secrets_sidecar_state{state=\"superseded\"} 1\n",
        "agent_secrets_sidecar_state{state=\"current\"} 0\n",
        "agent_secrets_sidecar_last_heard_seconds 3\n",
        "agent_secrets_sidecar_reconnects_total 2\n", "agent_secrets_sidecar_errors_total 4\n",
        "agent_secrets_sidecar_running_sequence 5\n",
        "agent_secrets_sidecar_latest_sequence 6\n"}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("before the first answer there is no age to show") {
  const Page metrics = status_page("/metrics", Knowledge{}, UnreadyWhen::never, kNow);
  CHECK(metrics.body.find("last_heard_seconds") == std::string::npos);
}

TEST_CASE("another path is not found") { CHECK(page("/", kCurrentJson).status == 404); }

TEST_CASE("the server refuses every address that is not loopback") {
  for (const char* address : {"0.0.0.0:0", "[::]:0", "10.0.0.1:80", "localhost:80", "127.0.0.1",
                              "127.0.0.1:70000", ":80", ""}) {
    CAPTURE(address);
    CHECK_FALSE(StatusServer::bind(address, [](std::string_view) { return Page{}; }));
  }
}

}  // namespace
}  // namespace agent_secrets::sidecar

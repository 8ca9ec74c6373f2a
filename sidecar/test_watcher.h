#pragma once
// Shared by the tests of Watcher: a watcher with a fake clock and a fake control plane. The test
// chooses which release runs and how many sessions are live. One thread; no request leaves the
// process.

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/request_proof.h"
#include "sidecar/watch.h"
#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_transport.h"

namespace agent_secrets::sidecar {

inline HttpResponse answer(const char* json, std::string etag = "\"tag\"") {
  return {.status = 200, .headers = {{"etag", std::move(etag)}}, .body = json};
}

inline SigningKey test_key() {
  std::array<std::uint8_t, 32> seed{};
  seed.fill(0x42);
  return SigningKey::from_seed(seed);
}

// A Watcher of an instance that runs the release with sequence 5. A test sets the members before it
// calls step(), and puts the control plane's answers into `transport`. Each pause has its full
// length unless the test sets another `fraction`.
struct Watching {
  FakeClock clock;
  FakeTransport transport;
  WatchCredential credential{.identity = {.urls = {"https://one.example", "https://two.example"},
                                          .organization = "acme",
                                          .agent = "bot",
                                          .kid = "ak_one",
                                          .verification_keys = {},
                                          .ca_pem = ""},
                             .signing_key = test_key()};
  std::optional<std::int64_t> sequence = 5;
  std::int64_t sessions = 0;
  double fraction = 1.0;
  Watcher watcher{credential,
                  transport,
                  clock,
                  [this] { return fraction; },
                  [this] { return sequence; },
                  [this] { return sessions; },
                  {.instance = "host-1", .poll_wait = std::chrono::seconds(50)}};

  WatchState state() const { return watcher.knowledge().answer.state; }
  const HttpRequest& last() const { return transport.requests.back(); }
};

inline std::string header_of(const HttpRequest& request, const std::string& name) {
  for (const std::string& line : request.headers) {
    if (line.starts_with(name + ": ")) return line.substr(name.size() + 2);
  }
  return "";
}

// The claims of the last request, which must be signed for the credential of the scene.
inline Result<ProofClaims> claims_of(const Watching& w) {
  const auto proof =
      verify_request_proof(header_of(w.last(), "Authorization"),
                           {.audiences = {"https://one.example", "https://two.example"},
                            .method = "GET",
                            .target = "/instance/v1/watch",
                            .now = std::chrono::floor<std::chrono::seconds>(w.clock.unix_time())},
                           [](std::string_view) { return test_key().public_key(); });
  if (!proof) return fail(ErrorCode::untrusted, std::string(proof_failure_code(proof.error())));
  return proof->claims;
}

}  // namespace agent_secrets::sidecar

#include "sidecar/announce.h"

#include "sidecar/test_watch.h"
#include "tests/catch.h"
#include "tests/fakes/captured_log.h"

namespace agent_secrets::sidecar {
namespace {

std::size_t count_of(const std::string& text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += word.size()) {
    ++count;
  }
  return count;
}

Knowledge stale(std::int64_t sequence) {
  return {.answer = answer_of(kStaleJson),
          .running_sequence = sequence,
          .instance = "host-1",
          .since = {},
          .last_heard = {},
          .last_error = ""};
}

TEST_CASE("a stale release is announced once") {
  const CapturedLog log;
  Announcer announcer(log.log());
  announcer.update(stale(5));
  announcer.update(stale(5));
  CHECK(count_of(log.text(), "REDEPLOY NEEDED") == 1);
}

TEST_CASE("the next release is announced too, even if it is stale in the same way") {
  const CapturedLog log;
  Announcer announcer(log.log());
  announcer.update(stale(5));
  announcer.update(stale(6));
  CHECK(count_of(log.text(), "REDEPLOY NEEDED") == 2);
}

}  // namespace
}  // namespace agent_secrets::sidecar

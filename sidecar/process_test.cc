#include "sidecar/process.h"

#include <array>
#include <csignal>
#include <ctime>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "tests/catch.h"

namespace agent_secrets::sidecar {
namespace {

// End::prepare() blocks signals; this restores the mask for later tests.
class MaskKept {
 public:
  MaskKept() { ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_); }
  ~MaskKept() { ::pthread_sigmask(SIG_SETMASK, &mask_, nullptr); }
  MaskKept(const MaskKept&) = delete;
  MaskKept& operator=(const MaskKept&) = delete;

 private:
  sigset_t mask_{};
};

// A pipe stands for a pidfd: its reading end becomes ready when the writing end is closed.
std::pair<UniqueFd, UniqueFd> make_pipe() {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

TEST_CASE("looking for the end does not wait for it, and does not forget it") {
  const MaskKept kept;
  auto [reader, writer] = make_pipe();
  auto end = End::prepare({.pidfd = reader.release(), .pid = {}});
  REQUIRE(end);
  CHECK(*end->wait_for(std::chrono::milliseconds(0)) == std::nullopt);
  writer.reset();
  CHECK(*end->wait_for(std::chrono::milliseconds(0)) == EndReason::bot_ended);
  CHECK(*end->wait() == EndReason::bot_ended);
}

TEST_CASE("a signal ends it too") {
  const MaskKept kept;
  auto end = End::prepare({});
  REQUIRE(end);
  REQUIRE(::pthread_kill(::pthread_self(), SIGTERM) == 0);
  CHECK(*end->wait() == EndReason::signal);
  sigset_t pending;
  sigemptyset(&pending);
  sigaddset(&pending, SIGTERM);
  const timespec at_once{};
  CHECK(::sigtimedwait(&pending, nullptr, &at_once) == SIGTERM);  // else it kills the test
}

TEST_CASE("who waits for a sidecar gets one byte, and then the end") {
  auto [reader, writer] = make_pipe();
  REQUIRE(tell_ready(std::move(writer)));
  std::array<char, 2> bytes{};
  CHECK(::read(reader.get(), bytes.data(), bytes.size()) == 1);
  CHECK(::read(reader.get(), bytes.data(), bytes.size()) == 0);
  CHECK_FALSE(tell_ready(UniqueFd()));
}

}  // namespace
}  // namespace agent_secrets::sidecar

#include "injector/promised_descriptors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "tests/catch.h"
#include "tests/fakes/captured_log.h"

using namespace agent_secrets;
using Fds = std::vector<int>;
using Strings = std::vector<std::string>;

namespace {

constexpr pid_t kPid = 4711;

// Descriptors that are open for the length of a test.
class Open {
 public:
  explicit Open(Fds numbers) : numbers_(std::move(numbers)) {
    for (const int fd : numbers_) REQUIRE(::dup2(STDERR_FILENO, fd) == fd);
  }
  ~Open() {
    for (const int fd : numbers_) ::close(fd);
  }
  Open(const Open&) = delete;
  Open& operator=(const Open&) = delete;

 private:
  Fds numbers_;
};

class Environment {
 public:
  explicit Environment(Strings entries) : entries_(std::move(entries)) {
    for (std::string& entry : entries_) pointers_.push_back(entry.data());
    pointers_.push_back(nullptr);
  }
  char** get() { return pointers_.data(); }
  Strings left() {
    Strings names;
    for (char** entry = get(); *entry != nullptr; ++entry) names.emplace_back(*entry);
    return names;
  }

 private:
  Strings entries_;
  std::vector<char*> pointers_;
};

Fds kept(const Strings& command, const Strings& entries = {}) {
  Environment environment(entries);
  const auto promised = find_promised_descriptors(command, environment.get(), kPid);
  CHECK(promised.broken.empty());
  return promised.kept;
}

// The variables that are left, and what the log says.
std::pair<Strings, std::string> settled(const Strings& entries, LogLevel level) {
  Environment environment(entries);
  const CapturedLog captured(level);
  const auto promised = find_promised_descriptors({"bot"}, environment.get(), kPid);
  CHECK(promised.kept.empty());
  remove_broken_promises(promised, environment.get(), captured.log());
  return {environment.left(), captured.text()};
}

}  // namespace

TEST_CASE("a descriptor that an argument names is kept, in every spelling") {
  const Open open({763, 764});
  for (const char* word : {"/dev/fd/763", "/proc/self/fd/763", "--config=/dev/fd/763",
                           "@/dev/fd/763", "a:/dev/fd/763:b", "fd://763", "--fd=763"}) {
    INFO(word);
    CHECK(kept({"bot", word}) == Fds{763});
  }
  CHECK(kept({"uvicorn", "--fd", "763", "bot:app"}) == Fds{763});
  CHECK(kept({"diff", "/dev/fd/764", "/dev/fd/763", "/dev/fd/763"}) == Fds{763, 764});
  CHECK(kept({"bot"}, {"GOOGLE_APPLICATION_CREDENTIALS=/dev/fd/763"}) == Fds{763});
}

TEST_CASE("a text that only resembles a promise keeps no descriptor") {
  const Open open({763});
  for (const char* word :
       {"763", "/dev/fd/", "/dev/fd/x", "/dev/fd/0", "/dev/fd/99999999999", "/proc/1/fd/763",
        "/tmp/fd/763", "--fd=763x", "--fd=-763", "fd://", "--fd", "/dev/fd/762"}) {
    INFO(word);
    CHECK(kept({"bot", word}).empty());
  }
}

TEST_CASE("the sockets of LISTEN_FDS are kept for the process that they are for") {
  const Open open({3, 4});
  const Strings ours = {"LISTEN_FDS=2", "LISTEN_PID=4711", "LISTEN_FDNAMES=http:admin"};
  CHECK(kept({"bot"}, ours) == Fds{3, 4});
  for (const Strings& others :
       {Strings{"LISTEN_FDS=2", "LISTEN_PID=1", "LISTEN_FDNAMES=a:b"}, Strings{"LISTEN_FDS=2"}}) {
    CHECK(settled(others, LogLevel::info) == std::pair(Strings{}, std::string()));
  }
}

TEST_CASE("LISTEN_FDS is removed with a warning if it is invalid or its descriptors are not open") {
  for (const char* count : {"2000", "1024", "x", "-1", "", "99999999999999999999"}) {
    INFO(count);
    const auto [left, text] =
        settled({fmt::format("LISTEN_FDS={}", count), "LISTEN_PID=4711", "A=1"}, LogLevel::info);
    CHECK(left == Strings{"A=1"});
    CHECK(text ==
          "warning program: a variable promises descriptors that the command cannot have: it is "
          "left out variable=LISTEN_FDS\n");
  }
}

TEST_CASE("a variable with numbers keeps its descriptors, or is removed as a whole") {
  const Open open({763, 764});
  CHECK(kept({"bot"}, {"NODE_CHANNEL_FD=763"}) == Fds{763});
  CHECK(kept({"bot"}, {"BASH_XTRACEFD=764"}) == Fds{764});
  CHECK(kept({"bot"}, {"GUNICORN_FD=764,763"}) == Fds{763, 764});
  CHECK(kept({"bot"}, {"BASH_XTRACEFD=2"}).empty());
  const auto [left, text] = settled({"NODE_CHANNEL_FD=765", "GUNICORN_FD=763,765"}, LogLevel::info);
  CHECK(left.empty());
  CHECK(text.find("variable=NODE_CHANNEL_FD") != std::string::npos);
  CHECK(text.find("variable=GUNICORN_FD") != std::string::npos);
}

TEST_CASE("the job server of make is kept if it is open, otherwise MAKEFLAGS is removed silently") {
  const Open open({763, 764});
  CHECK(kept({"bot"}, {"MAKEFLAGS= -j4 --jobserver-auth=763,764 -- V=1"}) == Fds{763, 764});
  CHECK(kept({"bot"}, {"CARGO_MAKEFLAGS=-j --jobserver-fds=763,764 --jobserver-auth=763,764"}) ==
        Fds{763, 764});
  CHECK(kept({"bot"}, {"MAKEFLAGS= -j4 --jobserver-auth=fifo:/tmp/GMfifo1"}).empty());
  CHECK(kept({"bot"}, {"MAKEFLAGS=w"}).empty());
  for (const char* flags :
       {"MAKEFLAGS= -j4 --jobserver-auth=763,765", "MAKEFLAGS= --jobserver-auth=-2,-2"}) {
    CHECK(settled({flags}, LogLevel::info) == std::pair(Strings{}, std::string()));
    CHECK(settled({flags}, LogLevel::debug).second.find("variable=MAKEFLAGS") != std::string::npos);
  }
}

TEST_CASE("the credential's descriptor is never kept, also if another variable names it") {
  const Open open({705, 706});
  CHECK(kept({"bot"}, {"AGENT_SECRETS_CREDENTIAL_FILE=/dev/fd/705"}).empty());
  CHECK(kept({"bot", "/dev/fd/705", "/dev/fd/706"},
             {"OTHER=/dev/fd/705", "AGENT_SECRETS_CREDENTIAL_FILE=/dev/fd/705"}) == Fds{706});
}

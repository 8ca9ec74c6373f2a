#include "injector/bot_claim.h"

#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file_lock.h"
#include "core/file_record.h"
#include "core/unique_fd.h"
#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

namespace {

struct Folder {
  TemporaryDirectory directory;
  UniqueFd fd{::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  FakeClock clock;

  Result<std::optional<pid_t>> claim(const ProcessIdentity& process, bool has_sidecar = false) {
    return claim_directory(fd.get(), {.process = process, .has_sidecar = has_sidecar}, clock);
  }
  // The claim is had, or kept by the process with this PID.
  bool gets_it(const ProcessIdentity& process) { return *claim(process) == std::nullopt; }
};

// A process that lives until the end of the test: the bot.
class Bot {
 public:
  Bot() : pid_(::fork()) {
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::pause();
      ::_exit(0);
    }
  }
  Bot(const Bot&) = delete;
  Bot& operator=(const Bot&) = delete;
  ~Bot() { end(); }

  // Killed, but not yet reaped.
  void kill() const {
    ::kill(pid_, SIGKILL);
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT);
  }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

// Of a process where nothing else can be read.
ProcessIdentity only_pid(pid_t pid) {
  ProcessIdentity identity;
  identity.pid = pid;
  return identity;
}

// What own_identity() says in that process: it is in our namespaces.
ProcessIdentity identity_of(const Bot& bot) {
  ProcessIdentity identity = own_identity();
  identity.pid = bot.pid();
  identity.start_time = 0;
  const UniqueFd stat(::open(("/proc/" + std::to_string(bot.pid()) + "/stat").c_str(), O_RDONLY));
  std::string text(4096, '\0');
  REQUIRE(::read(stat.get(), text.data(), text.size()) > 0);
  std::size_t at = text.rfind(')');
  for (int field = 2; field < 22; ++field) at = text.find(' ', at + 1);
  identity.start_time = std::stoull(text.substr(at + 1));
  return identity;
}

}  // namespace

TEST_CASE("own_identity() has all members, and a claim is read as it was written") {
  const ProcessIdentity self = own_identity();
  CHECK(self.pid == ::getpid());
  CHECK(self.start_time > 0);
  CHECK(self.pid_namespace.starts_with("pid:["));
  CHECK(self.boot_id.size() == 36);
  for (const ProcessIdentity& process : {self, only_pid(7)}) {
    const auto read = parse_claim(claim_json({.process = process, .has_sidecar = true}));
    REQUIRE(read);
    CHECK(read->process == process);
    CHECK(read->has_sidecar);
  }
  for (const char* pid : {"0", "-1", "4294967297", "\"1\""}) {
    INFO(pid);
    CHECK_FALSE(
        parse_claim(std::string(R"({"has_sidecar":false,"start_time":1,"pid":)") + pid + "}"));
  }
}

TEST_CASE("another process gets the directory of a bot only after the end of the bot") {
  Folder folder;
  Bot bot;
  REQUIRE(folder.gets_it(identity_of(bot)));
  const std::string standing = folder.directory.read("bot.json");
  CHECK(*folder.claim(own_identity()) == bot.pid());
  CHECK(folder.directory.read("bot.json") == standing);
  SECTION("the bot has ended") { bot.end(); }
  SECTION("the bot is a zombie that init has not reaped yet") { bot.kill(); }
  CHECK(folder.gets_it(own_identity()));
  CHECK(folder.directory.read("bot.json") != standing);
}

TEST_CASE("a bot that starts itself again through the injector keeps its directory") {
  Folder folder;
  CHECK(folder.gets_it(own_identity()));
  CHECK(folder.gets_it(own_identity()));
}

TEST_CASE("a later process with the same PID is not the bot: PID 1 after a restart") {
  Folder folder;
  const Bot other;
  ProcessIdentity before = identity_of(other);
  --before.start_time;
  REQUIRE(folder.gets_it(before));
  CHECK(folder.gets_it(own_identity()));
}

TEST_CASE("a claim from before the last boot is void") {
  Folder folder;
  const Bot bot;
  ProcessIdentity before = identity_of(bot);
  before.boot_id = "00000000-0000-0000-0000-000000000000";
  REQUIRE(folder.gets_it(before));
  CHECK(folder.gets_it(own_identity()));
}

TEST_CASE("without a start time, an existing process with the PID is the bot") {
  Folder folder;
  const Bot bot;
  REQUIRE(folder.gets_it(only_pid(bot.pid())));
  CHECK(*folder.claim(own_identity()) == bot.pid());
}

TEST_CASE("a claim of another PID namespace holds while the bot's own sidecar lives") {
  Folder folder;
  ProcessIdentity elsewhere = own_identity();
  elsewhere.pid = 1;
  elsewhere.pid_namespace = "pid:[1]";
  folder.directory.write("sidecar.alive", "");
  UniqueFd sidecar(::open(folder.directory.path("sidecar.alive").c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(take_life_lock(sidecar.get()));
  SECTION("the sidecar was started by the injector") {
    REQUIRE(*folder.claim(elsewhere, true) == std::nullopt);
    CHECK(*folder.claim(own_identity()) == 1);
    sidecar.reset();
    CHECK(folder.gets_it(own_identity()));
  }
  SECTION("the sidecar runs in a container of its own") {
    REQUIRE(folder.gets_it(elsewhere));
    CHECK(folder.gets_it(own_identity()));
  }
}

TEST_CASE("a new claim removes the recorded files of the bot that has ended") {
  Folder folder;
  folder.directory.write("value", "of the bot");
  struct stat status{};
  REQUIRE(::stat(folder.directory.path("value").c_str(), &status) == 0);
  const RecordedFile value{
      .path = folder.directory.path("value"), .device = status.st_dev, .inode = status.st_ino};
  REQUIRE(write_record(folder.fd.get(), {.bot = 1, .files = {value}}).has_value());
  Bot bot;
  const BotClaim claim{.process = identity_of(bot), .has_sidecar = false, .has_files = true};
  REQUIRE(*claim_directory(folder.fd.get(), claim, folder.clock) == std::nullopt);
  CHECK_FALSE(folder.gets_it(own_identity()));
  CHECK(std::filesystem::exists(value.path));
  bot.end();
  CHECK(folder.gets_it(own_identity()));
  CHECK_FALSE(std::filesystem::exists(value.path));
}

TEST_CASE("an invalid claim, a link or a FIFO is replaced") {
  Folder folder;
  SECTION("text") { folder.directory.write("bot.json", "{"); }
  SECTION("a link") { REQUIRE(::symlinkat("/etc/passwd", folder.fd.get(), "bot.json") == 0); }
  SECTION("a FIFO") { REQUIRE(::mkfifoat(folder.fd.get(), "bot.json", 0600) == 0); }
  CHECK(folder.gets_it(own_identity()));
  CHECK(parse_claim(folder.directory.read("bot.json")));
}

TEST_CASE(
    "all users can read a claim, only its user its lock, and a held lock does not stop a start") {
  Folder folder;
  REQUIRE(folder.gets_it(own_identity()));
  struct stat status{};
  REQUIRE(::fstatat(folder.fd.get(), "bot.json", &status, AT_SYMLINK_NOFOLLOW) == 0);
  CHECK((status.st_mode & 07777U) == 0644);
  REQUIRE(::fstatat(folder.fd.get(), ".bot.lock", &status, AT_SYMLINK_NOFOLLOW) == 0);
  CHECK((status.st_mode & 07777U) == 0600);
  const UniqueFd stuck(::openat(folder.fd.get(), ".bot.lock", O_RDWR | O_CLOEXEC));
  REQUIRE(::flock(stuck.get(), LOCK_EX) == 0);
  CHECK(folder.gets_it(own_identity()));
  CHECK(folder.clock.sleeps.size() <= 40);
}

#include "core/write_file.h"

#include <array>
#include <csignal>
#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <pthread.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;
namespace fs = std::filesystem;

namespace {

// A directory with a file "state" of an old content, and what a replacement makes of it.
struct Scene {
  TemporaryDirectory directory;
  UniqueFd fd{::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};

  Scene() { directory.write("state", "old"); }

  [[nodiscard]] Result<void> replace(std::string_view content,
                                     const ReplaceOptions& options = {}) const {
    return replace_file(fd.get(), "state", content, options);
  }
  [[nodiscard]] std::string content() const { return directory.read("state"); }
  [[nodiscard]] mode_t mode() const {
    struct stat status{};
    REQUIRE(::lstat(directory.path("state").c_str(), &status) == 0);
    return status.st_mode & 07777U;
  }
  [[nodiscard]] std::size_t files() const {
    const fs::directory_iterator entries(directory.path());
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
  }
};

// The temporary file of "state" of a writer that holds a lock.
constexpr const char* kTemporary = ".state.new";

// While it exists, no file of this process can grow past `size` bytes.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t size) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit limit{.rlim_cur = size, .rlim_max = before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  sighandler_t handler_;
};

// While it exists, this thread has no more rights to files than an ordinary user.
class WithoutRoot {
 public:
  WithoutRoot() : before_(::setfsuid(65534)) {}
  ~WithoutRoot() { ::setfsuid(static_cast<uid_t>(before_)); }
  WithoutRoot(const WithoutRoot&) = delete;
  WithoutRoot& operator=(const WithoutRoot&) = delete;

 private:
  int before_;
};

}  // namespace

TEST_CASE("write_all goes on after a short write and after a signal") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  // Without SA_RESTART: the signal ends a write that waits for space in the pipe.
  struct sigaction interrupting{};
  struct sigaction before{};
  interrupting.sa_handler = [](int) {};
  REQUIRE(::sigaction(SIGUSR1, &interrupting, &before) == 0);

  std::string sent;
  while (sent.size() < 1'000'000) sent += std::to_string(sent.size()) + ' ';
  Result<void> written;
  std::thread thread([&] {
    written = write_all(writer.get(), sent, "pipe");
    writer.reset();
  });
  std::string received;
  std::array<char, 4096> chunk{};
  for (;;) {
    const ssize_t count = ::read(reader.get(), chunk.data(), chunk.size());
    if (count == 0) break;
    if (count > 0) received.append(chunk.data(), static_cast<std::size_t>(count));
    ::pthread_kill(thread.native_handle(), SIGUSR1);
  }
  thread.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  CHECK(written);
  CHECK(received == sent);
}

TEST_CASE("an error of write_all names the path, and never the content") {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  REQUIRE(full.is_open());
  const auto written = write_all(full.get(), "canary", "/run/x");
  REQUIRE_FALSE(written);
  CHECK(written.error().message == "write /run/x: no space left on device");
}

TEST_CASE("writing nothing is fine") { CHECK(write_all(-1, "", "nowhere")); }

TEST_CASE("a file is replaced whole, with this mode, and nothing is left beside it") {
  const Scene scene;
  const ReplaceOptions options =
      GENERATE(ReplaceOptions{.mode = 0644}, ReplaceOptions{.mode = 0400, .is_synced = true},
               ReplaceOptions{.mode = 0600, .is_locked = true});
  const mode_t before = ::umask(0777);
  const auto replaced = scene.replace("new", options);
  ::umask(before);
  REQUIRE(replaced);
  CHECK(scene.mode() == options.mode);
  REQUIRE(::chmod(scene.directory.path("state").c_str(), 0600) == 0);
  CHECK(scene.content() == "new");
  CHECK(scene.files() == 1);
}

TEST_CASE("a missing file is created") {
  const Scene scene;
  REQUIRE(replace_file(scene.fd.get(), "other", "new", {}));
  CHECK(scene.directory.read("other") == "new");
  CHECK(scene.files() == 2);
}

TEST_CASE("a link in the place of the file is replaced, not followed") {
  const Scene scene;
  fs::create_symlink("state", scene.directory.path("link"));
  REQUIRE(replace_file(scene.fd.get(), "link", "new", {}));
  CHECK(scene.content() == "old");
  CHECK(fs::is_regular_file(fs::symlink_status(scene.directory.path("link"))));
}

TEST_CASE("what has the name of the temporary file is removed, not followed and not written to") {
  const Scene scene;
  const std::string temporary = scene.directory.path(kTemporary);
  scene.directory.write("victim", "victim");
  SECTION("a file of a killed process") {
    scene.directory.write(kTemporary, "much longer than the new content");
  }
  SECTION("a symbolic link") { fs::create_symlink(scene.directory.path("victim"), temporary); }
  SECTION("a hard link") { fs::create_hard_link(scene.directory.path("victim"), temporary); }
  SECTION("a FIFO") { REQUIRE(::mkfifo(temporary.c_str(), 0600) == 0); }
  REQUIRE(scene.replace("new", {.is_locked = true}));
  CHECK(scene.content() == "new");
  CHECK(scene.directory.read("victim") == "victim");
  CHECK_FALSE(fs::exists(fs::symlink_status(temporary)));
}

TEST_CASE("writers without a lock have different temporary files") {
  const Scene scene;
  auto first = FileReplacement::begin(scene.fd.get(), "state", {});
  auto second = FileReplacement::begin(scene.fd.get(), "state", {});
  REQUIRE((first && second));
  REQUIRE(first->write("first"));
  REQUIRE(first->put_in_place());
  CHECK(scene.content() == "first");
  REQUIRE(second->write("second"));
  REQUIRE(second->put_in_place());
  CHECK(scene.content() == "second");
  CHECK(scene.files() == 1);
}

TEST_CASE("what is no file name is refused before anything is written") {
  const Scene scene;
  for (const char* name : {"", ".", "..", "folder/", "../state"}) {
    const auto replaced = replace_file(scene.fd.get(), name, "new", {});
    REQUIRE_FALSE(replaced);
    CHECK(replaced.error().code == ErrorCode::invalid);
  }
  CHECK(scene.files() == 1);
}

TEST_CASE("a directory in the place of the temporary file is an error that names it") {
  const Scene scene;
  fs::create_directory(scene.directory.path(".state.new"));
  const auto replaced = scene.replace("new", {.is_locked = true});
  REQUIRE_FALSE(replaced);
  CHECK(replaced.error().message == "remove .state.new: is a directory");
  CHECK(scene.content() == "old");
}

TEST_CASE("a directory in the place of the file is an error, and no temporary file stays") {
  const Scene scene;
  fs::create_directory(scene.directory.path("taken"));
  const auto replaced = replace_file(scene.fd.get(), "taken", "new", {});
  REQUIRE_FALSE(replaced);
  CHECK(replaced.error().message == "rename to taken: is a directory");
  CHECK(fs::is_directory(scene.directory.path("taken")));
  CHECK(scene.files() == 2);
}

TEST_CASE("a directory that this user may not write to is an error, and the file stays") {
  const Scene scene;
  REQUIRE(::chmod(scene.directory.path().c_str(), 0555) == 0);
  Result<void> replaced;
  {
    const WithoutRoot without_root;
    replaced = scene.replace("new");
  }
  REQUIRE(::chmod(scene.directory.path().c_str(), 0700) == 0);
  REQUIRE_FALSE(replaced);
  CHECK(replaced.error().message == "create state: permission denied");
  CHECK(scene.content() == "old");
  CHECK(scene.files() == 1);
}

TEST_CASE(
    "after a short write that cannot be continued, the old file stays and nothing beside it") {
  const Scene scene;
  Result<void> replaced;
  {
    const FileSizeLimit limit(2);
    replaced = scene.replace("canary");
  }
  REQUIRE_FALSE(replaced);
  CHECK(replaced.error().message == "write state: file too large");
  CHECK(scene.content() == "old");
  CHECK(scene.files() == 1);
}

TEST_CASE("a directory that cannot be synced is an error where that was wanted") {
  const Scene scene;
  // fsync(2) refuses an O_PATH descriptor; the *at() calls take it.
  const UniqueFd path(::open(scene.directory.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  CHECK(replace_file(path.get(), "state", "new", {}));
  const auto replaced = replace_file(path.get(), "state", "newer", {.is_synced = true});
  REQUIRE_FALSE(replaced);
  CHECK(replaced.error().message.starts_with("fsync state's directory: "));
  CHECK(scene.content() == "newer");
}

TEST_CASE("a replacement that is given up leaves the old file, and nothing beside it") {
  const Scene scene;
  {
    auto replacement = FileReplacement::begin(scene.fd.get(), "state", {});
    REQUIRE(replacement);
    REQUIRE(replacement->write("new"));
    const FileReplacement moved = std::move(*replacement);
    CHECK(scene.files() == 2);
  }
  CHECK(scene.content() == "old");
  CHECK(scene.files() == 1);
}

TEST_CASE("the descriptor of a replacement is the file that gets the name") {
  const Scene scene;
  auto replacement = FileReplacement::begin(scene.fd.get(), "state", {});
  REQUIRE(replacement);
  struct stat written{};
  REQUIRE(::fstat(replacement->fd(), &written) == 0);
  const auto placed = replacement->put_in_place();
  REQUIRE(placed);
  struct stat named{};
  struct stat returned{};
  REQUIRE(::stat(scene.directory.path("state").c_str(), &named) == 0);
  REQUIRE(::fstat(placed->get(), &returned) == 0);
  CHECK(named.st_ino == written.st_ino);
  CHECK(returned.st_ino == written.st_ino);
}

TEST_CASE("a directory is synced, and a missing one is named") {
  const Scene scene;
  CHECK(sync_directory(scene.directory.path()));
  const auto missing = sync_directory(scene.directory.path("no"));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message.find("/no: no such file or directory") != std::string::npos);
}

TEST_CASE("a private file is new, whole, and closed to other users") {
  const Scene scene;
  const mode_t before = ::umask(GENERATE(0U, 0777U));
  const auto created = create_private_file(scene.directory.path("seed"), "seed");
  ::umask(before);
  REQUIRE(created);
  CHECK(scene.directory.read("seed") == "seed");
  struct stat status{};
  REQUIRE(::stat(scene.directory.path("seed").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0600);
}

TEST_CASE("a private file takes the place of nothing, a link included") {
  const Scene scene;
  fs::create_symlink("missing", scene.directory.path("link"));
  for (const char* name : {"state", "link"}) {
    const auto created = create_private_file(scene.directory.path(name), "new");
    REQUIRE_FALSE(created);
    CHECK(created.error().code == ErrorCode::conflict);
  }
  CHECK(scene.content() == "old");
  CHECK_FALSE(fs::exists(scene.directory.path("missing")));
  const auto nowhere = create_private_file(scene.directory.path("no/seed"), "new");
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().code == ErrorCode::failed);
}

TEST_CASE("no part of a private file stays after a failure") {
  const Scene scene;
  Result<void> created;
  {
    const FileSizeLimit limit(2);
    created = create_private_file(scene.directory.path("seed"), "canary");
  }
  REQUIRE_FALSE(created);
  CHECK(created.error().message == "write " + scene.directory.path("seed") + ": file too large");
  CHECK(scene.files() == 1);
}

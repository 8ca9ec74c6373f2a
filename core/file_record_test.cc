#include "core/file_record.h"

#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/unique_fd.h"
#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;

namespace {

struct Folder {
  TemporaryDirectory directory;
  UniqueFd fd{::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};

  RecordedFile file(const std::string& name) {
    directory.write(name, "value");
    struct stat status{};
    REQUIRE(::lstat(directory.path(name).c_str(), &status) == 0);
    return {.path = directory.path(name), .device = status.st_dev, .inode = status.st_ino};
  }
  void record(std::vector<RecordedFile> files, pid_t bot = 7) {
    REQUIRE(write_record(fd.get(), {.bot = bot, .files = std::move(files)}).has_value());
  }
  [[nodiscard]] bool has(const std::string& name) const {
    return std::filesystem::exists(std::filesystem::symlink_status(directory.path(name)));
  }
  Result<void> remove(std::optional<pid_t> bot = std::nullopt) {
    return remove_recorded_files(fd.get(), bot);
  }
};

}  // namespace

TEST_CASE("recorded files are removed, and then the record") {
  Folder folder;
  folder.record({folder.file("one"), folder.file("two")});
  folder.directory.write("other", "stays");
  REQUIRE(folder.remove().has_value());
  for (const char* name : {"one", "two", "files.json"}) CHECK_FALSE(folder.has(name));
  CHECK(folder.has("other"));
  CHECK(folder.remove().has_value());  // no record: nothing to do
}

TEST_CASE("a file that took the place of a recorded one stays") {
  Folder folder;
  const RecordedFile old = folder.file("one");
  const RecordedFile other = folder.file("two");
  REQUIRE(::rename(other.path.c_str(), old.path.c_str()) == 0);
  folder.record({old});
  CHECK(folder.remove().has_value());
  CHECK(folder.has("one"));
}

TEST_CASE("a link, a directory and what has gone are left alone") {
  Folder folder;
  const RecordedFile target = folder.file("target");
  std::filesystem::create_symlink(target.path, folder.directory.path("link"));
  std::filesystem::create_directory(folder.directory.path("directory"));
  struct stat status{};
  REQUIRE(::stat(folder.directory.path("directory").c_str(), &status) == 0);
  folder.record({{folder.directory.path("link"), target.device, target.inode},
                 {folder.directory.path("directory"), status.st_dev, status.st_ino},
                 {folder.directory.path("gone/file"), 1, 1},
                 {folder.directory.path("gone"), 1, 1}});
  CHECK(folder.remove().has_value());
  for (const char* name : {"target", "link", "directory"}) CHECK(folder.has(name));
}

TEST_CASE("a sidecar removes only what its own bot left") {
  Folder folder;
  folder.record({folder.file("one")}, 7);
  CHECK(folder.remove(8).has_value());
  CHECK(folder.has("one"));
  CHECK(folder.has("files.json"));
  CHECK(folder.remove(7).has_value());
  CHECK_FALSE(folder.has("one"));
}

TEST_CASE("a record of another user is not believed") {
  if (::geteuid() != 0) return;  // only root can give a file away
  Folder folder;
  folder.record({folder.file("one")});
  REQUIRE(::chown(folder.directory.path("files.json").c_str(), 4242, 4242) == 0);
  const auto removed = folder.remove();
  REQUIRE_FALSE(removed.has_value());
  CHECK(removed.error().code == ErrorCode::untrusted);
  CHECK(folder.has("one"));
}

TEST_CASE("a lock that somebody holds for ever does not stop the removal") {
  Folder folder;
  folder.record({folder.file("one")});
  const UniqueFd held(::open(folder.directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(::flock(held.get(), LOCK_EX) == 0);
  CHECK(folder.remove().has_value());
  CHECK_FALSE(folder.has("one"));
}

TEST_CASE("a record can be written and read again") {
  const FileRecord record{.bot = 12,
                          .files = {{"/run/a \"b", 1, 2}, {"/c", 0, 18446744073709551615U}}};
  CHECK(parse_record(record_json(record)).value() == record);
}

TEST_CASE("a record that makes no sense is refused") {
  for (const char* text :
       {"", "{}", R"({"pid":0,"files":[]})", R"({"pid":4294967297,"files":[]})",
        R"({"pid":1,"files":[{"path":"relative","device":"1","inode":"1"}]})",
        R"({"pid":1,"files":[{"path":"/x","device":"1","inode":"-1"}]})",
        R"({"pid":1,"files":[{"path":"/x","device":"1","inode":"99999999999999999999"}]})",
        R"({"pid":1,"files":[{"path":"/x","device":1,"inode":1}]})"}) {
    INFO(text);
    CHECK_FALSE(parse_record(text).has_value());
  }
}

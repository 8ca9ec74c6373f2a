#include "injector/path_file.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include <sys/stat.h>
#include <unistd.h>

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;

namespace {

// Of the build's own disk or a tmpfs, whatever /tmp is.
const PathFileOptions kAnywhere{.user = std::nullopt, .allow_disk = true};

struct Scene {
  TemporaryDirectory directory;
  std::string path = directory.path("files/key.json");

  [[nodiscard]] std::string content() const {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  [[nodiscard]] mode_t mode(const std::string& of) const {
    struct stat status{};
    REQUIRE(::lstat(of.c_str(), &status) == 0);
    return status.st_mode & 07777;
  }
  [[nodiscard]] bool exists() const { return std::filesystem::exists(path); }
};

}  // namespace

TEST_CASE("a file at a path has mode 0400 in a directory that is made with 0700") {
  const Scene scene;
  CHECK(check_path_file(scene.path, kAnywhere).has_value());
  CHECK_FALSE(scene.exists());
  const auto made = PathFile::make(scene.path, "line\nvalue", kAnywhere);
  REQUIRE(made.has_value());
  CHECK(scene.content() == "line\nvalue");
  CHECK(scene.mode(scene.path) == 0400);
  CHECK(scene.mode(scene.directory.path("files")) == 0700);
  struct stat status{};
  REQUIRE(::stat(scene.path.c_str(), &status) == 0);
  CHECK(made->record() == RecordedFile{scene.path, status.st_dev, status.st_ino});
}

TEST_CASE("a start that fails removes its file") {
  const Scene scene;
  std::optional<PathFile> kept;
  {
    auto made = PathFile::make(scene.path, "value", kAnywhere);
    REQUIRE(made.has_value());
    kept.emplace(std::move(*made));
  }
  CHECK(scene.exists());  // a moved-from object removes nothing
  kept.reset();
  CHECK_FALSE(scene.exists());
}

TEST_CASE("the file of an earlier start is replaced by a new file") {
  const Scene scene;
  auto first = PathFile::make(scene.path, "a longer value", kAnywhere);
  REQUIRE(first.has_value());
  const auto inode = first->record().inode;
  const auto second = PathFile::make(scene.path, "short", kAnywhere);
  REQUIRE(second.has_value());
  CHECK(scene.content() == "short");
  CHECK(second->record().inode != inode);
}

TEST_CASE("a file that no earlier start made is refused, and stays") {
  const Scene scene;
  std::filesystem::create_directory(scene.directory.path("files"));
  scene.directory.write("target", "not to be touched");
  SECTION("a file with another mode") { scene.directory.write("files/key.json", "own"); }
  SECTION("a link") { std::filesystem::create_symlink(scene.directory.path("target"), scene.path); }
  SECTION("a directory") { std::filesystem::create_directory(scene.path); }
  const auto made = PathFile::make(scene.path, "value", kAnywhere);
  REQUIRE_FALSE(made.has_value());
  CHECK(made.error().code == ErrorCode::conflict);
  CHECK_FALSE(check_path_file(scene.path, kAnywhere).has_value());
  CHECK(std::filesystem::exists(std::filesystem::symlink_status(scene.path)));
  CHECK(scene.directory.read("target") == "not to be touched");
}

TEST_CASE("a directory that others may write to is refused") {
  const Scene scene;
  std::filesystem::create_directory(scene.directory.path("files"));
  REQUIRE(::chmod(scene.directory.path("files").c_str(), 01777) == 0);
  const auto made = PathFile::make(scene.path, "value", kAnywhere);
  REQUIRE_FALSE(made.has_value());
  CHECK(made.error().code == ErrorCode::untrusted);
  CHECK_FALSE(check_path_file(scene.path, kAnywhere).has_value());
}

TEST_CASE("the parent of a missing directory must exist") {
  const Scene scene;
  CHECK_FALSE(PathFile::make(scene.directory.path("no/such/file"), "v", kAnywhere).has_value());
  CHECK_FALSE(check_path_file(scene.directory.path("no/such/file"), kAnywhere).has_value());
}

TEST_CASE("a file system other than a tmpfs is refused unless it is allowed") {
  const auto made =
      check_path_file("/proc/sys/secret", {.user = std::nullopt, .allow_disk = false});
  REQUIRE_FALSE(made.has_value());
  CHECK(made.error().message == "/proc/sys is not on a tmpfs");
  CHECK(made.error().hint.find("--allow-disk") != std::string::npos);
}

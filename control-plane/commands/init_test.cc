#include <filesystem>
#include <string>
#include <utility>

#include "control-plane/commands/init_files.h"
#include "control-plane/commands/test_command.h"
#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {
namespace {

namespace fs = std::filesystem;

Error refusal(const std::string& data_directory, const std::string& master_key_file) {
  FakeClock clock;
  const auto done = run_command({"init", "--data-dir", data_directory, "--master-key-file",
                                 master_key_file, "--organization", "acme"},
                                clock);
  REQUIRE_FALSE(done);
  return done.error();
}

}  // namespace

TEST_CASE("a master key inside the data directory is refused, for every spelling of the paths") {
  const TemporaryDirectory home;
  const std::string absolute = home.path("data");
  const std::string relative = "no-such-data";
  for (const auto& [data, key] :
       {std::pair(absolute, absolute + "/master.key"),
        std::pair(absolute + "/", absolute + "/keys/master.key"),
        std::pair(relative, relative + "/./master.key"),
        std::pair(relative, (fs::absolute(relative) / "master.key").string())}) {
    INFO(data << " " << key);
    CHECK(refusal(data, key).message == "the master key file is inside the data directory");
  }
}

TEST_CASE("an empty data directory is made private, and a public directory with files is refused") {
  const TemporaryDirectory home;
  const std::string volume = home.path("volume");
  home.write("file", "");
  const std::string no_directory = home.path("file/master.key");
  fs::create_directory(volume);
  fs::permissions(volume, fs::perms(0755));
  CHECK(refusal(volume, no_directory).code == ErrorCode::failed);
  CHECK(fs::status(volume).permissions() == fs::perms(0700));

  home.write("volume/notes", "mine");
  fs::permissions(volume, fs::perms(0750));
  CHECK(refusal(volume, no_directory).hint == "chmod 700 " + volume);
  CHECK(fs::status(volume).permissions() == fs::perms(0750));
}

TEST_CASE("an init that fails leaves none of the directories that it made") {
  const TemporaryDirectory home;
  home.write("file", "");
  CHECK(refusal(home.path("var/lib/data"), home.path("file/master.key")).code == ErrorCode::failed);
  CHECK_FALSE(fs::exists(home.path("var")));
}

TEST_CASE("the log of an earlier database is not left beside the new one") {
  const TemporaryDirectory home;
  fs::create_directories(home.path("data/.init"));
  home.write("data/.init/catalog.db", "new");
  home.write("data/catalog.db-wal", "of another catalog");
  home.write("data/catalog.db-shm", "of another catalog");
  REQUIRE(move_into_place(home.path("data/.init"), home.path("data")));
  CHECK(fs::exists(home.path("data/catalog.db")));
  CHECK_FALSE(fs::exists(home.path("data/catalog.db-wal")));
  CHECK_FALSE(fs::exists(home.path("data/catalog.db-shm")));
  CHECK_FALSE(fs::exists(home.path("data/.init")));
}

}  // namespace agent_secrets::control_plane

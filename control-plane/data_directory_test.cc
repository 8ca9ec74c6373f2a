#include "control-plane/data_directory.h"

#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {
namespace {

class Data {
 public:
  Data() {
    REQUIRE(::mkdir(path().c_str(), 0700) == 0);
    add("catalog.db");
    add("region-us-west.db");
  }
  [[nodiscard]] std::string path() const { return directory.path("data"); }
  [[nodiscard]] std::string file(const std::string& name) const { return path() + "/" + name; }
  void add(const std::string& name) {
    directory.write("data/" + name, "");
    REQUIRE(::chmod(file(name).c_str(), 0600) == 0);
  }
  Error refused() {
    auto checked = check_data_directory(path());
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().code == ErrorCode::invalid);
    return checked.error();
  }
  TemporaryDirectory directory;
};

}  // namespace

TEST_CASE("a data directory of its owner alone is taken") {
  const Data data;
  CHECK(check_data_directory(data.path()).has_value());
}

TEST_CASE(
    "a data directory that group or others may use is refused, with the command that mends it") {
  Data data;
  for (const mode_t mode : {0777, 0770, 0750, 0701, 0711}) {
    REQUIRE(::chmod(data.path().c_str(), mode) == 0);
    CHECK(data.refused().hint == "chmod 700 " + data.path());
  }
}

TEST_CASE("a database that group or others may use is refused") {
  Data data;
  for (const char* name :
       {"catalog.db", "region-us-west.db", "catalog.db-wal", "reserve", "catalog.db.schema-1"}) {
    data.add(name);
    for (const mode_t mode : {0666, 0640, 0604}) {
      REQUIRE(::chmod(data.file(name).c_str(), mode) == 0);
      CHECK(data.refused().hint == "chmod 600 " + data.file(name));
    }
    REQUIRE(::chmod(data.file(name).c_str(), 0600) == 0);
  }
}

TEST_CASE("a database that is a link or a directory is refused") {
  Data data;
  std::filesystem::create_symlink("catalog.db", data.file("region-eu.db"));
  CHECK(data.refused().message == data.file("region-eu.db") + " is not a regular file");
  std::filesystem::remove(data.file("region-eu.db"));
  std::filesystem::create_directory(data.file("region-eu.db"));
  CHECK(data.refused().message == data.file("region-eu.db") + " is not a regular file");
}

TEST_CASE("what is not ours in a data directory is left to its owner") {
  const Data data;
  std::filesystem::create_directory(data.file("lost+found"));
  data.directory.write("data/README", "");
  CHECK(check_data_directory(data.path()).has_value());
}

TEST_CASE("root does not take another user's data directory or database") {
  if (::geteuid() != 0) return;  // nobody else can give files away
  Data data;
  REQUIRE(::chown(data.file("catalog.db").c_str(), 12345, 12345) == 0);
  CHECK(data.refused().message.find("belongs to user 12345") != std::string::npos);
  REQUIRE(::chown(data.path().c_str(), 12345, 12345) == 0);
  CHECK(data.refused().message.find(data.path() + " belongs to user 12345") == 0);
  CHECK_FALSE(check_owner_of_directory(data.path()).has_value());
}

}  // namespace agent_secrets::control_plane

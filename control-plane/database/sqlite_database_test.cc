#include "control-plane/database/sqlite_database.h"

#include <sys/stat.h>

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {

TEST_CASE("a database and its copy are for their owner alone", "[database]") {
  const TemporaryDirectory directory;
  auto opened = SqliteDatabase::open(directory.path("a.db"));
  REQUIRE(opened);
  REQUIRE((*opened)->migrate_to(1, "a", "CREATE TABLE a (x INTEGER)"));
  REQUIRE((*opened)->copy_to(directory.path("b.db")));
  for (const char* name : {"a.db", "b.db"}) {
    struct stat facts{};
    REQUIRE(::stat(directory.path(name).c_str(), &facts) == 0);
    CHECK((facts.st_mode & 07777) == 0600);
  }
  auto copy = SqliteDatabase::open(directory.path("b.db"));
  REQUIRE(copy);
  CHECK((*copy)->schema_version().value() == 1);
}

}  // namespace agent_secrets::control_plane

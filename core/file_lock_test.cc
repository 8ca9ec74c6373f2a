#include "core/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/unique_fd.h"
#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;

namespace {

struct LockFile {
  LockFile() { directory.write("lock", ""); }
  [[nodiscard]] UniqueFd open(int flags) const {
    return UniqueFd(::open(directory.path("lock").c_str(), flags | O_CLOEXEC));
  }
  TemporaryDirectory directory;
};

}  // namespace

TEST_CASE("a life lock is seen by whoever may read the file, and is gone with its holder") {
  const LockFile file;
  const UniqueFd looking = file.open(O_RDONLY);
  CHECK_FALSE(*is_life_locked(looking.get()));
  UniqueFd holding = file.open(O_RDWR);
  REQUIRE(take_life_lock(holding.get()));
  CHECK(*is_life_locked(looking.get()));
  CHECK(take_life_lock(file.open(O_RDWR).get()).error().code == ErrorCode::conflict);
  holding.reset();
  CHECK_FALSE(*is_life_locked(looking.get()));
}

TEST_CASE("whoever may only read the file cannot pass for a life lock's holder") {
  const LockFile file;
  const UniqueFd reader = file.open(O_RDONLY);
  CHECK_FALSE(take_life_lock(reader.get()));
  REQUIRE(::flock(reader.get(), LOCK_EX) == 0);
  struct flock reading{};
  reading.l_type = F_RDLCK;
  reading.l_whence = SEEK_SET;
  REQUIRE(::fcntl(reader.get(), F_OFD_SETLK, &reading) == 0);
  CHECK_FALSE(*is_life_locked(file.open(O_RDONLY).get()));
}

#include "control-plane/database/disk_reserve.h"

#include <filesystem>

#include <sys/stat.h>

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {
namespace {

class Reserved {
 public:
  [[nodiscard]] std::string file() const { return directory.path(kReserveFile); }
  [[nodiscard]] std::uintmax_t size() const { return std::filesystem::file_size(file()); }
  std::unique_ptr<DiskReserve> open() {
    auto reserve = DiskReserve::open(directory.path(""));
    REQUIRE(reserve);
    return std::move(*reserve);
  }
  TemporaryDirectory directory;
};

}  // namespace

TEST_CASE("a reserve takes its room at once, in a file of its owner alone") {
  Reserved disk;
  CHECK(disk.open()->is_whole());
  struct stat facts{};
  REQUIRE(::stat(disk.file().c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0600);
  CHECK(facts.st_blocks * 512 >= facts.st_size);
  CHECK(facts.st_size > 0);
}

TEST_CASE("a released reserve is empty, for every process, until it is filled again") {
  Reserved disk;
  const auto reserve = disk.open();
  const auto other = disk.open();
  {
    const auto spending = reserve->release();
  }
  CHECK(disk.size() == 0);
  CHECK_FALSE(other->is_whole());
  CHECK(other->refill());
  CHECK(reserve->is_whole());
}

TEST_CASE("nobody fills a reserve while somebody writes into its room") {
  Reserved disk;
  const auto reserve = disk.open();
  const auto other = disk.open();
  {
    const auto spending = reserve->release();
    CHECK_FALSE(other->refill());
    CHECK(disk.size() == 0);
    const auto together = other->release();
  }
  CHECK(other->refill());
}

TEST_CASE("a reserve that is a link is not followed") {
  Reserved disk;
  std::filesystem::create_symlink("elsewhere", disk.file());
  CHECK_FALSE(DiskReserve::open(disk.directory.path("")).has_value());
}

}  // namespace agent_secrets::control_plane

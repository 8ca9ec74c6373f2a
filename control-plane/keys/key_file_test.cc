#include "control-plane/keys/key_file.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/write_file.h"
#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {
namespace {

// An entry of an access control list, as the kernel stores it (linux/posix_acl_xattr.h).
struct Entry {
  std::uint16_t tag;
  std::uint16_t rights;
  std::uint32_t id;
};
constexpr std::uint32_t kNoId = 0xffffffff;
constexpr Entry kOwnerReads{.tag = 0x01, .rights = 4, .id = kNoId};
constexpr Entry kGroupNothing{.tag = 0x04, .rights = 0, .id = kNoId};
constexpr Entry kGroupReads{.tag = 0x04, .rights = 4, .id = kNoId};
constexpr Entry kMaskReads{.tag = 0x10, .rights = 4, .id = kNoId};
constexpr Entry kOthersNothing{.tag = 0x20, .rights = 0, .id = kNoId};

Entry user_reads(std::uint32_t id) { return {.tag = 0x02, .rights = 4, .id = id}; }

// False where the file system has no such lists.
bool set_list(const std::string& path, const std::vector<Entry>& entries) {
  const std::uint32_t version = 2;
  std::vector<std::uint8_t> bytes(sizeof version + entries.size() * sizeof(Entry));
  std::memcpy(bytes.data(), &version, sizeof version);
  std::memcpy(bytes.data() + sizeof version, entries.data(), entries.size() * sizeof(Entry));
  return ::setxattr(path.c_str(), "system.posix_acl_access", bytes.data(), bytes.size(), 0) == 0;
}

Result<SecretBuffer> read(const std::string& path) { return read_key_file(path, "the key", 10); }

}  // namespace

TEST_CASE("a file of root that a list opens to this user alone is private, as systemd makes it") {
  if (::geteuid() != 0) return;
  const TemporaryDirectory directory;
  const std::string path = directory.path("key");
  REQUIRE(create_private_file(path, "key"));
  const Entry ours = user_reads(::geteuid());
  if (!set_list(path, {kOwnerReads, ours, kGroupNothing, kMaskReads, kOthersNothing})) {
    REQUIRE(errno == ENOTSUP);
    return;
  }
  struct stat facts{};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  REQUIRE((facts.st_mode & 0777) == 0440);
  CHECK(read(path)->expose_text() == "key");
  const Entry another = user_reads(12345);
  REQUIRE(set_list(path, {kOwnerReads, another, kGroupNothing, kMaskReads, kOthersNothing}));
  CHECK(read(path).error().message.find("group or others may read") != std::string::npos);
  REQUIRE(set_list(path, {kOwnerReads, ours, kGroupReads, kMaskReads, kOthersNothing}));
  CHECK_FALSE(read(path));
  // The file of another user than root.
  REQUIRE(set_list(path, {kOwnerReads, ours, kGroupNothing, kMaskReads, kOthersNothing}));
  REQUIRE(::chown(path.c_str(), 12345, 0) == 0);
  CHECK_FALSE(read(path));
}

TEST_CASE("a file with mode 0440 and without a list is refused") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("key");
  REQUIRE(create_private_file(path, "key"));
  REQUIRE(::chmod(path.c_str(), 0400) == 0);
  CHECK(read(path));
  REQUIRE(::chmod(path.c_str(), 0440) == 0);
  CHECK_FALSE(read(path));
}

}  // namespace agent_secrets::control_plane

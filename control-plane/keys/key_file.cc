#include "control-plane/keys/key_file.h"

#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/unique_fd.h"

namespace agent_secrets::control_plane {
namespace {

std::unexpected<Error> system_failure(std::string_view verb, const std::string& path) {
  return fail(ErrorCode::failed, fmt::format("{} {}: {}", verb, path, errno_message(errno)));
}

// One entry of the extended attribute, which is little endian (linux/posix_acl_xattr.h).
struct AclEntry {
  std::uint16_t tag;
  std::uint16_t rights;
  std::uint32_t id;
};
static_assert(std::endian::native == std::endian::little);
constexpr std::size_t kAclHeader = 4;
constexpr std::size_t kAclEntries = 16;  // a credential of systemd has 5
enum AclTag : std::uint16_t {
  kOwner = 0x01,
  kNamedUser = 0x02,
  kMask = 0x10,
};

// The entry gives nothing to another user than the owner or the user of this process.
bool is_harmless(const AclEntry& entry) {
  if (entry.tag == kOwner || entry.tag == kMask || entry.rights == 0) return true;
  return entry.tag == kNamedUser && entry.id == ::geteuid();
}

// False for a file without a list too.
bool has_private_acl(int fd) {
  std::array<std::uint8_t, kAclHeader + kAclEntries * sizeof(AclEntry)> bytes{};
  const ssize_t size = ::fgetxattr(fd, "system.posix_acl_access", bytes.data(), bytes.size());
  if (size < static_cast<ssize_t>(kAclHeader)) return false;
  for (std::size_t at = kAclHeader; at + sizeof(AclEntry) <= static_cast<std::size_t>(size);
       at += sizeof(AclEntry)) {
    AclEntry entry{};
    std::memcpy(&entry, bytes.data() + at, sizeof entry);
    if (!is_harmless(entry)) return false;
  }
  return true;
}

bool is_private(int fd, const struct stat& facts) {
  if ((facts.st_mode & 077) == 0) return true;
  return facts.st_uid == 0 && (facts.st_mode & 037) == 0 && has_private_acl(fd);
}

Result<void> check_private(int fd, const std::string& path, std::string_view key) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) return system_failure("stat", path);
  if (!S_ISREG(facts.st_mode)) return fail(ErrorCode::invalid, path + ": not a regular file");
  if (is_private(fd, facts)) return {};
  return fail(ErrorCode::invalid, fmt::format("{}: group or others may read {}", path, key),
              fmt::format("run chmod 600 {}", path));
}

// Reads to the end of the file, or until the buffer is full. Returns the number of bytes.
Result<std::size_t> read_into(SecretBuffer& text, int fd, const std::string& path) {
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd, text.expose().data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure("read", path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  return size;
}

// Null if the variable is not set, or empty.
char* find_variable(const char* name) {
  char* const variable = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): see the header
  return variable == nullptr || *variable == '\0' ? nullptr : variable;
}

}  // namespace

Result<SecretBuffer> read_key_file(const std::string& path, std::string_view key,
                                   std::size_t max_size) {
  // Opening a FIFO would wait for its writer.
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) return system_failure(fmt::format("open {}", key), path);
  if (auto ok = check_private(file.get(), path, key); !ok) return propagate(ok);
  SecretBuffer text(max_size + 2);  // room for a newline, and for one byte too many
  auto size = read_into(text, file.get(), path);
  if (!size) return propagate(size);
  text.truncate(*size);
  if (text.expose_text().ends_with('\n')) text.truncate(text.size() - 1);
  if (text.size() <= max_size) return text;
  return fail(ErrorCode::too_large, fmt::format("{}: longer than {} bytes", path, max_size));
}

bool has_key_variable(const char* name) { return find_variable(name) != nullptr; }

std::optional<SecretBuffer> take_key_variable(const char* name) {
  char* const variable = find_variable(name);
  if (variable == nullptr) return std::nullopt;
  SecretBuffer text = SecretBuffer::copy_of(std::string_view(variable));
  wipe_memory(variable, std::strlen(variable));
  ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe): see the header
  return text;
}

}  // namespace agent_secrets::control_plane

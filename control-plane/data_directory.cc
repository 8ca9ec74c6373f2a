#include "control-plane/data_directory.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace agent_secrets::control_plane {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kOfOthers = 077;

// Other names (lost+found, a file of the operator's) are none of ours.
bool is_ours(std::string_view name) {
  constexpr std::string_view beginnings[] = {"catalog.db", "region-", "reserve"};
  return std::ranges::any_of(beginnings,
                             [&](std::string_view begin) { return name.starts_with(begin); });
}

Result<void> check_owner(const std::string& path, const struct stat& facts) {
  if (facts.st_uid == ::geteuid()) return {};
  return fail(ErrorCode::invalid,
              fmt::format("{} belongs to user {}, and this program runs as user {}", path,
                          facts.st_uid, ::geteuid()),
              fmt::format("run it as user {}, or change the owner: chown {} {}", facts.st_uid,
                          ::geteuid(), path));
}

Result<void> check_mode(const std::string& path, const struct stat& facts,
                        std::string_view private_mode) {
  if ((facts.st_mode & kOfOthers) == 0) return {};
  return fail(
      ErrorCode::invalid,
      fmt::format("{} has mode {:04o}: group or others may use it", path, facts.st_mode & 07777),
      fmt::format("chmod {} {}", private_mode, path));
}

// A file may go between the listing and the look: SQLite removes its -wal.
Result<void> check_file(const std::string& path) {
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT) return {};
    return fail(ErrorCode::failed, fmt::format("stat {}: {}", path, errno_message(errno)));
  }
  if (!S_ISREG(facts.st_mode)) {
    return fail(ErrorCode::invalid, path + " is not a regular file",
                "move it away, and put the file itself in its place");
  }
  if (auto ok = check_owner(path, facts); !ok) return ok;
  return check_mode(path, facts, "600");
}

std::unexpected<Error> directory_failure(std::string_view verb, const std::string& directory) {
  const int error = errno;
  return fail(ErrorCode::failed,
              fmt::format("{} data directory {}: {}", verb, directory, errno_message(error)),
              error == ENOENT ? kNoDataDirectoryHint : "check that this user may write there");
}

Result<struct stat> facts_of_directory(const std::string& directory) {
  struct stat facts{};
  if (::stat(directory.c_str(), &facts) != 0) {
    return fail(ErrorCode::failed,
                fmt::format("open data directory {}: {}", directory, errno_message(errno)));
  }
  return facts;
}

}  // namespace

Result<void> check_owner_of_directory(const std::string& directory) {
  auto facts = facts_of_directory(directory);
  if (!facts) return propagate(facts);
  return check_owner(directory, *facts);
}

Result<void> check_data_directory(const std::string& directory) {
  auto facts = facts_of_directory(directory);
  if (!facts) return propagate(facts);
  if (auto ok = check_owner(directory, *facts); !ok) return ok;
  if (auto ok = check_mode(directory, *facts, "700"); !ok) return ok;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (!is_ours(entry.path().filename().native())) continue;
    if (auto ok = check_file(entry.path()); !ok) return ok;
  }
  if (!error) return {};
  return fail(ErrorCode::failed, fmt::format("read {}: {}", directory, error.message()));
}

Result<void> make_data_directory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return directory_failure("create", directory);
}

// The lock is on the directory itself (flock(2)): nothing to clean up, gone with its holder.
Result<UniqueFd> lock_data_directory(const std::string& directory) {
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return directory_failure("open", directory);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return directory_failure("lock", directory);
  return fail(ErrorCode::conflict,
              fmt::format("data directory {} is served by another process", directory),
              "stop the other secret-control-plane, or use another data directory");
}

}  // namespace agent_secrets::control_plane

#include "injector/bot_claim.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file_lock.h"
#include "core/file_record.h"
#include "core/json_reader.h"
#include "core/shared_names.h"
#include "core/unique_fd.h"
#include "core/write_file.h"

namespace agent_secrets {
namespace {

constexpr const char* kClaimFile = "bot.json";
constexpr const char* kLockFile = ".bot.lock";
constexpr std::size_t kClaimMax = 4096;
constexpr std::size_t kProcFileMax = 4096;
constexpr std::size_t kIdentityMax = 128;
// Long enough: a start holds the lock for less than a millisecond.
constexpr std::chrono::milliseconds kLockPatience{200};
constexpr std::chrono::milliseconds kLockPoll{5};

// "" could not be read back.
boost::json::value text_or_null(const std::string& text) {
  return text.empty() ? boost::json::value(nullptr) : boost::json::value(text);
}

// The content of a small file; absent if it cannot be read.
std::optional<std::string> read_small(int folder, const char* name, std::size_t most) {
  const UniqueFd file(
      ::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file.is_open()) return std::nullopt;
  std::string text(most, '\0');
  ssize_t size = -1;
  do {
    size = ::read(file.get(), text.data(), text.size());
  } while (size < 0 && errno == EINTR);
  if (size < 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::string read_link(const char* path) {
  std::array<char, kIdentityMax> target{};
  const ssize_t size = ::readlink(path, target.data(), target.size());
  return size > 0 ? std::string(target.data(), static_cast<std::size_t>(size)) : std::string();
}

struct ProcessStat {
  char state = '\0';
  std::uint64_t start_time = 0;
};

// /proc/PID/stat. The second field is the program's name in brackets and may contain any character,
// so the fields are counted from the last bracket: the third field follows it.
std::optional<ProcessStat> read_stat(const std::string& path) {
  const auto text = read_small(AT_FDCWD, path.c_str(), kProcFileMax);
  if (!text) return std::nullopt;
  const std::size_t bracket = text->rfind(')');
  if (bracket == std::string::npos || bracket + 2 >= text->size()) return std::nullopt;
  std::string_view rest = std::string_view(*text).substr(bracket + 2);
  ProcessStat stat{.state = rest.front(), .start_time = 0};
  constexpr int kFieldsBetween = 22 - 3;
  for (int field = 0; field < kFieldsBetween; ++field) {
    const std::size_t space = rest.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(space + 1);
  }
  const auto [end, error] =
      std::from_chars(rest.data(), rest.data() + rest.size(), stat.start_time);
  if (error != std::errc()) return std::nullopt;
  return stat;
}

bool differ(const std::string& one, const std::string& other) {
  return !one.empty() && !other.empty() && one != other;
}

bool lives_here(const ProcessIdentity& process) {
  const auto stat = read_stat(fmt::format("/proc/{}/stat", process.pid));
  if (stat && process.start_time != 0) {
    return stat->start_time == process.start_time && stat->state != 'Z' && stat->state != 'X';
  }
  // Without /proc, or if it hides the processes of other users (hidepid), kill(2) shows whether the
  // PID exists.
  return ::kill(process.pid, 0) == 0 || errno == EPERM;
}

bool has_living_sidecar(int folder) {
  const UniqueFd file(::openat(folder, kSidecarAliveFile,
                               O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file.is_open()) return false;
  const auto locked = is_life_locked(file.get());
  return locked && *locked;
}

// The lock file, locked; not open if it cannot be locked in time. Then two starts at the same time
// may both claim the directory, but both can start.
UniqueFd take_turn(int folder, Clock& clock) {
  UniqueFd file(::openat(folder, kLockFile, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.is_open()) return file;
  const auto end = clock.monotonic() + kLockPatience;
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if ((errno != EWOULDBLOCK && errno != EINTR) || clock.monotonic() >= end) return UniqueFd();
    clock.sleep_for(kLockPoll);
  }
  return file;
}

std::optional<BotClaim> read_claim(int folder) {
  const auto text = read_small(folder, kClaimFile, kClaimMax);
  if (!text) return std::nullopt;
  auto claim = parse_claim(*text);
  if (!claim) return std::nullopt;  // an invalid claim has no effect
  return std::move(*claim);
}

}  // namespace

ProcessIdentity own_identity() {
  ProcessIdentity own;
  own.pid = ::getpid();
  own.pid_namespace = read_link("/proc/self/ns/pid");
  if (const auto stat = read_stat("/proc/self/stat")) own.start_time = stat->start_time;
  if (auto boot = read_small(AT_FDCWD, "/proc/sys/kernel/random/boot_id", kIdentityMax)) {
    own.boot_id = boot->substr(0, boot->find('\n'));
  }
  return own;
}

std::string claim_json(const BotClaim& claim) {
  const boost::json::object object{{"schema", 1},
                                   {"pid", claim.process.pid},
                                   {"start_time", claim.process.start_time},
                                   {"pid_namespace", text_or_null(claim.process.pid_namespace)},
                                   {"boot_id", text_or_null(claim.process.boot_id)},
                                   {"has_sidecar", claim.has_sidecar},
                                   {"has_files", claim.has_files}};
  return boost::json::serialize(object) + '\n';
}

Result<BotClaim> parse_claim(std::string_view json) {
  JsonDocument document(json, kClaimMax);
  const JsonObject root = document.root();
  const std::int64_t pid = root.integer("pid");
  BotClaim claim{
      .process = {.pid = static_cast<pid_t>(pid),
                  .start_time = static_cast<std::uint64_t>(root.integer("start_time")),
                  .pid_namespace = std::string(root.optional_text("pid_namespace", kIdentityMax)),
                  .boot_id = std::string(root.optional_text("boot_id", kIdentityMax))},
      .has_sidecar = root.boolean("has_sidecar"),
      .has_files = root.has("has_files") && root.boolean("has_files")};
  if (auto read = document.finish(); !read) return propagate(read, kClaimFile);
  if (pid <= 0 || claim.process.pid != pid) {
    return fail(ErrorCode::invalid, fmt::format("{}: {} is no PID", kClaimFile, pid));
  }
  return claim;
}

bool is_held_by_another(const BotClaim& claim, const ProcessIdentity& self, int folder) {
  const ProcessIdentity& process = claim.process;
  if (differ(process.boot_id, self.boot_id)) return false;
  if (differ(process.pid_namespace, self.pid_namespace)) {
    return claim.has_sidecar && has_living_sidecar(folder);
  }
  // A bot that starts itself again through the injector is the same process.
  return process.pid != self.pid && lives_here(process);
}

std::optional<pid_t> find_holder(int folder, const ProcessIdentity& self) {
  const auto standing = read_claim(folder);
  if (!standing || !is_held_by_another(*standing, self, folder)) return std::nullopt;
  return standing->process.pid;
}

Result<std::optional<pid_t>> claim_directory(int folder, const BotClaim& claim, Clock& clock) {
  const UniqueFd turn = take_turn(folder, clock);
  const auto standing = read_claim(folder);
  if (standing && is_held_by_another(*standing, claim.process, folder)) {
    return standing->process.pid;
  }
  // A file that cannot be removed does not stop the start. Its record stays for the next start.
  BotClaim made = claim;
  if (standing && standing->has_files && !remove_recorded_files(folder)) made.has_files = true;
  auto written = replace_file(folder, kClaimFile, claim_json(made), {.mode = 0644});
  if (!written) return propagate(written);
  return std::nullopt;
}

}  // namespace agent_secrets

#include "core/file_record.h"

#include <cerrno>
#include <charconv>
#include <filesystem>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/directory.h"
#include "core/json_reader.h"
#include "core/limits.h"
#include "core/unique_fd.h"
#include "core/write_file.h"

namespace agent_secrets {
namespace {

constexpr const char* kRecordFile = "files.json";
constexpr std::string_view kNoun = "directory of a secret file";
constexpr std::size_t kNumberMax = 20;  // digits of a 64-bit number
constexpr std::size_t kRecordMax = limits::kSecretFiles * (6 * limits::kSecretFilePath + 128) + 128;
// A removal takes less than a millisecond.
constexpr std::chrono::milliseconds kTurnPatience{200};
constexpr std::chrono::milliseconds kTurnPoll{5};

std::unexpected<Error> fail_errno(std::string_view what, std::string_view name) {
  return fail(ErrorCode::failed, fmt::format("{} {}: {}", what, name, errno_message(errno)));
}

std::uint64_t number(const JsonObject& object, std::string_view name) {
  const std::string_view text = object.text(name, kNumberMax);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    object.refuse(name, "not a number");
  }
  return value;
}

// Held until the descriptor is closed. Not open where the lock cannot be had in time: another user
// who may read the directory could hold it for ever, and that must not keep a bot from starting.
UniqueFd take_turn(int folder) {
  UniqueFd own(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  SystemClock clock;
  const auto end = clock.monotonic() + kTurnPatience;
  while (own.is_open() && ::flock(own.get(), LOCK_EX | LOCK_NB) != 0) {
    if ((errno != EWOULDBLOCK && errno != EINTR) || clock.monotonic() >= end) return UniqueFd();
    clock.sleep_for(kTurnPoll);
  }
  return own;
}

Result<std::string> read_text(int fd) {
  std::string text(kRecordMax + 1, '\0');
  std::size_t size = 0;
  for (;;) {
    const ssize_t count = ::read(fd, text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("read", kRecordFile);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  text.resize(size);
  return text;
}

Result<std::optional<FileRecord>> read_record(int folder) {
  const UniqueFd file(
      ::openat(folder, kRecordFile, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file.is_open() && errno == ENOENT) return std::nullopt;
  if (!file.is_open()) return fail_errno("open", kRecordFile);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail_errno("stat", kRecordFile);
  if (!S_ISREG(status.st_mode) || (status.st_uid != 0 && status.st_uid != ::geteuid())) {
    return fail(ErrorCode::untrusted, fmt::format("{} is another user's", kRecordFile));
  }
  auto text = read_text(file.get());
  if (!text) return propagate(text);
  auto record = parse_record(*text);
  if (!record) return propagate(record);
  return std::move(*record);
}

}  // namespace

std::string record_json(const FileRecord& record) {
  boost::json::array files;
  for (const RecordedFile& file : record.files) {
    files.push_back(boost::json::object{{"path", file.path},
                                        {"device", std::to_string(file.device)},
                                        {"inode", std::to_string(file.inode)}});
  }
  return boost::json::serialize(
             boost::json::object{{"schema", 1}, {"pid", record.bot}, {"files", std::move(files)}}) +
         '\n';
}

Result<FileRecord> parse_record(std::string_view json) {
  JsonDocument document(json, kRecordMax);
  const JsonObject root = document.root();
  const std::int64_t pid = root.integer("pid");
  FileRecord record{.bot = static_cast<pid_t>(pid), .files = {}};
  if (record.bot != pid || pid == 0) root.refuse("pid", "not a PID");
  for (const JsonObject& file : root.objects("files", limits::kSecretFiles)) {
    const std::string_view path = file.text("path", limits::kSecretFilePath);
    if (!path.starts_with('/')) file.refuse("path", "not absolute");
    record.files.push_back({.path = std::string(path),
                            .device = number(file, "device"),
                            .inode = number(file, "inode")});
  }
  if (auto read = document.finish(); !read) return propagate(read, kRecordFile);
  return record;
}

Result<void> write_record(int folder, const FileRecord& record) {
  // Readable by all, because the sidecar may run as another user.
  return replace_file(folder, kRecordFile, record_json(record), {.mode = 0644});
}

Result<void> remove_file(const RecordedFile& file) {
  const std::filesystem::path path(file.path);
  const std::string name = path.filename();
  const auto directory = open_directory(path.parent_path(), kNoun);
  if (!directory && directory.error().code == ErrorCode::not_found) return {};
  if (!directory) return std::unexpected(directory.error());
  struct stat status{};
  if (::fstatat(directory->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? Result<void>() : fail_errno("stat", file.path);
  }
  const bool is_recorded =
      S_ISREG(status.st_mode) && status.st_dev == file.device && status.st_ino == file.inode;
  if (!is_recorded) return {};  // another file has that path now
  if (::unlinkat(directory->get(), name.c_str(), 0) != 0 && errno != ENOENT) {
    return fail_errno("remove", file.path);
  }
  return {};
}

Result<void> remove_recorded_files(int folder, std::optional<pid_t> bot) {
  const UniqueFd turn = take_turn(folder);
  const auto record = read_record(folder);
  if (!record) return std::unexpected(record.error());
  if (!record->has_value() || (bot && (*record)->bot != *bot)) return {};
  Result<void> all;
  for (const RecordedFile& file : (*record)->files) {
    auto removed = remove_file(file);
    if (!removed && all) all = std::move(removed);
  }
  if (all && ::unlinkat(folder, kRecordFile, 0) != 0 && errno != ENOENT) {
    return fail_errno("remove", kRecordFile);
  }
  return all;
}

}  // namespace agent_secrets

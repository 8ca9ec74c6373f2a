#pragma once
// The directory through which injector, bot and sidecar tell each other what runs (default
// /run/agent-secrets). A reader of a file finds the whole old or the whole new content
// (core/write_file.h). Writes are not synced to disk, because no file here outlives the containers
// that share the directory.
//
// One sidecar per directory: while it lives it holds a flock on sidecar.lock, which only its user
// can open. It also holds a lock on sidecar.alive (core/file_lock.h), by which every user can see
// that a sidecar lives.
//
// Threads: safe from several.

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/shared_names.h"
#include "core/unique_fd.h"

namespace agent_secrets::sidecar {

// An answer of the control plane, and what is said beside it.
inline constexpr std::size_t kStateFileMax = limits::kResponseBody + 64 * 1024;
// Each process of the bot that counts sessions has one.
inline constexpr std::size_t kStateFilesMax = 4096;

class StateDirectory {
 public:
  // Creates the directory (its parent must exist) if need be.
  static Result<StateDirectory> open(const std::string& path);
  // Only to read.
  static Result<StateDirectory> open_existing(const std::string& path);

  // Takes the lock, waiting up to `patience` for a predecessor that is about to go.
  // ErrorCode::conflict while another sidecar holds it.
  Result<void> lock(Clock& clock, std::chrono::milliseconds patience);
  // Whether a sidecar, in whatever container, holds the lock.
  [[nodiscard]] Result<bool> is_locked() const;

  // Only while lock() holds: another sidecar would write into the same temporary file.
  Result<void> write(std::string_view name, std::string_view text);
  Result<void> remove(std::string_view name);  // fine if it is not there
  [[nodiscard]] Result<std::optional<std::string>> read(std::string_view name) const;
  // What a process has written that still lives: it holds a lock on the file (core/file_lock.h),
  // and replaces the file by one that it has locked before. The file of a process that has ended is
  // removed.
  Result<std::optional<std::string>> read_of_living(std::string_view name);
  // Of all its files. ErrorCode::too_large past kStateFilesMax.
  [[nodiscard]] Result<std::vector<std::string>> names() const;

  // After this, no write of another thread is under way, and none will begin: for a process that is
  // about to end without asking its threads.
  void freeze();

 private:
  StateDirectory(std::string path, UniqueFd directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}
  Result<UniqueFd> show_life() const;
  [[nodiscard]] UniqueFd open_to_read(std::string_view name) const;
  [[nodiscard]] Result<bool> is_still(std::string_view name, int fd) const;

  std::string path_;
  UniqueFd directory_;
  UniqueFd lock_;
  UniqueFd alive_;
  std::unique_ptr<std::mutex> writing_ = std::make_unique<std::mutex>();
};

}  // namespace agent_secrets::sidecar

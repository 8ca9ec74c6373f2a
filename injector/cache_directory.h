#pragma once
// The directory behind --cache-dir, and the small files in it. Every file is read and written
// through one descriptor of the directory, so nothing can be swapped between two steps.
//
// The injector trusts the files for the last bundle and the highest sequence. So only this user may
// write to the directory and to each file: owner, mode 0600, no link. Anything else is refused
// (ErrorCode::untrusted) and never repaired. A directory that a group may write to, such as
// a Kubernetes volume with fsGroup (mode 2770), is refused too: the content is sealed, but any
// member of the group could replace it by an older bundle.
//
// Several injectors may share the directory: writers hold flock(2) on it. A reader needs no lock,
// because a file is always replaced as a whole.
//
// Ownership: holds the directory's descriptor. Threads: one.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets {

// The hint for a file that differs from the files that a start writes (owner, mode, content).
inline constexpr std::string_view kRemoveFileHint =
    "find out who changed it, then remove it: the next start fetches a new one";

class CacheDirectory {
 public:
  // Makes the directory (0700) where it is missing. ErrorCode::untrusted when others may write to
  // it.
  static Result<CacheDirectory> open(const std::string& path);
  // Makes no directory: a missing directory is ErrorCode::not_found.
  static Result<CacheDirectory> open_existing(const std::string& path);

  // The content of one file; absent if there is none. ErrorCode::untrusted for a file that another
  // user owns or may access, that is not a plain file, or that is larger than `limit`.
  [[nodiscard]] Result<std::optional<std::string>> read(const std::string& name,
                                                        std::size_t limit) const;
  // Call it under the lock. A crash at any point leaves the old file or the new file
  // (core/write_file.h).
  [[nodiscard]] Result<void> replace(const std::string& name, std::string_view content) const;
  // At most `limit` of the names in the directory that end in `suffix`.
  [[nodiscard]] std::vector<std::string> names(std::string_view suffix, std::size_t limit) const;

  // Waits at most `patience` for other writers. Holds the lock until unlock().
  [[nodiscard]] Result<void> lock(std::chrono::milliseconds patience, Clock& clock) const;
  void unlock() const;

  [[nodiscard]] std::string path_of(const std::string& name) const { return path_ + '/' + name; }

 private:
  static Result<CacheDirectory> adopt(const std::string& path, UniqueFd fd);
  CacheDirectory(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  std::string path_;
  UniqueFd fd_;
};

}  // namespace agent_secrets

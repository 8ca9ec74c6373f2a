#pragma once
// A value in a file at a path (`--file KEY=VARIABLE:PATH`), for programs that need a path of their
// own. The file must be on a tmpfs, which is memory, unless the user allows a disk.
//
// The file has mode 0400 and belongs to the command's user. Its directory must belong to root, to
// this process's user or to the command's user, and no other user may write to it: another user
// could replace the file. A missing directory is made (0700) and given to the command's user,
// because the sidecar runs as this user and removes the file. No link is followed that another user
// may have made (core/directory.h).
//
// Ownership: the object removes the file when it is destroyed, which happens when a start fails. An
// exec leaves it.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/file_record.h"
#include "injector/bot_user.h"

namespace agent_secrets {

struct PathFileOptions {
  std::optional<BotUser> user;  // the command's user; absent: the user of this process
  bool allow_disk = false;
};

class PathFile {
 public:
  // Replaces a file that an earlier start made there, recognised by its mode and owner. Anything
  // else at this path is an error, and is not changed.
  static Result<PathFile> make(const std::string& path, std::string_view content,
                               const PathFileOptions& options);

  PathFile(PathFile&&) noexcept = default;
  PathFile& operator=(PathFile&&) = delete;
  PathFile(const PathFile&) = delete;
  PathFile& operator=(const PathFile&) = delete;
  ~PathFile();

  [[nodiscard]] const RecordedFile& record() const { return *record_; }

 private:
  explicit PathFile(RecordedFile record)
      : record_(std::make_unique<RecordedFile>(std::move(record))) {}

  std::unique_ptr<RecordedFile> record_;  // null: moved from
};

// Whether make() could succeed; changes nothing. A missing directory that make() would make is no
// error.
Result<void> check_path_file(const std::string& path, const PathFileOptions& options);

}  // namespace agent_secrets

#pragma once
// A value in a file at a path (`--file KEY=VARIABLE:PATH`), for programs that insist on one. Only
// on a tmpfs, which is memory, unless the user allows a disk.
//
// The file has mode 0400 and belongs to the user that the command runs as. Its directory must
// belong to root, to this process's user or to that user, and nobody else may write to it: another
// user could put a file of his own in the value's place. A missing directory is made (0700) and
// given to the command's user, as whom the sidecar removes the file. No link is followed that
// another user may have made (core/directory.h).
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
  std::optional<BotUser> user;  // whom the command runs as; without it, as this process
  bool allow_disk = false;
};

class PathFile {
 public:
  // Replaces a file that an earlier start made there, known by its mode and owner. Anything else
  // that has this path is refused, and stays.
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

  std::unique_ptr<RecordedFile> record_;  // none: moved from
};

// Whether make() could succeed, without a change. A directory that make() would make is fine.
Result<void> check_path_file(const std::string& path, const PathFileOptions& options);

}  // namespace agent_secrets

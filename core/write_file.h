#pragma once
// Writes files. A replacement puts a new file in the place of an old one by rename(2): a reader
// finds the whole old content or the whole new content, also after the writer was killed.
//
// The new content is first in a temporary file in the same directory. It is created with O_EXCL and
// O_NOFOLLOW. What a killed process or another user left under the name of the temporary file is
// removed, never written to and never followed. After a failure the temporary file is removed.
//
// Writers of one file that hold no lock against each other write to different temporary files,
// .NAME.RANDOM, so that no writer renames the half-written file of another one. A process that is
// killed while it writes leaves its temporary file.
//
// Errors name the file, never its content. Threads: one for each replacement.

#include <string>
#include <string_view>

#include <sys/types.h>

#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets {

// Writes all bytes, in as many write(2) calls as it takes. `path` is for messages.
Result<void> write_all(int fd, std::string_view bytes, std::string_view path);

// Creates a file that only this user can read (0600), writes it and syncs it. ErrorCode::conflict
// if there is a file, a directory or a link with this path. After any other error there is no file.
Result<void> create_private_file(const std::string& path, std::string_view content);

// fsync(2) of a directory: files that were created, renamed or removed in it stay so after a crash
// of the machine. It must be readable.
Result<void> sync_directory(const std::string& directory);

struct ReplaceOptions {
  mode_t mode = 0600;  // of the new file, whatever the umask is
  // fsync(2) of the file before the rename, and of the directory after it: the new content survives
  // a crash of the machine. The directory must be open for reading.
  bool is_synced = false;
  // The caller holds a lock against other writers of this file. The temporary file is then
  // .NAME.new, and killed processes leave one such file at most.
  bool is_locked = false;
};

// Replaces the file NAME in the open directory `folder` with a file of this content. A missing file
// is created. ErrorCode::invalid if NAME is empty, `.`, `..`, or has a `/`.
Result<void> replace_file(int folder, std::string_view name, std::string_view content,
                          const ReplaceOptions& options);

// The same in steps, for a caller that changes the new file (owner, lock) before the file gets its
// name. Ownership: the temporary file; the destructor removes it unless put_in_place() renamed it.
// `folder` must stay open.
class FileReplacement {
 public:
  static Result<FileReplacement> begin(int folder, std::string_view name,
                                       const ReplaceOptions& options);

  FileReplacement(FileReplacement&&) noexcept = default;
  FileReplacement& operator=(FileReplacement&&) = delete;
  FileReplacement(const FileReplacement&) = delete;
  FileReplacement& operator=(const FileReplacement&) = delete;
  ~FileReplacement();

  // The temporary file, open for writing.
  [[nodiscard]] int fd() const { return file_.get(); }
  [[nodiscard]] Result<void> write(std::string_view content);
  // Returns the file that now has the name, still open. After an error of the directory's fsync(2)
  // the new file is in place too.
  [[nodiscard]] Result<UniqueFd> put_in_place();

 private:
  FileReplacement(int folder, std::string_view name, const ReplaceOptions& options);
  [[nodiscard]] Result<void> create();

  int folder_;
  std::string name_;
  std::string temporary_;
  ReplaceOptions options_;
  UniqueFd file_;  // open while there is a temporary file to remove
};

}  // namespace agent_secrets

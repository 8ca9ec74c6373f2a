#pragma once
// files.json in the state directory: where the values of the bot that runs are in files
// (`secret-injector --file KEY=VARIABLE:PATH`). The bot's sidecar removes these files when the bot
// has ended, and so does the next start. The record has paths and identities, never a key or value.
//
// A record is not a reason to remove just any file. It counts only if root or this process's user
// wrote it. A file is removed only if its path leads, by no link that another user may have made
// (core/directory.h), to a regular file with the recorded device and inode.
//
// The sidecar of a bot that has just ended may meet the next start. Whoever removes holds a lock on
// the directory (flock(2)) until all is removed, so a sidecar never removes what a start makes
// after its own removal; and a sidecar removes only what the record of its own bot names.
//
// Limits: limits::kSecretFiles files, limits::kSecretFilePath bytes a path.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "core/error.h"

namespace agent_secrets {

struct RecordedFile {
  std::string path;  // absolute
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const RecordedFile&) const = default;
};

// files.json: {"schema": 1, "pid", "files": [{"path", "device", "inode"}]}, the last two as text
struct FileRecord {
  pid_t bot = 0;
  std::vector<RecordedFile> files;
  bool operator==(const FileRecord&) const = default;
};

std::string record_json(const FileRecord& record);
Result<FileRecord> parse_record(std::string_view json);

// Replaces the record in the open state directory.
Result<void> write_record(int folder, const FileRecord& record);

// Removes this very file; fine where it has gone, or where another file has its path.
Result<void> remove_file(const RecordedFile& file);

// Removes the files of the record, then the record. With `bot`, only where the record is that
// bot's. Fine where there is no record, and where a file has gone. Where a file cannot be removed
// the record stays, for the next start, and the first error is returned.
Result<void> remove_recorded_files(int folder, std::optional<pid_t> bot = std::nullopt);

}  // namespace agent_secrets

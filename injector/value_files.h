#pragma once
// The files of `--file`, made for one start: in memory (injector/sealed_memory.h), or at a path
// (injector/path_file.h).
//
// A file in memory is a descriptor that survives the exec. arrange() has chosen its number, which
// is part of the path in the variable. Until place() the descriptor is close-on-exec and has
// another number, so the sidecar never gets it.
//
// Ownership: holds the descriptors. The destructor removes the files at paths; it runs only if a
// start fails.

#include <string>
#include <vector>

#include "core/error.h"
#include "core/log.h"
#include "core/unique_fd.h"
#include "injector/arrangement.h"
#include "injector/path_file.h"
#include "injector/state_folder.h"

namespace agent_secrets {

class ValueFiles {
 public:
  ValueFiles() = default;  // of a start without --file

  // Makes the files of the variables in `environment` that come from the arrangement. A file whose
  // variable is the image's (--on-conflict keep) is not made. Files at paths are recorded in the
  // state directory; without one, a warning is logged. ErrorCode::conflict for a path if another
  // bot runs, because the file may belong to that bot.
  static Result<ValueFiles> make(const Arrangement& arranged, const std::vector<char*>& environment,
                                 const PathFileOptions& options, const StateFolder& state,
                                 const Log& log);

  // The last step before root is given up and the exec. Gives each descriptor its number, and
  // closes every other descriptor from 3 on that is not in `kept`. Pass the same numbers as `kept`
  // that arrange() got as `taken`.
  [[nodiscard]] Result<void> place(std::vector<int> kept) const;

 private:
  struct InMemory {
    UniqueFd fd;
    int number = 0;
  };

  Result<void> add(const EntrySource& source, const PathFileOptions& options);
  void keep_record(const StateFolder& state, const Log& log) const;

  std::vector<InMemory> in_memory_;  // by number
  std::vector<PathFile> at_paths_;
};

// A sealed file in memory that only `user` can open. place() gives it its final number.
Result<UniqueFd> make_memory_file(std::string_view key, std::string_view content,
                                  const std::optional<BotUser>& user);

}  // namespace agent_secrets

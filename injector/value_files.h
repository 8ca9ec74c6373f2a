#pragma once
// The files of `--file`, made for one start: in memory (injector/sealed_memory.h), or at a path
// (injector/path_file.h).
//
// A file in memory is a descriptor that survives the exec, with a number that arrange() has put
// into the variable already. Until place() it is close-on-exec and has another number, so the
// sidecar never gets it.
//
// Ownership: holds the descriptors, and removes files at paths when it is destroyed: only a start
// that fails comes to that.

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

  // The files of those variables that `environment` got of the arrangement: a file whose variable
  // is the image's (--on-conflict keep) is not made. Where a file has a path, the record of it goes
  // to the state directory; a warning says where there is none. ErrorCode::conflict for a path
  // beside a bot that runs, whose file that may be.
  static Result<ValueFiles> make(const Arrangement& arranged, const std::vector<char*>& environment,
                                 const PathFileOptions& options, const StateFolder& state,
                                 const Log& log);

  // The last step before the exec, and before root is given up: each descriptor gets its number,
  // and every descriptor from 3 on that is neither one of these nor in `kept` is closed. `kept` is
  // what arrange() got as `taken`.
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

// A sealed file in memory that `user` alone can open, where it waits for its number.
Result<UniqueFd> make_memory_file(std::string_view key, std::string_view content,
                                  const std::optional<BotUser>& user);

}  // namespace agent_secrets

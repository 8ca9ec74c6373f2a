#pragma once
// The owner of a state directory. A state directory belongs to one bot at a time. A second command
// in the bot's container (`docker exec … secret-injector -- printenv`, a cron job, a migration)
// must not change it: otherwise it would remove the flag that the bot needs a redeploy, and a
// sidecar would report the command's sequence as the bot's.
//
// A start claims the directory before it requests a bundle: it records its process, which becomes
// the bot (execve keeps PID and start time). The claim holds as long as this process lives. It
// needs no descriptor in the bot, which inherits only 0, 1, 2 and the files of --file.
//
// The files with values of a bot that has ended (core/file_record.h) are removed before another
// process gets the claim.
//
// A PID cannot be checked from another PID namespace. There the claim holds only while the bot's
// own sidecar, which ends with its bot, holds its lock on sidecar.alive. Without such a sidecar the
// claim counts as void, because the usual case is a container that was restarted
// (docs/decisions/0024-one-bot-a-state-directory.md).

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets {

// Identifies one process, also against a later process with the same PID. Members that cannot be
// read (no /proc) are 0 or empty.
struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_time = 0;  // in clock ticks after the boot (proc(5), stat, field 22)
  std::string pid_namespace;     // "pid:[4026531836]"
  std::string boot_id;
  bool operator==(const ProcessIdentity&) const = default;
};

ProcessIdentity own_identity();

// bot.json: {"schema": 1, "pid", "start_time", "pid_namespace", "boot_id", "has_sidecar",
//            "has_files"}
struct BotClaim {
  ProcessIdentity process;
  bool has_sidecar = false;  // the start of the bot had to start a sidecar
  bool has_files = false;    // the start had to put values into files at paths; absent: false
};

std::string claim_json(const BotClaim& claim);
Result<BotClaim> parse_claim(std::string_view json);

// Whether the process of this claim lives and is not `self`. `folder` is the state directory.
bool is_held_by_another(const BotClaim& claim, const ProcessIdentity& self, int folder);

// The PID of the living process that has the directory. Absent if there is none, or if it is
// `self`.
std::optional<pid_t> find_holder(int folder, const ProcessIdentity& self);

// Removes the files of an ended bot and writes the claim. If another living process has the claim,
// returns the PID of that process and changes nothing. A lock serialises two starts at the same
// time, if the lock file can be opened.
Result<std::optional<pid_t>> claim_directory(int folder, const BotClaim& claim, Clock& clock);

}  // namespace agent_secrets

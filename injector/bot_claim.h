#pragma once
// Whose a state directory is: it belongs to one bot at a time, and a second command in the bot's
// container (`docker exec … secret-injector -- printenv`, a cron job, a migration) must leave it
// alone. The second command would otherwise remove the flag that the bot is to be replaced, and a
// sidecar would take its sequence for the bot's.
//
// A start claims the directory before it asks for a bundle: it writes down which process it is, and
// the bot is the same process (execve keeps PID and start time). The claim holds as long as that
// process lives. It needs no descriptor in the bot, which inherits 0, 1, 2 and the files of --file
// only.
//
// What a bot that has ended left in files (core/file_record.h) is removed before the claim changes
// hands.
//
// A PID means nothing in another PID namespace. There the claim holds only while the bot's own
// sidecar, which ends with its bot, holds its lock on sidecar.alive; without such a sidecar the
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

// One process, not to be confused with a later one of the same PID. What cannot be read (no /proc)
// is 0 or empty.
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
  bool has_sidecar = false;  // the bot's start was told to start one
  bool has_files = false;    // it was told to put values into files at paths; absent: false
};

std::string claim_json(const BotClaim& claim);
Result<BotClaim> parse_claim(std::string_view json);

// Whether the process of this claim is another one than `self` and lives. `folder` is the state
// directory.
bool is_held_by_another(const BotClaim& claim, const ProcessIdentity& self, int folder);

// The PID of the process that has the directory and lives, if that is another one than `self`.
std::optional<pid_t> find_holder(int folder, const ProcessIdentity& self);

// Writes the claim, after removing the files of an ended bot, unless another process that lives has
// one: then the PID of that process is returned, and the directory is as it was. Two starts at the
// same moment take turns.
Result<std::optional<pid_t>> claim_directory(int folder, const BotClaim& claim, Clock& clock);

}  // namespace agent_secrets

#pragma once
// Names that the programs must spell alike, because one program writes them and another one reads
// them: the files in the state directory, and the command line with which the injector starts the
// sidecar. The Python package spells the same files (base-image/agent_secrets/).
//
// A file that only one program uses has its name in that program.

namespace agent_secrets {

// The state directory: core/state_place.h chooses it. The variable names another one, for the
// injector and for the bot.
inline constexpr const char* kSystemStateDirectory = "/run/agent-secrets";
inline constexpr const char* kStateDirectoryVariable = "AGENT_SECRETS_STATE_DIR";

// Written by the injector, read by the sidecar: what this instance runs.
inline constexpr const char* kRunningFile = "running.json";
// Written by the sidecar, read by the bot. Each start of a bot removes the previous bot's flag.
inline constexpr const char* kFlagFile = "redeploy.json";
// Written by the sidecar, read by scripts (docs/sidecar.md): what the sidecar knows.
inline constexpr const char* kSidecarFile = "sidecar.json";
// Locked while the sidecar lives; the injector and the bot look at the lock.
inline constexpr const char* kSidecarAliveFile = "sidecar.alive";
inline constexpr const char* kSidecarLockFile = "sidecar.lock";
// Written by the bot, read by the sidecar: the number of sessions, in one file or in a file for
// each process, sessions.NAME.json. Each start of a bot removes sessions.json.
inline constexpr const char* kSessionsFile = "sessions.json";
inline constexpr const char* kProcessSessionsStart = "sessions.";
inline constexpr const char* kProcessSessionsEnd = ".json";

// The sidecar's command line. An option's variable is the prefix and its name: --bot-pid is
// AGENT_SECRETS_SIDECAR_BOT_PID.
inline constexpr const char* kSidecarProgram = "secret-sidecar";
inline constexpr const char* kSidecarVariablePrefix = "AGENT_SECRETS_SIDECAR_";

// The options of this subcommand that the injector gives.
inline constexpr const char* kSidecarRun = "run";
namespace sidecar_option {
inline constexpr const char* kAllowPlainHttp = "--allow-plain-http";
inline constexpr const char* kBotPid = "--bot-pid";
inline constexpr const char* kBotPidfd = "--bot-pidfd";
inline constexpr const char* kCredentialFd = "--credential-fd";
inline constexpr const char* kInstance = "--instance";
inline constexpr const char* kReadyFd = "--ready-fd";
inline constexpr const char* kSequence = "--sequence";
inline constexpr const char* kStateDirectory = "--state-dir";
}  // namespace sidecar_option

}  // namespace agent_secrets

#pragma once
// The process between this program and a command on a Lifeline (core/lifeline.h). It is this
// program again, executed from /proc/self/exe, because a program with threads cannot go on in a
// child of fork(2), and because the new image has none of the memory of the old one, where secrets
// are.
//
// The supervisor starts the command in its own process group, waits, and exits with the command's
// exit code, or with 128+n after signal n. When the lifeline ends, it kills the group, itself
// included. It ignores SIGTERM, SIGINT and SIGHUP, which the starting process sends to the group.
//
// Source: clone(2) and signal-safety(7) about fork in a program with threads; unix(7), the end of
// file of a socket.

#include <optional>

namespace agent_secrets {

// The first argument of a supervisor; the second is the command.
inline constexpr const char* kSupervisorWord = "--supervise-command";
// The supervisor's socket.
inline constexpr int kLifelineFd = 3;

// Call it first in main(). If the arguments are a supervisor's, it is the supervisor, and returns
// the exit code; else it does nothing.
std::optional<int> run_as_supervisor(int argc, char** argv);

}  // namespace agent_secrets

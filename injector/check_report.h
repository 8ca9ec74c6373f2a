#pragma once
// The exit codes of `secret-injector check`, and its last line. The steps are in
// core/check_report.h; docs/injector.md lists their names.

#include <string>

#include "core/check_report.h"
#include "core/terminal_style.h"

namespace agent_secrets {

// The exit code of a check: 0, 1, or the code of the step that failed. A step that fails because of
// this container has the exit code of such a start (125, 126, 127).
inline constexpr int kExitHealthy = 0;
inline constexpr int kExitWarnings = 1;
inline constexpr int kExitUnreachable = 3;
inline constexpr int kExitRefused = 4;
inline constexpr int kExitNotReady = 5;
inline constexpr int kExitBadBundle = 6;

int exit_code_of(const CheckReport& report);

// The last line: the meaning of the exit code.
std::string verdict_line(const CheckReport& report, const TerminalStyle& style);

}  // namespace agent_secrets

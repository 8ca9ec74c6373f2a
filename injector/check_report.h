#pragma once
// The results of the doctor, and their output: one line for each step, or one JSON document for
// programs. The names of steps and facts are an interface (docs/injector.md lists them); the
// sentences are not. A step names keys, files and peers, never a value.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/error.h"
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

enum class StepStatus { ok, warning, failed };

using FactValue = std::variant<bool, std::int64_t, std::string, std::vector<std::string>>;
using Facts = std::vector<std::pair<std::string, FactValue>>;

struct Step {
  std::string name;
  StepStatus status = StepStatus::ok;
  std::optional<std::chrono::microseconds> took = {};
  std::string detail = {};
  std::string hint = {};
  Facts facts = {};
  int exit_code = kExitHealthy;  // of a failed step

  // Turns the status into a warning, unless the step has failed. Several warnings become one
  // sentence; the last hint stays.
  void warn(std::string_view why, std::string_view advice);
};

Step failed_step(std::string name, const Error& error, int exit_code);

struct CheckReport {
  std::vector<Step> steps;
  [[nodiscard]] int exit_code() const;
};

// "✓ connect      0.4 ms  127.0.0.1\n", and the hint on a line of its own.
std::string step_lines(const Step& step, const TerminalStyle& style);

// The last line: the meaning of the exit code.
std::string verdict_line(const CheckReport& report, const TerminalStyle& style);

std::string report_json(const CheckReport& report);

}  // namespace agent_secrets

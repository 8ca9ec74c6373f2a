#pragma once
// The results of a doctor (`secret-injector check`, `secret-control-plane doctor`), and their
// output: one line for each step, or one JSON document for programs. The names of steps and facts
// are an interface; the sentences are not. A step names keys, files and peers, never a value.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/error.h"
#include "core/terminal_style.h"

namespace agent_secrets {

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
  int exit_code = 0;  // of a failed step

  // Turns the status into a warning, unless the step has failed. Several warnings become one
  // sentence; the last hint stays.
  void warn(std::string_view why, std::string_view advice);
};

Step failed_step(std::string name, const Error& error, int exit_code);

struct CheckReport {
  std::vector<Step> steps;
  [[nodiscard]] std::size_t count(StepStatus status) const;
  // That of the first failed step; `of_warnings` if there are only warnings; 0 if all is well.
  [[nodiscard]] int exit_code(int of_warnings) const;
};

// "✓ connect      0.4 ms  127.0.0.1\n", and the hint on a line of its own.
std::string step_lines(const Step& step, const TerminalStyle& style);

std::string report_json(const CheckReport& report, int exit_code);

}  // namespace agent_secrets

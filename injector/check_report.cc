#include "injector/check_report.h"

#include <fmt/format.h>

namespace agent_secrets {

int exit_code_of(const CheckReport& report) { return report.exit_code(kExitWarnings); }

std::string verdict_line(const CheckReport& report, const TerminalStyle& style) {
  if (report.count(StepStatus::failed) > 0) {
    return style.paint(Colour::red, fmt::format("stopped at {}: exit code {}",
                                                report.steps.back().name, exit_code_of(report))) +
           "\n";
  }
  const auto warnings = report.count(StepStatus::warning);
  if (warnings == 0) return style.paint(Colour::green, "all is well") + "\n";
  return style.paint(Colour::yellow,
                     fmt::format("works, with {} warning{}", warnings, warnings == 1 ? "" : "s")) +
         "\n";
}

}  // namespace agent_secrets

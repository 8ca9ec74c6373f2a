#pragma once
// What --help and `help COMMAND` print: what it is, examples, usage, options by group, and where
// to read on.

#include <cstddef>
#include <string>

#include "core/help/manual.h"

namespace agent_secrets::help {

inline constexpr std::size_t kWidestHelp = 100;
inline constexpr std::size_t kNarrowestHelp = 60;

struct HelpStyle {
  bool bold_titles = false;
  std::size_t width = kWidestHelp;  // clamped to the bounds above
};

// For standard output as it is: bold and as wide as the terminal, or plain.
HelpStyle style_of_standard_output();

std::string help_text(const Program& program, const Command& command, HelpStyle style);

}  // namespace agent_secrets::help

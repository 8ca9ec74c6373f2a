#pragma once
// How much a line for people may decorate itself. Colour only on a terminal that has not declined
// it (NO_COLOR, TERM=dumb). Symbols are part of the text, in a pipe too; a locale that is set and
// is not UTF-8 gets words instead. A container has no locale at all, and the terminal behind
// `docker exec` is as good as any.

#include <string>
#include <string_view>

namespace agent_secrets {

enum class Colour { red, green, yellow, dim };

struct TerminalStyle {
  bool terminal = false;
  bool colour = false;
  bool symbols = true;

  [[nodiscard]] std::string paint(Colour colour_wanted, std::string_view text) const;
};

// `environment` is the process's own: NO_COLOR, TERM, LC_ALL, LC_CTYPE and LANG count.
TerminalStyle choose_style(bool is_terminal, const char* const* environment);

}  // namespace agent_secrets

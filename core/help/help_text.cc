#include "core/help/help_text.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/help/layout.h"
#include "core/terminal_style.h"

namespace agent_secrets::help {
namespace {

constexpr std::size_t kIndent = 2;
constexpr std::size_t kTextColumn = 30;

class Writer {
 public:
  explicit Writer(HelpStyle style)
      : bold_(style.bold_titles), width_(std::clamp(style.width, kNarrowestHelp, kWidestHelp)) {}

  void title(std::string_view title) {
    if (!text_.empty()) text_ += '\n';
    text_ += bold_ ? fmt::format("\x1b[1m{}\x1b[0m\n", title) : fmt::format("{}\n", title);
  }

  void line(std::size_t indent, std::string_view line) {
    text_ += fmt::format("{:{}}{}\n", "", indent, line);
  }

  void wrapped(std::size_t indent, std::string_view text) {
    for (const std::string& part : wrap(text, width_ - indent)) line(indent, part);
  }

  // A term, and what it means beside it, or below a term that is too long.
  void row(std::string_view term, std::string_view text) {
    const std::vector<std::string> lines = wrap(text, width_ - kTextColumn);
    std::size_t next = 0;
    if (kIndent + term.size() + 2 <= kTextColumn && !lines.empty()) {
      line(kIndent, fmt::format("{:{}}{}", term, kTextColumn - kIndent, lines[next++]));
    } else {
      line(kIndent, term);
    }
    for (; next < lines.size(); ++next) line(kTextColumn, lines[next]);
  }

  void rows(std::string_view heading, const std::vector<Row>& rows) {
    if (rows.empty()) return;
    title(heading);
    for (const Row& one : rows) row(one.term, one.text);
  }

  void gap() { text_ += '\n'; }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  bool bold_;
  std::size_t width_;
};

void write_examples(Writer& to, const std::vector<Example>& examples) {
  if (examples.empty()) return;
  to.title("Examples");
  for (const Example& example : examples) {
    to.line(kIndent, example.command);
    if (!example.text.empty()) to.wrapped(kIndent + 4, example.text);
  }
}

void write_usage(Writer& to, const Command& command) {
  to.title("Usage");
  for (const std::string& usage : usage_lines(command)) to.line(kIndent, usage);
  for (const std::string& paragraph : paragraphs(command.notes.text)) {
    to.gap();
    to.wrapped(kIndent, paragraph);
  }
}

void write_commands(Writer& to, const Command& command) {
  if (command.commands.empty()) return;
  to.title("Commands");
  for (const Command& below : command.commands) to.row(below.name, below.summary);
}

void write_arguments(Writer& to, const Command& command) {
  const bool explained = std::ranges::any_of(
      command.arguments, [](const Argument& argument) { return !argument.text.empty(); });
  if (!explained) return;
  to.title("Arguments");
  for (const Argument& argument : command.arguments) to.row(argument.name, argument.text);
}

void write_options(Writer& to, const Command& command) {
  for (const std::string& group : groups_of(command)) {
    to.title(group);
    for (const Option& option : command.options) {
      if (option.group == group) to.row(option_term(option), full_text(option));
    }
  }
}

}  // namespace

HelpStyle style_of_standard_output() {
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  HelpStyle style{.bold_titles = choose_style(terminal, environ).colour};
  winsize size{};
  if (terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    style.width = size.ws_col;
  }
  return style;
}

std::string help_text(const Program& program, const Command& command, HelpStyle style) {
  Writer to(style);
  to.wrapped(0, fmt::format("{}: {}", command.path, command.summary));
  write_examples(to, command.notes.examples);
  write_usage(to, command);
  write_commands(to, command);
  write_arguments(to, command);
  write_options(to, command);
  to.rows("Environment", command.notes.variables);
  to.rows("Files", command.notes.files);
  to.rows("Exit status", command.notes.exit_codes);
  to.rows("Read on", command.notes.reading);
  if (&command == &program.command && !command.commands.empty()) {
    to.gap();
    to.wrapped(0, fmt::format("{} help COMMAND explains a command.", command.name));
  }
  return to.text();
}

}  // namespace agent_secrets::help

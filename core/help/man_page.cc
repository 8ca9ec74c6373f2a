#include "core/help/man_page.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "core/help/layout.h"

namespace agent_secrets::help {
namespace {

constexpr std::size_t kLineWidth = 78;

// A hyphen that is typed is "\-", or it cannot be copied from the page (groff_char(7)).
std::string escaped(std::string_view text) {
  std::string to;
  for (const char c : text) {
    if (c == '\\') {
      to += "\\e";
    } else if (c == '-') {
      to += "\\-";
    } else {
      to += c;
    }
  }
  return to;
}

// An argument of a macro.
std::string mdoc_argument(std::string_view text) {
  std::string to = "\"";
  for (const char c : escaped(text)) {
    if (c == '"') {
      to += "\\(dq";
    } else {
      to += c;
    }
  }
  return to + '"';
}

// A line of text must not look like a macro.
std::string text_line(std::string_view line) {
  const bool like_macro = line.starts_with('.') || line.starts_with('\'');
  return fmt::format("{}{}\n", like_macro ? "\\&" : "", escaped(line));
}

// mdoc(7): a new sentence begins a new line.
std::vector<std::string> sentences(std::string_view text) {
  std::vector<std::string> found;
  std::size_t start = 0;
  for (std::size_t at = 0; at + 1 < text.size(); ++at) {
    const bool ends =
        (text[at] == '.' || text[at] == '?' || text[at] == '!') && text[at + 1] == ' ';
    if (!ends) continue;
    found.emplace_back(text.substr(start, at + 1 - start));
    start = at + 2;
  }
  found.emplace_back(text.substr(start));
  return found;
}

void add_text(std::string& page, std::string_view text) {
  for (const std::string& sentence : sentences(text)) {
    // The escapes count too.
    for (const std::string& line : wrap(sentence, kLineWidth * 4 / 5)) page += text_line(line);
  }
}

void add_paragraphs(std::string& page, std::string_view text) {
  bool first = true;
  for (const std::string& paragraph : paragraphs(text)) {
    if (!first) page += ".Pp\n";
    first = false;
    add_text(page, paragraph);
  }
}

void add_rows(std::string& page, std::string_view macro, const std::vector<Row>& rows) {
  page += ".Bl -tag -width Ds\n";
  for (const Row& row : rows) {
    page += fmt::format(".It {} {}\n", macro, mdoc_argument(row.term));
    add_text(page, row.text);
  }
  page += ".El\n";
}

void add_section(std::string& page, std::string_view title, std::string_view macro,
                 const std::vector<Row>& rows) {
  if (rows.empty()) return;
  page += fmt::format(".Sh {}\n", title);
  add_rows(page, macro, rows);
}

// ".It Fl q , Fl \-quiet Ar DIR"
std::string option_item(const Option& option) {
  std::string item = ".It";
  for (const std::string& name : option.names) {
    item += fmt::format("{} Fl {}", &name == &option.names.front() ? "" : " ,",
                        escaped(std::string_view(name).substr(1)));
  }
  if (option.argument.empty()) return item + '\n';
  if (option.argument_is_optional) {
    return fmt::format("{} Ns Op = Ns Ar {}\n", item, mdoc_argument(option.argument));
  }
  return fmt::format("{} Ar {}\n", item, mdoc_argument(option.argument));
}

void add_options(std::string& page, const Command& command, std::string_view group) {
  page += ".Bl -tag -width Ds\n";
  for (const Option& option : command.options) {
    if (option.group != group) continue;
    page += option_item(option);
    add_text(page, full_text(option));
  }
  page += ".El\n";
}

void add_literal(std::string& page, std::string_view lines) {
  page += ".Bd -literal -offset indent -compact\n";
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    page += text_line(lines.substr(0, end));
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
  }
  page += ".Ed\n";
}

void add_examples(std::string& page, const std::vector<Example>& examples) {
  for (const Example& example : examples) {
    if (&example != &examples.front()) page += ".Pp\n";
    add_text(page, example.text + ":");
    add_literal(page, example.command);
  }
}

void add_usage(std::string& page, const Command& command) {
  for (const std::string& usage : usage_lines(command)) {
    const std::size_t name_end = usage.find(' ');
    page += fmt::format(".Nm {}\n{}", usage.substr(0, name_end),
                        name_end == std::string::npos ? "" : text_line(usage.substr(name_end + 1)));
  }
}

void add_command(std::string& page, const Command& command, const std::string& program) {
  page += ".Ss " + mdoc_argument(std::string_view(command.path).substr(program.size() + 1)) + '\n';
  add_text(page, command.summary + ".");
  page += ".Pp\n";
  add_literal(page, fmt::format("{}", fmt::join(usage_lines(command), "\n")));
  if (!command.notes.text.empty()) {
    page += ".Pp\n";
    add_paragraphs(page, command.notes.text);
  }
  std::vector<Row> rows;
  for (const Argument& argument : command.arguments) {
    if (!argument.text.empty()) rows.push_back({.term = argument.name, .text = argument.text});
  }
  if (!rows.empty()) add_rows(page, "Ar", rows);
  for (const std::string& group : groups_of(command)) add_options(page, command, group);
  if (!command.notes.exit_codes.empty()) {
    page += ".Pp\nExit status:\n";
    add_rows(page, "No", command.notes.exit_codes);
  }
  if (!command.notes.examples.empty()) {
    page += ".Pp\n";
    add_examples(page, command.notes.examples);
  }
  for (const Command& below : command.commands) add_command(page, below, program);
}

void add_description(std::string& page, const Command& command) {
  page += ".Sh DESCRIPTION\n";
  add_paragraphs(page, command.notes.text.empty() ? command.summary + "." : command.notes.text);
  for (const std::string& group : groups_of(command)) {
    page += ".Ss " + mdoc_argument(group) + '\n';
    add_options(page, command, group);
  }
  if (command.commands.empty()) return;
  page += ".Sh COMMANDS\n";
  for (const Command& below : command.commands) add_command(page, below, command.name);
}

void add_see_also(std::string& page, const Program& program) {
  const std::vector<Row>& reading = program.command.notes.reading;
  if (program.related.empty() && reading.empty()) return;
  page += ".Sh SEE ALSO\n";
  for (const std::string& related : program.related) {
    const std::size_t bracket = related.find('(');
    page += fmt::format(".Xr {} {}{}\n", related.substr(0, bracket),
                        related.substr(bracket + 1, related.size() - bracket - 2),
                        &related == &program.related.back() ? "" : " ,");
  }
  if (!reading.empty()) add_rows(page, "Pa", reading);
}

std::string upper_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string mdoc_date(std::chrono::sys_days date) {
  constexpr std::array<std::string_view, 12> kMonths = {
      "January", "February", "March",     "April",   "May",      "June",
      "July",    "August",   "September", "October", "November", "December"};
  const std::chrono::year_month_day day(date);
  return fmt::format("{} {}, {}", kMonths.at(static_cast<unsigned>(day.month()) - 1),
                     static_cast<unsigned>(day.day()), static_cast<int>(day.year()));
}

}  // namespace

std::string man_page(const Program& program, std::chrono::sys_days date) {
  const Command& command = program.command;
  std::string page = fmt::format(".Dd {}\n.Dt {} {}\n.Os\n", mdoc_date(date),
                                 upper_case(command.name), program.man_section);
  page += fmt::format(".Sh NAME\n.Nm {}\n.Nd {}\n", command.name, command.summary);
  page += ".Sh SYNOPSIS\n";
  add_usage(page, command);
  add_description(page, command);
  add_section(page, "ENVIRONMENT", "Ev", command.notes.variables);
  add_section(page, "FILES", "Pa", command.notes.files);
  add_section(page, "EXIT STATUS", "No", command.notes.exit_codes);
  if (!command.notes.examples.empty()) {
    page += ".Sh EXAMPLES\n";
    add_examples(page, command.notes.examples);
  }
  add_see_also(page, program);
  return page;
}

std::chrono::sys_days date_of_page() {
  using std::chrono::floor;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before there is another thread
  const char* const epoch = std::getenv("SOURCE_DATE_EPOCH");
  if (epoch == nullptr) {
    return floor<std::chrono::days>(std::chrono::system_clock::now());
  }
  const std::chrono::seconds since_1970(std::strtoll(epoch, nullptr, 10));
  return floor<std::chrono::days>(std::chrono::sys_seconds(since_1970));
}

}  // namespace agent_secrets::help

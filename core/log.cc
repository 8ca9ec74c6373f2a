#include "core/log.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "core/clock.h"
#include "core/printable.h"

namespace agent_secrets {
namespace {

// Most text of a line is shown as it is: visible ASCII without a quote or a backslash.
bool is_simple(std::string_view text) {
  return std::ranges::all_of(text,
                             [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

void append_escaped(std::string& line, std::string_view text) {
  if (is_simple(text)) {
    line += text;
    return;
  }
  while (!text.empty()) {
    const std::string_view plain = text.substr(0, text.find_first_of("\\\"\n"));
    line += printable(plain);
    text.remove_prefix(plain.size());
    if (text.empty()) break;
    line += '\\';
    line += text[0] == '\n' ? 'n' : text[0];
    text.remove_prefix(1);
  }
}

void append_json_string(std::string& line, std::string_view text) {
  line += '"';
  if (is_simple(text)) {
    line.append(text).append(1, '"');
    return;
  }
  while (!text.empty()) {
    const std::string_view plain = text.substr(0, text.find_first_of("\\\""));
    line += printable_json(plain);
    text.remove_prefix(plain.size());
    if (text.empty()) break;
    line += '\\';
    line += text[0];
    text.remove_prefix(1);
  }
  line += '"';
}

// Whether the end of the value is clear without quotes.
bool is_bare(std::string_view value) {
  return !value.empty() && value.find_first_of(" =\\\"\n") == std::string_view::npos &&
         (is_simple(value) || printable(value) == value);
}

void append_text_value(std::string& line, std::string_view value) {
  if (is_bare(value)) {
    line += value;
    return;
  }
  line += '"';
  append_escaped(line, value);
  line += '"';
}

struct AppendValue {
  std::string& line;
  void (*append)(std::string& line, std::string_view text);

  void operator()(std::string_view text) const { append(line, text); }
  void operator()(std::int64_t number) const {
    fmt::format_to(std::back_inserter(line), "{}", number);
  }
  void operator()(bool value) const { line += value ? "true" : "false"; }
};

constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warning", "error"};

std::string_view level_name(LogLevel level) { return kLevelNames[static_cast<std::size_t>(level)]; }

std::string text_line(LogLevel level, std::string_view program, std::string_view message,
                      std::initializer_list<LogField> fields) {
  std::string line = fmt::format("{} {}: ", level_name(level), program);
  append_escaped(line, message);
  for (const LogField& field : fields) {
    line += ' ';
    field.append_text(line);
  }
  line += '\n';
  return line;
}

std::string now() { return format_timestamp(SystemClock().unix_time()); }

std::string json_line(LogLevel level, std::string_view program, std::string_view message,
                      std::initializer_list<LogField> fields) {
  constexpr std::size_t kUsual = 512;  // bytes: most lines are shorter
  std::string line;
  line.reserve(kUsual);
  line.append(R"({"time":")").append(now());
  line.append(R"(","level":")").append(level_name(level)).append(R"(","program":)");
  append_json_string(line, program);
  line += R"(,"message":)";
  append_json_string(line, message);
  for (const LogField& field : fields) {
    line += ',';
    field.append_json(line);
  }
  line += "}\n";
  return line;
}

std::string line_of(LogFormat format, LogLevel level, std::string_view program,
                    std::string_view message, std::initializer_list<LogField> fields) {
  switch (format) {
    case LogFormat::text:
      return text_line(level, program, message, fields);
    case LogFormat::timed_text:
      return now() + ' ' + text_line(level, program, message, fields);
    case LogFormat::json:
      return json_line(level, program, message, fields);
  }
  AGENT_SECRETS_ASSERT(false);
}

std::string notice(LogFormat format, std::string_view program, std::uint64_t dropped) {
  return line_of(format, LogLevel::warning, program,
                 "log lines are missing here: they could not be written", {{"dropped", dropped}});
}

}  // namespace

void LogField::append_text(std::string& line) const {
  append_escaped(line, key_);
  line += '=';
  std::visit(AppendValue{line, append_text_value}, value_);
}

void LogField::append_json(std::string& line) const {
  append_json_string(line, key_);
  line += ':';
  std::visit(AppendValue{line, append_json_string}, value_);
}

std::optional<LogLevel> parse_log_level(std::string_view word) {
  for (const LogLevel level :
       {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error}) {
    if (word == level_name(level)) return level;
  }
  return std::nullopt;
}

Log::Log(std::string program, LogLevel threshold, LogFormat format, int fd)
    : program_(std::move(program)),
      threshold_(std::make_shared<std::atomic<LogLevel>>(threshold)),
      format_(format),
      output_(std::make_shared<LogOutput>(fd, [name = program_, format](std::uint64_t dropped) {
        return notice(format, name, dropped);
      })) {}

Log Log::from_environment(std::string program, LogLevel threshold, LogFormat format) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): main calls this before there is another thread
  const char* variable = std::getenv("AGENT_SECRETS_LOG");
  const std::string_view wish = variable == nullptr ? "" : variable;
  if (wish == "json") format = LogFormat::json;
  if (wish == "text") format = LogFormat::timed_text;
  // A threshold of errors only comes from -q on the command line, which wins over the environment.
  if (wish == "debug" && threshold < LogLevel::error) threshold = LogLevel::debug;
  return {std::move(program), threshold, format};
}

std::string Log::format_line(LogLevel level, std::string_view message,
                             std::initializer_list<LogField> fields) const {
  return line_of(format_, level, program_, message, fields);
}

void Log::debug(std::string_view message, std::initializer_list<LogField> fields) const {
  write(LogLevel::debug, message, fields);
}
void Log::info(std::string_view message, std::initializer_list<LogField> fields) const {
  write(LogLevel::info, message, fields);
}
void Log::warning(std::string_view message, std::initializer_list<LogField> fields) const {
  write(LogLevel::warning, message, fields);
}
void Log::error(std::string_view message, std::initializer_list<LogField> fields) const {
  write(LogLevel::error, message, fields);
}

void Log::write(LogLevel level, std::string_view message,
                std::initializer_list<LogField> fields) const {
  if (tells(level)) output_->write(format_line(level, message, fields));
}

}  // namespace agent_secrets

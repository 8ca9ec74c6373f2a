#include "core/log.h"

#include <algorithm>
#include <array>
#include <cstdlib>
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

std::string escape_text(std::string_view text) {
  if (is_simple(text)) return std::string(text);
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    const std::string_view plain = text.substr(0, text.find_first_of("\\\"\n"));
    escaped += printable(plain);
    text.remove_prefix(plain.size());
    if (text.empty()) break;
    escaped += '\\';
    escaped += text[0] == '\n' ? 'n' : text[0];
    text.remove_prefix(1);
  }
  return escaped;
}

std::string quote_json(std::string_view text) {
  std::string quoted;
  quoted.reserve(text.size() + 2);
  quoted += '"';
  if (is_simple(text)) {
    quoted.append(text).append(1, '"');
    return quoted;
  }
  while (!text.empty()) {
    const std::string_view plain = text.substr(0, text.find_first_of("\\\""));
    quoted += printable_json(plain);
    text.remove_prefix(plain.size());
    if (text.empty()) break;
    quoted += '\\';
    quoted += text[0];
    text.remove_prefix(1);
  }
  return quoted + '"';
}

// Without quotes if the end of the value is clear, quoted otherwise.
std::string text_value(std::string_view value) {
  std::string escaped = escape_text(value);
  const bool bare =
      !value.empty() && escaped == value && value.find_first_of(" =") == std::string_view::npos;
  return bare ? escaped : '"' + escaped + '"';
}

constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warning", "error"};

std::string_view level_name(LogLevel level) { return kLevelNames[static_cast<std::size_t>(level)]; }

std::string text_line(LogLevel level, std::string_view program, std::string_view message,
                      std::initializer_list<LogField> fields) {
  std::string line = fmt::format("{} {}: {}", level_name(level), program, escape_text(message));
  for (const LogField& field : fields) {
    line.append(1, ' ').append(escape_text(field.key)).append(1, '=').append(field.text);
  }
  line += '\n';
  return line;
}

std::string now() { return format_timestamp(SystemClock().unix_time()); }

std::string json_line(LogLevel level, std::string_view program, std::string_view message,
                      std::initializer_list<LogField> fields) {
  std::string line = fmt::format(R"({{"time":"{}","level":"{}","program":{},"message":{})", now(),
                                 level_name(level), quote_json(program), quote_json(message));
  for (const LogField& field : fields) {
    line.append(1, ',').append(quote_json(field.key)).append(1, ':').append(field.json);
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

LogField::LogField(std::string_view name, std::string_view value)
    : key(name), text(text_value(value)), json(quote_json(value)) {}

LogField::LogField(std::string_view name, bool value)
    : key(name), text(value ? "true" : "false"), json(text) {}

LogField::LogField(std::string_view name, std::int64_t number, int)
    : key(name), text(std::to_string(number)), json(text) {}

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

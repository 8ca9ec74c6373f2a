#pragma once
// Lines for operators on stderr: "level program: message key=value …", or one JSON object a line
// (AGENT_SECRETS_LOG=json). A field's value is text, a number or a bool; SecretBuffer has no way in
// (the overload is deleted, and tests/must_not_compile holds it). Text fields are escaped: a name
// can never forge a line.
//
// Threads: a Log may be used from several threads; each line is one write(2).

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace agent_secrets {

class SecretBuffer;

enum class LogLevel { debug, info, warning, error };
enum class LogFormat { text, json };

class LogField {
 public:
  LogField(std::string_view name, std::string_view value);
  LogField(std::string_view name, const char* value) : LogField(name, std::string_view(value)) {}
  LogField(std::string_view name, const std::string& value)
      : LogField(name, std::string_view(value)) {}
  LogField(std::string_view name, std::integral auto number)
      : LogField(name, static_cast<std::int64_t>(number), 0) {}
  LogField(std::string_view name, bool value);
  LogField(std::string_view name, const SecretBuffer& secret) = delete;

  std::string_view key;
  std::string text;  // ready to print in the text format
  std::string json;  // ready to print as a JSON value

 private:
  LogField(std::string_view name, std::int64_t number, int);
};

class Log {
 public:
  Log(std::string program, LogLevel threshold, LogFormat format, int fd = 2);
  // The format (AGENT_SECRETS_LOG=json or text) and, with AGENT_SECRETS_LOG=debug, the threshold
  // that the environment asks for.
  static Log from_environment(std::string program, LogLevel threshold = LogLevel::info,
                              LogFormat format = LogFormat::text);

  [[nodiscard]] LogFormat format() const { return format_; }
  [[nodiscard]] bool tells(LogLevel level) const { return level >= threshold_; }
  // The line as it would be written, whatever the threshold.
  [[nodiscard]] std::string format_line(LogLevel level, std::string_view message,
                                        std::initializer_list<LogField> fields = {}) const;

  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) const;
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) const;
  void warning(std::string_view message, std::initializer_list<LogField> fields = {}) const;
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) const;

 private:
  void write(LogLevel level, std::string_view message,
             std::initializer_list<LogField> fields) const;

  std::string program_;
  LogLevel threshold_;
  LogFormat format_;
  int fd_;  // not owned
};

}  // namespace agent_secrets

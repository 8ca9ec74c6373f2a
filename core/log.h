#pragma once
// Lines for operators on stderr: "level program: message key=value …", or one JSON object a line
// (AGENT_SECRETS_LOG=json). AGENT_SECRETS_LOG=text puts the time in front of a text line; otherwise
// a text line has no time, because container platforms add the time. A field's value is text, a
// number or a bool. A SecretBuffer is refused by a deleted overload (tests/must_not_compile checks
// this). Text fields are escaped, so a name cannot forge a line.
//
// A log that is not read never blocks the program: lines are dropped, counted and reported when the
// log can be written again (core/log_output.h).
//
// Copies of a Log write to one output, and share the threshold. Threads: a Log may be used from
// several threads.

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/log_output.h"

namespace agent_secrets {

class SecretBuffer;

enum class LogLevel { debug, info, warning, error };
enum class LogFormat { text, timed_text, json };

// debug, info, warning or error; absent for any other word.
std::optional<LogLevel> parse_log_level(std::string_view word);

// Refers to the caller's text, so make it in the call that writes the line.
class LogField {
 public:
  LogField(std::string_view name, std::string_view value) : key_(name), value_(value) {}
  LogField(std::string_view name, const char* value) : LogField(name, std::string_view(value)) {}
  LogField(std::string_view name, const std::string& value)
      : LogField(name, std::string_view(value)) {}
  LogField(std::string_view name, std::integral auto number)
      : key_(name), value_(static_cast<std::int64_t>(number)) {}
  LogField(std::string_view name, bool value) : key_(name), value_(value) {}
  LogField(std::string_view name, const SecretBuffer& secret) = delete;

  void append_text(std::string& line) const;  // key=value
  void append_json(std::string& line) const;  // "key":value

 private:
  std::string_view key_;
  std::variant<std::string_view, std::int64_t, bool> value_;
};

class Log {
 public:
  Log(std::string program, LogLevel threshold, LogFormat format, int fd = 2);  // not owned
  // The format (AGENT_SECRETS_LOG=json; =text is timed_text) and, with AGENT_SECRETS_LOG=debug, the
  // threshold that the environment asks for.
  static Log from_environment(std::string program, LogLevel threshold = LogLevel::info,
                              LogFormat format = LogFormat::text);

  [[nodiscard]] LogFormat format() const { return format_; }
  [[nodiscard]] bool tells(LogLevel level) const { return level >= *threshold_; }
  // For all copies.
  void set_threshold(LogLevel threshold) const { *threshold_ = threshold; }
  // The line as it would be written, ignoring the threshold.
  [[nodiscard]] std::string format_line(LogLevel level, std::string_view message,
                                        std::initializer_list<LogField> fields = {}) const;

  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) const;
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) const;
  void warning(std::string_view message, std::initializer_list<LogField> fields = {}) const;
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) const;

  // From here on a thread writes the lines, and the end of the program waits for the thread. For
  // programs that serve (core/log_output.h).
  Result<void> start_thread() const { return output_->start_thread(); }
  void flush() const { output_->flush(); }
  // Lines that could not be written, since the start.
  [[nodiscard]] std::uint64_t dropped_lines() const { return output_->dropped(); }

 private:
  void write(LogLevel level, std::string_view message,
             std::initializer_list<LogField> fields) const;

  std::string program_;
  std::shared_ptr<std::atomic<LogLevel>> threshold_;
  LogFormat format_;
  std::shared_ptr<LogOutput> output_;
};

}  // namespace agent_secrets

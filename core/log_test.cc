#include "core/log.h"

#include <array>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "core/unique_fd.h"
#include "tests/catch.h"

using namespace agent_secrets;

namespace {

// What `use` writes to a Log of this format and threshold.
template <typename Use>
std::string lines_of(LogFormat format, LogLevel threshold, Use use) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  use(Log("program", threshold, format, writer.get()));
  writer.reset();
  std::string written;
  std::array<char, 4096> chunk{};
  for (ssize_t n = 0; (n = ::read(reader.get(), chunk.data(), chunk.size())) > 0;) {
    written.append(chunk.data(), static_cast<std::size_t>(n));
  }
  return written;
}

std::string text_of(std::string_view value) {
  std::string line;
  LogField("key", value).append_text(line);
  REQUIRE(line.starts_with("key="));
  return line.substr(4);
}

std::string json_of(std::string_view value) {
  std::string line;
  LogField("key", value).append_json(line);
  REQUIRE(line.starts_with("\"key\":"));
  return line.substr(6);
}

}  // namespace

TEST_CASE("a text line has level, program, message and fields") {
  const std::string line = lines_of(LogFormat::text, LogLevel::info, [](const Log& log) {
    log.warning("cache is old", {{"sequence", 7}, {"fresh", false}, {"set", "voice"}});
  });
  CHECK(line == "warning program: cache is old sequence=7 fresh=false set=voice\n");
}

TEST_CASE("a JSON line is one object with typed fields") {
  const std::string line = lines_of(LogFormat::json, LogLevel::info, [](const Log& log) {
    log.error("say \"no\"", {{"sequence", 7}, {"fresh", true}, {"set", "voice"}});
  });
  CHECK(line.starts_with("{\"time\":\"20"));
  CHECK(
      line.ends_with("\"level\":\"error\",\"program\":\"program\",\"message\":\"say \\\"no\\\"\","
                     "\"sequence\":7,\"fresh\":true,\"set\":\"voice\"}\n"));
}

TEST_CASE("what lies below the threshold is not written") {
  CHECK(lines_of(LogFormat::text, LogLevel::warning, [](const Log& log) {
          log.debug("a");
          log.info("b");
        }).empty());
}

TEST_CASE("a text value cannot forge a line or a field") {
  CHECK(text_of("a\nerror program: forged") == R"("a\nerror program: forged")");
  CHECK(text_of("x admin=true") == R"("x admin=true")");
  CHECK(text_of("say \"x\"") == R"("say \"x\"")");
  CHECK(text_of("\x1b[31mred") == R"("\x1b[31mred")");
  CHECK(text_of("\xc2\x9b") == R"("\xc2\x9b")");
  CHECK(text_of("") == R"("")");
  const std::string line = lines_of(LogFormat::text, LogLevel::info,
                                    [](const Log& log) { log.info("one\ntwo\rthree"); });
  CHECK(line == "info program: one\\ntwo\\x0dthree\n");
}

TEST_CASE("text that is UTF-8 is kept, and bytes that are not are escaped") {
  CHECK(text_of("d\xc3\xa9j\xc3\xa0") == "d\xc3\xa9j\xc3\xa0");
  CHECK(text_of("\xc3(") == R"("\xc3(")");
  CHECK(text_of("\xed\xa0\x80") == R"("\xed\xa0\x80")");
}

TEST_CASE("a JSON value stays valid JSON whatever the bytes are") {
  CHECK(json_of("a\n\t\x7f") == R"("a\u000a\u0009\u007f")");
  CHECK(json_of("\xc2\x85") == R"("\u0085")");
  CHECK(json_of("\xff") == R"("\ufffd")");
  CHECK(json_of("a\\b") == R"("a\\b")");
}

#include "control-plane/log_level_file.h"

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {
namespace {

TEST_CASE("a log level is one word in a file") {
  const TemporaryDirectory directory;
  directory.write("level", "warning\n");
  CHECK(*read_log_level(directory.path("level")) == LogLevel::warning);
  directory.write("level", "debug");
  CHECK(*read_log_level(directory.path("level")) == LogLevel::debug);
}

TEST_CASE("no file, another word and a large file are refused") {
  const TemporaryDirectory directory;
  CHECK_FALSE(read_log_level(directory.path("level")));
  for (const std::string& text : {std::string(), std::string("verbose"), std::string(5000, 'x')}) {
    directory.write("level", text);
    CHECK_FALSE(read_log_level(directory.path("level")));
  }
}

TEST_CASE("copies of a log share its level") {
  const Log log("test", LogLevel::info, LogFormat::text);
  const Log copy = log;
  log.set_threshold(LogLevel::error);
  CHECK_FALSE(copy.tells(LogLevel::warning));
}

}  // namespace
}  // namespace agent_secrets::control_plane

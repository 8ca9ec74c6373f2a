#include "core/log_output.h"

#include <array>
#include <climits>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "core/limits.h"
#include "core/unique_fd.h"
#include "tests/catch.h"

using namespace agent_secrets;

namespace {

std::string notice(std::uint64_t dropped) { return "[" + std::to_string(dropped) + " missing]\n"; }

// A pipe that is read only when a test reads it.
class Pipe {
 public:
  Pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    reader_ = UniqueFd(ends[0]);
    writer_ = UniqueFd(ends[1]);
    REQUIRE(::fcntl(reader_.get(), F_SETFL, O_NONBLOCK) == 0);
  }
  [[nodiscard]] int fd() const { return writer_.get(); }
  // Fills the pipe until `left` bytes are free.
  void fill(std::size_t left = 0) {
    const auto size = static_cast<std::size_t>(::fcntl(fd(), F_GETPIPE_SZ));
    const std::string page(PIPE_BUF, 'x');
    for (std::size_t filled = 0; filled + left < size; filled += page.size()) {
      REQUIRE(::write(fd(), page.data(), page.size()) == PIPE_BUF);
    }
  }
  // All available bytes, without the bytes of fill().
  std::string read() {
    std::string text;
    std::array<char, 65536> chunk{};
    for (ssize_t size = 0; (size = ::read(reader_.get(), chunk.data(), chunk.size())) > 0;) {
      text.append(chunk.data(), static_cast<std::size_t>(size));
    }
    std::erase(text, 'x');
    return text;
  }
  // Reads until `text` has arrived.
  std::string read_until(std::string_view text) {
    std::string all;
    while (!all.contains(text)) all += read();
    return all;
  }

 private:
  UniqueFd reader_;
  UniqueFd writer_;
};

}  // namespace

TEST_CASE("a line that a full pipe does not take is dropped, and the next one says so") {
  Pipe pipe;
  LogOutput output(pipe.fd(), notice);
  pipe.fill();
  output.write("one\n");
  output.write("two\n");
  CHECK(output.dropped() == 2);
  CHECK(pipe.read().empty());
  output.write("three\n");
  output.write("four\n");
  CHECK(pipe.read() == "[2 missing]\nthree\nfour\n");
  CHECK(output.dropped() == 2);
}

TEST_CASE("a line that a pipe takes in part ends before the next one") {
  Pipe pipe;
  LogOutput output(pipe.fd(), notice);
  pipe.fill(PIPE_BUF);
  output.write(std::string(3uz * PIPE_BUF, 'y') + "\n");
  CHECK(pipe.read() == std::string(PIPE_BUF, 'y'));
  output.write("then\n");
  CHECK(pipe.read() == "\n[1 missing]\nthen\n");
}

TEST_CASE("a log whose reader is gone drops its lines") {
  LogOutput output(-1, notice);
  output.write("one\n");
  CHECK(output.dropped() == 1);
}

TEST_CASE("a thread that cannot write holds up none who logs") {
  Pipe pipe;
  LogOutput output(pipe.fd(), notice);
  REQUIRE(output.start_thread().has_value());
  pipe.fill();
  const std::string line = std::string(999, 'z') + "\n";
  const std::size_t room = limits::kLogQueue / line.size();
  for (std::size_t i = 0; i < room + 5; ++i) output.write(line);
  CHECK(output.dropped() == 5);
  // The notice is written after the missing lines, although no other line follows.
  const std::string written = pipe.read_until("[5 missing]\n");
  CHECK(written.size() == room * line.size() + notice(5).size());
  CHECK(written.ends_with("[5 missing]\n"));
  output.write("again\n");
  CHECK(pipe.read_until("again\n") == "again\n");
}

TEST_CASE("the end of a log waits for the lines that are queued") {
  Pipe pipe;
  {
    LogOutput output(pipe.fd(), notice);
    REQUIRE(output.start_thread().has_value());
    for (int i = 0; i < 100; ++i) output.write("line\n");
  }
  CHECK(pipe.read().size() == 500);
}

TEST_CASE("the end of a log that is not read comes all the same") {
  Pipe pipe;
  pipe.fill();
  LogOutput output(pipe.fd(), notice);
  REQUIRE(output.start_thread().has_value());
  output.write("line\n");
  output.flush();
  CHECK(pipe.read_until("line\n") == "line\n");
}

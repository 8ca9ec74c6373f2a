#include "core/environment_block.h"

#include "core/limits.h"
#include "tests/catch.h"

using namespace agent_secrets;
using namespace std::string_view_literals;

namespace {

std::string build_fault(std::vector<EnvironmentPair> pairs) {
  const auto block = build_environment_block(std::move(pairs));
  return block ? "" : block.error().message;
}

std::string parse_fault(std::string_view bytes) {
  const auto entries = parse_environment_block(SecretBuffer::copy_of(bytes));
  return entries ? "" : entries.error().message;
}

}  // namespace

TEST_CASE("a block is KEY=value and NUL, sorted by key") {
  const auto block = build_environment_block(
      {{.key = "B", .value = "2"}, {.key = "A0", .value = "x=y"}, {.key = "A", .value = ""}});
  REQUIRE(block);
  CHECK(block->expose_text() == "A=\0A0=x=y\0B=2\0"sv);
}

TEST_CASE("a block parses into what it was built of, NUL-terminated in place") {
  const auto block = build_environment_block(
      {{.key = "A", .value = "line\nline"}, {.key = "B", .value = "\xc3\xa9"}});
  REQUIRE(block);
  const auto entries = parse_environment_block(*block);
  REQUIRE(entries);
  REQUIRE(entries->size() == 2);
  CHECK((*entries)[0].key == "A");
  CHECK((*entries)[0].assignment == "A=line\nline");
  CHECK((*entries)[1].assignment.data()[(*entries)[1].assignment.size()] == '\0');
  CHECK((*entries)[0].assignment.data() == block->expose_text().data());
}

TEST_CASE("an environment without variables is an empty block, and back") {
  const auto block = build_environment_block({});
  REQUIRE(block);
  CHECK(block->empty());
  CHECK(parse_environment_block(*block)->empty());
}

TEST_CASE("an empty name is refused") {
  CHECK(build_fault({{.key = "", .value = "v"}}) == "a key is empty");
  CHECK(parse_fault("=v\0"sv) == "entry 1 has no name");
}

TEST_CASE("'=' in a name is refused") {
  CHECK(build_fault({{.key = "A=B", .value = "v"}}) == "key 'A=B' has a '='");
}

TEST_CASE("NUL in a name or a value is refused, and the error names the key alone") {
  CHECK(build_fault({{.key = "A\0B"sv, .value = "v"}}) == "key 'A?B' has a NUL");
  CHECK(build_fault({{.key = "A", .value = "v\0w"sv}}) == "the value of 'A' has a NUL");
}

TEST_CASE("the same key twice is refused") {
  CHECK(build_fault(
            {{.key = "A", .value = "1"}, {.key = "B", .value = ""}, {.key = "A", .value = "1"}}) ==
        "key 'A' is given twice");
  CHECK(parse_fault("A=1\0A=2\0"sv) == "key 'A' is given twice or out of order");
}

TEST_CASE("keys out of order are refused") {
  CHECK(parse_fault("B=1\0A=2\0"sv) == "key 'A' is given twice or out of order");
}

TEST_CASE("a block without its final NUL is refused") {
  CHECK(parse_fault("A=1"sv) == "the last entry does not end in NUL");
  CHECK(parse_fault("A=1\0B=2"sv) == "the last entry does not end in NUL");
}

TEST_CASE("an entry without '=' is refused, and never quoted") {
  CHECK(parse_fault("A=1\0hunter2\0"sv) == "entry 2 has no name");
  CHECK(parse_fault("\0"sv) == "entry 1 has no name");
  CHECK(parse_fault("A=1\0\0"sv) == "entry 2 has no name");
}

// Its value may be meant for a file; the injector refuses it as a variable.
TEST_CASE("a pair that is larger than an environment variable is kept") {
  const std::string value(limits::kEnvironmentString, 'v');
  const auto block = build_environment_block({{.key = "K", .value = value}});
  REQUIRE(block);
  CHECK(parse_environment_block(*block)->front().assignment == "K=" + value);
}

TEST_CASE("a block past its bound is refused in both directions") {
  const std::string value(100'000, 'v');
  std::vector<std::string> keys;
  for (int i = 10; i < 53; ++i) keys.push_back("K" + std::to_string(i));
  std::vector<EnvironmentPair> pairs;
  std::string bytes;
  for (const auto& key : keys) {
    pairs.push_back({.key = key, .value = value});
    bytes.append(key).append("=").append(value).push_back('\0');
  }
  const auto built = build_environment_block(pairs);
  REQUIRE_FALSE(built);
  CHECK(built.error().code == ErrorCode::too_large);
  const auto parsed = parse_environment_block(SecretBuffer::copy_of(bytes));
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == ErrorCode::too_large);
}

TEST_CASE("a name in an error is short and printable") {
  const auto fault = build_fault({{.key = "A\n\x1b[31m=", .value = ""}});
  CHECK(fault == "key 'A??[31m=' has a '='");
  const std::string name = std::string(500, 'N') + "=";
  CHECK(build_fault({{.key = name, .value = ""}}).size() < 100);
}

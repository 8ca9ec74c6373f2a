#include "control-plane/http/target.h"

#include <optional>

#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

using Segments = std::vector<std::string>;

std::optional<Request> parsed(std::string_view target) {
  Request request;
  if (!parse_target(target, request)) return std::nullopt;
  return request;
}

TEST_CASE("escapes are decoded once, and an escaped slash stays inside its segment") {
  CHECK(parsed("/a%2Fb/c%252Fd")->segments == Segments{"a/b", "c%2Fd"});
  CHECK(parsed("/v1/a%20b")->segments == Segments{"v1", "a b"});
}

TEST_CASE("empty leading segments are dropped, others are kept") {
  CHECK(parsed("//v1/regions")->segments == Segments{"v1", "regions"});
  CHECK(parsed("/v1//secrets")->segments == Segments{"v1", "", "secrets"});
  CHECK(parsed("/v1/secrets/")->segments == Segments{"v1", "secrets", ""});
  CHECK(parsed("/")->segments.empty());
}

TEST_CASE("dot segments, broken escapes and control characters are refused") {
  for (const char* target : {"/a/../b", "/a/%2e%2E", "/./a", "/a%", "/a%2", "/a%zz", "/a%00",
                             "/%0a", "/a?b=%0d", "/a?b=%", "*", "", "http://host/a"}) {
    INFO(target);
    CHECK_FALSE(parsed(target));
  }
}

TEST_CASE("bytes that are not UTF-8 are refused") {
  for (const char* target : {"/a/%ff", "/a?b=%c3", "/a?%e2%82=b", "/a/%c0%af", "/a/%ed%a0%80"}) {
    INFO(target);
    CHECK_FALSE(parsed(target));
  }
  CHECK(parsed("/a/%c3%a9")->segments == Segments{"a", "\xc3\xa9"});
}

TEST_CASE("the query is decoded into names and values") {
  const auto request = parsed("/a?region=us-west&x=a+b%26c&flag&=y");
  REQUIRE(request);
  CHECK(request->query ==
        std::map<std::string, std::string>{{"flag", ""}, {"region", "us-west"}, {"x", "a b&c"}});
  CHECK(request->target == "/a?region=us-west&x=a+b%26c&flag&=y");
}

}  // namespace
}  // namespace agent_secrets::control_plane

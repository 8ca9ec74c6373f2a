#include "core/proxy.h"

#include <map>

#include "tests/catch.h"

using namespace agent_secrets;

namespace {

struct Variables {
  std::map<std::string, std::string> values;

  [[nodiscard]] Result<std::optional<Proxy>> choose(std::string_view scheme,
                                                    const std::string& host) const {
    return choose_proxy(scheme, host, [this](const char* name) {
      const auto found = values.find(name);
      return found == values.end() ? nullptr : found->second.c_str();
    });
  }
  // The chosen proxy's host:port, or "" for none.
  [[nodiscard]] std::string authority(std::string_view scheme = "https",
                                      const std::string& host = "control.test") const {
    const auto proxy = choose(scheme, host).value();
    return proxy ? proxy->authority : "";
  }
};

}  // namespace

TEST_CASE("the proxy of the scheme is taken, lower case first, then the one for all") {
  CHECK(Variables{}.authority().empty());
  CHECK(Variables{{{"HTTPS_PROXY", "http://a:1"}}}.authority() == "a:1");
  CHECK(Variables{{{"https_proxy", "http://b:1"}, {"HTTPS_PROXY", "http://a:1"}}}.authority() ==
        "b:1");
  CHECK(Variables{{{"ALL_PROXY", "http://c:1"}}}.authority() == "c:1");
  CHECK(Variables{{{"https_proxy", ""}, {"ALL_PROXY", "http://c:1"}}}.authority().empty());
  CHECK(Variables{{{"http_proxy", "http://d:1"}}}.authority("http") == "d:1");
  CHECK(Variables{{{"http_proxy", "http://d:1"}}}.authority("https").empty());
}

TEST_CASE("HTTP_PROXY in capitals is not believed") {
  CHECK(Variables{{{"HTTP_PROXY", "http://evil:1"}}}.authority("http").empty());
}

TEST_CASE("loopback is never asked through a proxy") {
  const Variables variables{{{"ALL_PROXY", "http://a:1"}}};
  for (const char* host : {"localhost", "127.0.0.1", "127.9.9.9", "::1"}) {
    CHECK(variables.authority("https", host).empty());
  }
  CHECK(variables.authority("https", "127.0.0.1.example.test") == "a:1");
}

TEST_CASE("no_proxy names domains, addresses and networks") {
  const auto is_direct = [](const std::string& list, const std::string& host) {
    return Variables{{{"https_proxy", "http://a:1"}, {"no_proxy", list}}}
        .authority("https", host)
        .empty();
  };
  CHECK(is_direct("*", "control.test"));
  CHECK(is_direct("other.test, control.test", "control.test"));
  CHECK(is_direct(".test", "control.test"));
  CHECK(is_direct("TEST", "a.b.test"));
  CHECK(is_direct("control.test", "control.test."));
  CHECK(is_direct("10.0.0.0/8 192.168.1.7", "10.1.2.3"));
  CHECK(is_direct("192.168.1.7", "192.168.1.7"));
  CHECK(is_direct("fd00::/8", "fd12::1"));
  CHECK(is_direct("172.16.0.0/12", "172.31.255.255"));
  CHECK_FALSE(is_direct("172.16.0.0/12", "172.32.0.0"));
  CHECK_FALSE(is_direct("rol.test", "control.test"));
  CHECK_FALSE(is_direct("control.test.example", "control.test"));
  CHECK_FALSE(is_direct("10.0.0.0/33", "10.0.0.1"));
  CHECK_FALSE(is_direct("10.0.0.0/x", "10.0.0.1"));
  CHECK_FALSE(is_direct("", "control.test"));
  CHECK_FALSE(is_direct(".", "control.test"));
}

TEST_CASE("a proxy's user and password are in no message") {
  const Variables good{{{"https_proxy", "http://user:pass-word@a:8080"}}};
  CHECK(good.authority() == "a:8080");
  const Variables bad{{{"https_proxy", "http://user:pass-word@a:port"}}};
  const auto refused = bad.choose("https", "control.test");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::invalid);
  CHECK(refused.error().message == "https_proxy is not the URL of a proxy");
}

TEST_CASE("a proxy's port is 1080 where it is not given, 443 for https") {
  CHECK(Variables{{{"https_proxy", "a"}}}.authority() == "a:1080");
  CHECK(Variables{{{"https_proxy", "https://a"}}}.authority() == "a:443");
  CHECK(Variables{{{"https_proxy", "socks5h://a"}}}.authority() == "a:1080");
}

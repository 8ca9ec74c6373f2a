#pragma once
// Which proxy a URL is asked through, by the variables that every HTTP client reads. libcurl would
// choose by itself, but could not say which one it took when that one is the fault, and would print
// the proxy's password with a URL that it cannot read.
//
//   https_proxy, HTTPS_PROXY      for https
//   http_proxy                    for http; never HTTP_PROXY, which a CGI request can set
//   all_proxy, ALL_PROXY          for both
//   no_proxy, NO_PROXY            hosts that are asked directly: names (and all below them), IP
//                                 addresses, networks as 10.0.0.0/8, or * for all; "," or " "
//
// The first that is set decides, and "" means none. Loopback is never asked through a proxy.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace agent_secrets {

struct Proxy {
  std::string url;        // as given: may hold a user and a password, never print it
  std::string authority;  // host:port, for messages
};

// The value of a variable, or null.
using VariableLookup = std::function<const char*(const char* name)>;

// `host` without brackets. ErrorCode::invalid names the variable that holds no URL of a proxy.
Result<std::optional<Proxy>> choose_proxy(std::string_view scheme, const std::string& host,
                                          const VariableLookup& variable);

bool is_loopback(const std::string& host);

}  // namespace agent_secrets

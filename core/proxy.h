#pragma once
// Chooses the proxy for a URL, by the variables that every HTTP client reads. libcurl could choose
// by itself, but it cannot say which proxy has failed, and for a URL that it cannot parse its error
// message has the proxy's password.
//
//   https_proxy, HTTPS_PROXY      for https
//   http_proxy                    for http; never HTTP_PROXY, which a CGI request can set
//   all_proxy, ALL_PROXY          for both
//   no_proxy, NO_PROXY            hosts without a proxy: names (and their subdomains), IP
//                                 addresses, networks as 10.0.0.0/8, or * for all; "," or " "
//
// The first variable that is set decides; "" means no proxy. Loopback never uses a proxy.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace agent_secrets {

struct Proxy {
  std::string url;        // as given: may have a user and a password, never print it
  std::string authority;  // host:port, for messages
};

// The value of a variable, or null.
using EnvironmentLookup = std::function<const char*(const char* name)>;

// `host` without brackets. ErrorCode::invalid names the variable whose value is not a proxy URL.
Result<std::optional<Proxy>> choose_proxy(std::string_view scheme, const std::string& host,
                                          const EnvironmentLookup& variable);

bool is_loopback(const std::string& host);

}  // namespace agent_secrets

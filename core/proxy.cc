#include "core/proxy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <memory>
#include <vector>

#include <arpa/inet.h>
#include <curl/curl.h>

namespace agent_secrets {
namespace {

struct Setting {
  const char* name = nullptr;
  const char* value = nullptr;
};

Setting first_set(std::initializer_list<const char*> names, const EnvironmentLookup& variable) {
  for (const char* name : names) {
    if (const char* value = variable(name); value != nullptr) return {name, value};
  }
  return {};
}

using Address = std::vector<std::uint8_t>;  // 4 or 16 bytes, or none: not an address

Address parse_address(const std::string& text) {
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) {
    return {bytes.begin(), bytes.begin() + 4};
  }
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return {bytes.begin(), bytes.end()};
  return {};
}

bool share_prefix(const Address& a, const Address& b, std::size_t bits) {
  if (a.size() != b.size() || bits > a.size() * 8) return false;
  const std::size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) {
    return false;
  }
  const unsigned rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

// "10.0.0.0/8", or a single address.
bool network_holds(std::string_view pattern, const Address& host) {
  const std::size_t slash = pattern.find('/');
  const Address network = parse_address(std::string(pattern.substr(0, slash)));
  if (network.empty()) return false;
  std::size_t bits = network.size() * 8;
  if (slash != std::string_view::npos) {
    const std::string_view text = pattern.substr(slash + 1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
    if (error != std::errc() || end != text.data() + text.size()) return false;
  }
  return share_prefix(network, host, bits);
}

std::string_view without_dots_around(std::string_view name) {
  if (name.starts_with('.')) name.remove_prefix(1);
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

// "example.com" and ".example.com" both match example.com and its subdomains.
bool domain_holds(std::string_view pattern, std::string_view host) {
  pattern = without_dots_around(pattern);
  host = without_dots_around(host);
  if (pattern.empty() || host.size() < pattern.size()) return false;
  const std::string_view tail = host.substr(host.size() - pattern.size());
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  if (!std::ranges::equal(tail, pattern, {}, lower, lower)) return false;
  return tail.size() == host.size() || host[host.size() - tail.size() - 1] == '.';
}

bool is_excepted(std::string_view list, const std::string& host) {
  const Address address = parse_address(host);
  while (!list.empty()) {
    const std::string_view pattern = list.substr(0, list.find_first_of(", "));
    list.remove_prefix(std::min(pattern.size() + 1, list.size()));
    if (pattern.empty()) continue;
    if (pattern == "*") return true;
    if (address.empty() ? domain_holds(pattern, host) : network_holds(pattern, address)) {
      return true;
    }
  }
  return false;
}

struct UrlDelete {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
  void operator()(char* text) const { curl_free(text); }
};

// host:port of a proxy's URL; "" if the text is not a URL. Without a scheme it is http with port
// 1080, as in libcurl.
std::string proxy_authority(const char* text) {
  const std::unique_ptr<CURLU, UrlDelete> url(curl_url());
  AGENT_SECRETS_ASSERT(url != nullptr);
  if (curl_url_set(url.get(), CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME) !=
      CURLUE_OK) {
    return {};
  }
  const auto part = [&url](CURLUPart which) -> std::string {
    char* found = nullptr;
    if (curl_url_get(url.get(), which, &found, 0) != CURLUE_OK) return {};
    return std::unique_ptr<char, UrlDelete>(found).get();
  };
  const std::string host = part(CURLUPART_HOST);
  if (host.empty()) return {};
  const std::string port = part(CURLUPART_PORT);
  const std::string standard = part(CURLUPART_SCHEME) == "https" ? "443" : "1080";
  return host + ':' + (port.empty() ? standard : port);
}

}  // namespace

bool is_loopback(const std::string& host) {
  // libcurl itself resolves "localhost" to 127.0.0.1 and ::1, without DNS (since 7.77).
  if (host == "localhost" || host == "::1") return true;
  const Address address = parse_address(host);
  return address.size() == 4 && address[0] == 127;
}

Result<std::optional<Proxy>> choose_proxy(std::string_view scheme, const std::string& host,
                                          const EnvironmentLookup& variable) {
  if (is_loopback(host)) return std::nullopt;
  const Setting chosen =
      scheme == "https"
          ? first_set({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}, variable)
          : first_set({"http_proxy", "all_proxy", "ALL_PROXY"}, variable);
  if (chosen.value == nullptr || *chosen.value == '\0') return std::nullopt;
  const Setting exceptions = first_set({"no_proxy", "NO_PROXY"}, variable);
  if (exceptions.value != nullptr && is_excepted(exceptions.value, host)) return std::nullopt;

  std::string authority = proxy_authority(chosen.value);
  if (authority.empty()) {
    return fail(ErrorCode::invalid, std::string(chosen.name) + " is not the URL of a proxy",
                "set it to http://HOST:PORT, or name the control plane's host in no_proxy");
  }
  return Proxy{.url = chosen.value, .authority = std::move(authority)};
}

}  // namespace agent_secrets

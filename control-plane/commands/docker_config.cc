#include "control-plane/commands/docker_config.h"

#include <algorithm>
#include <array>
#include <optional>

#include <simdjson.h>
#include <sodium.h>

#include "control-plane/catalog/rules.h"
#include "core/encoding.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kDockerHub = "https://index.docker.io/v1/";
constexpr std::array<std::string_view, 3> kDockerHubHosts{"docker.io", "index.docker.io",
                                                          "registry-1.docker.io"};
// The longest form of an escaped character is \u00XX.
constexpr std::size_t kEscapedMax = 6;
constexpr std::size_t kFixedParts = 64;

// Text in guarded memory. The caller passes a size that is enough: add() asserts it.
class SecretText {
 public:
  explicit SecretText(std::size_t room) : buffer_(room) {}

  void add(std::string_view text) {
    AGENT_SECRETS_ASSERT(text.size() <= buffer_.size() - used_);
    std::ranges::copy(as_bytes(text),
                      buffer_.expose().begin() + static_cast<std::ptrdiff_t>(used_));
    used_ += text.size();
  }
  void add_quoted(std::string_view text) {
    add("\"");
    for (const char c : text) add_escaped(c);
    add("\"");
  }
  SecretBuffer take() {
    buffer_.truncate(used_);
    return std::move(buffer_);
  }

 private:
  void add_escaped(char c) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      add("\\u00");
      add({&kHex[byte >> 4U], 1});
      add({&kHex[byte & 15U], 1});
      return;
    }
    if (c == '"' || c == '\\') add("\\");
    add({&c, 1});
  }

  SecretBuffer buffer_;
  std::size_t used_ = 0;
};

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view(".-_:[]").find(c) != std::string_view::npos;
}

// Nothing if the text is not base64. Line breaks, which base64(1) writes, are skipped.
std::optional<SecretBuffer> decode(std::string_view text) {
  for (const int variant :
       {sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING}) {
    SecretBuffer decoded(text.size());
    std::size_t size = 0;
    if (sodium_base642bin(decoded.expose().data(), decoded.size(), text.data(), text.size(), "\r\n",
                          &size, nullptr, variant) == 0) {
      decoded.truncate(size);
      return decoded;
    }
  }
  return std::nullopt;
}

SecretBuffer encode(std::string_view text) {
  SecretBuffer encoded(sodium_base64_encoded_len(text.size(), sodium_base64_VARIANT_ORIGINAL));
  sodium_bin2base64(reinterpret_cast<char*>(encoded.expose().data()), encoded.size(),
                    as_bytes(text).data(), text.size(), sodium_base64_VARIANT_ORIGINAL);
  encoded.truncate(encoded.size() - 1);  // its NUL
  return encoded;
}

bool is_login(std::string_view text) {
  const std::size_t colon = text.find(':');
  return colon != 0 && colon != std::string_view::npos && colon + 1 < text.size() &&
         text.find('\0') == std::string_view::npos &&
         simdjson::validate_utf8(text.data(), text.size());
}

}  // namespace

Result<std::string> registry_key(std::string_view host) {
  std::string_view rest = host;
  if (const auto scheme = rest.find("://"); scheme != std::string_view::npos) {
    rest.remove_prefix(scheme + 3);
  }
  std::string key(rest.substr(0, rest.find('/')));
  std::ranges::transform(key, key.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  if (key.empty() || !std::ranges::all_of(key, is_host_character)) {
    return fail(ErrorCode::invalid, "host " + shown(host) + " names no registry",
                "Write the image pull secret again, with a host such as registry.example:5000.");
  }
  const bool hub = std::ranges::find(kDockerHubHosts, key) != kDockerHubHosts.end();
  return hub ? std::string(kDockerHub) : key;
}

Result<SecretBuffer> docker_config(std::string_view host, const SecretBuffer& credentials) {
  auto key = registry_key(host);
  if (!key) return propagate(key);
  const auto decoded = decode(credentials.expose_text());
  if (!decoded || !is_login(decoded->expose_text())) {
    return fail(ErrorCode::invalid, "its value is not USERNAME:PASSWORD, nor that in base64",
                "Write the image pull secret again, with USERNAME:PASSWORD.");
  }
  const std::string_view login = decoded->expose_text();
  const std::size_t colon = login.find(':');
  const SecretBuffer encoded = encode(login);
  SecretText text(kFixedParts + key->size() + encoded.size() + kEscapedMax * login.size());
  text.add(R"({"auths":{)");
  text.add_quoted(*key);
  text.add(R"(:{"auth":)");
  text.add_quoted(encoded.expose_text());
  text.add(R"(,"username":)");
  text.add_quoted(login.substr(0, colon));
  text.add(R"(,"password":)");
  text.add_quoted(login.substr(colon + 1));
  text.add("}}}");
  return text.take();
}

}  // namespace agent_secrets::control_plane

#include "control-plane/catalog/image_reference.h"

#include <algorithm>
#include <string>

#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
constexpr bool is_alphanumeric(char c) { return is_letter(c) || is_digit(c); }
constexpr bool is_hexadecimal(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Removes the part before the separator, and the separator, from `text`. Returns the part; without
// a separator, all of `text`.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

// The text between two runs of letters and digits: ".", "_", "__" or any number of '-'.
bool is_separator(std::string_view text) {
  return text == "." || text == "_" || text == "__" ||
         std::ranges::all_of(text, [](char c) { return c == '-'; });
}

bool is_repository_component(std::string_view text) {
  const auto alphanumeric = [](char c) { return is_lower(c) || is_digit(c); };
  if (text.empty() || !alphanumeric(text.front()) || !alphanumeric(text.back())) return false;
  while (!text.empty()) {
    const auto run = std::ranges::find_if_not(text, alphanumeric) - text.begin();
    text.remove_prefix(static_cast<std::size_t>(run));
    const auto gap = std::ranges::find_if(text, alphanumeric) - text.begin();
    if (!is_separator(text.substr(0, static_cast<std::size_t>(gap)))) return false;
    text.remove_prefix(static_cast<std::size_t>(gap));
  }
  return true;
}

// Components between slashes. A leading or doubled slash makes an empty component, which is
// invalid.
bool is_repository(std::string_view text) {
  if (text.empty() || text.back() == '/') return false;
  while (!text.empty()) {
    if (!is_repository_component(take_until(text, '/'))) return false;
  }
  return true;
}

bool is_host_component(std::string_view text) {
  return !text.empty() && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && std::ranges::all_of(text, is_digit);
}

bool is_registry(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && !is_port(text.substr(colon + 1))) return false;
  std::string_view host = text.substr(0, colon);
  if (host.empty() || host.back() == '.') return false;
  while (!host.empty()) {
    if (!is_host_component(take_until(host, '.'))) return false;
  }
  return true;
}

// The part before the first slash can be a registry or a component of the repository.
bool is_name(std::string_view text) {
  if (text.size() > limits::kImageNameMax) return false;
  if (is_repository(text)) return true;
  const std::size_t slash = text.find('/');
  return slash != std::string_view::npos && is_registry(text.substr(0, slash)) &&
         is_repository(text.substr(slash + 1));
}

bool is_tag(std::string_view text) {
  const auto word = [](char c) { return is_alphanumeric(c) || c == '_'; };
  return !text.empty() && text.size() <= limits::kImageTagMax && word(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return word(c) || c == '.' || c == '-'; });
}

// "sha256", "sha512+b64u": parts that begin with a letter, between single separators.
bool is_algorithm(std::string_view text) {
  bool at_start = true;
  for (const char c : text) {
    const bool separator = std::string_view("-_+.").find(c) != std::string_view::npos;
    if (at_start ? !is_letter(c) : !separator && !is_alphanumeric(c)) return false;
    at_start = separator;
  }
  return !at_start;
}

bool is_digest(std::string_view text) {
  constexpr std::size_t kDigitsMin = 32;
  if (text.size() > limits::kImageDigestMax) return false;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !is_algorithm(text.substr(0, colon))) return false;
  const std::string_view digits = text.substr(colon + 1);
  return digits.size() >= kDigitsMin && std::ranges::all_of(digits, is_hexadecimal);
}

}  // namespace

bool is_image_reference(std::string_view text) {
  if (text.size() > limits::kImageReferenceMax) return false;
  if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
    if (!is_digest(text.substr(at + 1))) return false;
    text = text.substr(0, at);
  }
  // A colon before the last slash begins a port, not a tag.
  const std::size_t colon = text.rfind(':');
  const bool has_tag =
      colon != std::string_view::npos && text.find('/', colon) == std::string_view::npos;
  if (!has_tag) return is_name(text);
  return is_tag(text.substr(colon + 1)) && is_name(text.substr(0, colon));
}

namespace {

// An IPv6 address in square brackets, or a host name. '_' is as valid as '-' in the name.
bool is_login_registry(std::string_view text) {
  if (!text.starts_with('[')) {
    std::string named(text);
    std::ranges::replace(named, '_', '-');
    return is_registry(named);
  }
  const std::size_t end = text.find(']');
  if (end == std::string_view::npos || end == 1) return false;
  const bool address = std::ranges::all_of(
      text.substr(1, end - 1), [](char c) { return is_hexadecimal(c) || c == ':' || c == '.'; });
  const std::string_view port = text.substr(end + 1);
  return address && (port.empty() || (port.front() == ':' && is_port(port.substr(1))));
}

}  // namespace

bool is_registry_host(std::string_view text) {
  if (text.size() > limits::kRegistryHostMax) return false;
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (text.starts_with(scheme)) {
      text.remove_prefix(scheme.size());
      break;
    }
  }
  const std::string_view registry = take_until(text, '/');
  return is_login_registry(registry) && std::ranges::all_of(text, [](char c) {
           return is_alphanumeric(c) || std::string_view("/-._~").find(c) != std::string_view::npos;
         });
}

}  // namespace agent_secrets::control_plane

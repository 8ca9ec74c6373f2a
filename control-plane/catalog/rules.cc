#include "control-plane/catalog/rules.h"

#include <algorithm>

#include <fmt/format.h>
#include <simdjson.h>

#include "control-plane/catalog/image_reference.h"
#include "core/limits.h"
#include "core/printable.h"
#include "core/reserved_names.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kDockerCredentials = ".dockercredentials";

constexpr bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

constexpr bool is_key_character(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

// One DNS-like label: lower-case letters, digits and '-', neither first nor last a '-'.
bool is_label(std::string_view text) {
  return !text.empty() && is_lower_or_digit(text.front()) && is_lower_or_digit(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

bool is_set_name(std::string_view name) {
  if (name.size() < limits::kSetNameMin || name.size() > limits::kSetNameMax) return false;
  for (std::size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.')) {
    if (!is_label(name.substr(0, dot))) return false;
    name.remove_prefix(dot + 1);
  }
  return is_label(name);
}

Result<void> check_host(std::string_view host) {
  if (is_registry_host(host)) return {};
  return fail(ErrorCode::invalid,
              fmt::format("Invalid registry {}: an image pull secret needs the host of a registry, "
                          "such as registry.example.com or https://index.docker.io/v1/.",
                          shown(host)));
}

Result<void> check_image_pull_secret(const WriteSet& write) {
  if (write.pairs.size() != 1 || write.pairs.front().key != kDockerCredentials) {
    return fail(ErrorCode::invalid, "An image pull secret needs exactly one value.");
  }
  return check_host(write.host);
}

}  // namespace

Result<void> check_set_name(std::string_view name) {
  if (is_set_name(name)) return {};
  return fail(ErrorCode::invalid,
              fmt::format("Invalid secret set name {}: use {} to {} lower-case letters, digits, "
                          "'-' and '.', with a letter or digit at both ends of each part.",
                          shown(name), limits::kSetNameMin, limits::kSetNameMax));
}

Result<void> check_key(std::string_view key) {
  if (!key.empty() && key.size() <= limits::kKeyNameMax &&
      std::ranges::all_of(key, is_key_character)) {
    return {};
  }
  return fail(ErrorCode::invalid,
              fmt::format("Invalid secret key {}: use 1 to {} letters, digits, '_' and '-'.",
                          shown(key), limits::kKeyNameMax));
}

Result<void> check_value(std::string_view key, const SecretBuffer& value) {
  const std::string_view text = value.expose_text();
  if (text.empty()) {
    return fail(ErrorCode::invalid, fmt::format("The value of {} is empty.", shown(key)));
  }
  if (pair_bytes(key.size(), text.size()) > limits::kEnvironmentString) {
    return fail(ErrorCode::invalid,
                fmt::format("The value of {} is too long: with its key it may take {} bytes.",
                            shown(key), limits::kEnvironmentString - 2));
  }
  if (text.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::invalid, fmt::format("The value of {} holds a NUL.", shown(key)));
  }
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    return fail(ErrorCode::invalid, fmt::format("The value of {} is not UTF-8.", shown(key)));
  }
  return {};
}

Result<void> check_agent_name(std::string_view name) {
  if (name.size() >= 2 && name.size() <= limits::kAgentNameMax && is_label(name)) return {};
  return fail(ErrorCode::invalid,
              fmt::format("Invalid service name {}: use 2 to {} lower-case letters, digits and "
                          "'-', with a letter or digit at both ends.",
                          shown(name), limits::kAgentNameMax));
}

Result<void> check_plain_name(std::string_view what, std::string_view name) {
  if (name.size() <= limits::kSetNameMax && is_label(name)) return {};
  return fail(ErrorCode::invalid,
              fmt::format("Invalid {} {}: use 1 to {} lower-case letters, digits and '-', with a "
                          "letter or digit at both ends.",
                          what, shown(name), limits::kSetNameMax));
}

Result<void> check_title(std::string_view what, std::string_view title) {
  if (!title.empty() && title.size() <= limits::kTitleMax && is_showable(title)) return {};
  return fail(
      ErrorCode::invalid,
      fmt::format("Invalid {} {}: use 1 to {} bytes of text without square brackets, control "
                  "characters and invisible characters.",
                  what, shown(title), limits::kTitleMax));
}

// The address is only shown; no mail is sent to it. So the check is loose: one '@' with text on
// both sides.
Result<void> check_email(std::string_view email) {
  const std::size_t at = email.find('@');
  const bool plain = std::ranges::all_of(
      email, [](char c) { return c > ' ' && c < 0x7f && c != '[' && c != ']'; });
  if (plain && at != 0 && at != email.npos && at + 1 < email.size() && at == email.rfind('@') &&
      email.size() <= limits::kEmailMax) {
    return {};
  }
  return fail(ErrorCode::invalid, fmt::format("Invalid e-mail address {}.", shown(email)));
}

Result<void> check_image(std::string_view image) {
  if (image.empty()) return fail(ErrorCode::invalid, "A service needs an image.");
  if (is_image_reference(image)) return {};
  return fail(ErrorCode::invalid,
              fmt::format("Invalid image {}: use an image reference such as "
                          "registry.example.com/team/bot:1.2, with a repository in lower case, a "
                          "tag after ':' and a digest after '@'.",
                          shown(image)));
}

Result<void> check_scaling(const Scaling& scaling) {
  if (scaling.min_agents < 0) {
    return fail(ErrorCode::invalid, "minAgents must not be negative.");
  }
  if (scaling.max_agents < 1) return fail(ErrorCode::invalid, "maxAgents must be at least 1.");
  if (scaling.min_agents > scaling.max_agents) {
    return fail(ErrorCode::invalid,
                fmt::format("minAgents ({}) must not be greater than maxAgents ({}).",
                            scaling.min_agents, scaling.max_agents));
  }
  return {};
}

void add_sentence(std::string& text, std::string_view sentence) {
  if (!text.empty() && !sentence.empty()) text += ' ';
  text += sentence;
}

std::string reserved_names_warning(std::string_view set, const std::vector<std::string>& keys) {
  std::string warning;
  if (const auto refused = refused_names(keys, {}); !refused.empty()) {
    warning = fmt::format(
        "Secret set {} has reserved names, and a bot starts only where secret-injector --allow "
        "permits each of them: {}.",
        shown(set), with_reasons(refused));
  }
  if (const auto of_image = image_names(keys, {}); !of_image.empty()) {
    add_sentence(warning,
                 fmt::format("Secret set {} replaces what the image or the platform usually sets: "
                             "{}.",
                             shown(set), with_reasons(of_image)));
  }
  return warning;
}

Result<void> check_write(const WriteSet& write) {
  if (auto ok = check_set_name(write.name); !ok) return ok;
  if (write.type == SetType::image_pull_secret) {
    if (auto ok = check_image_pull_secret(write); !ok) return ok;
  }
  if (write.pairs.empty()) {
    return fail(ErrorCode::invalid, fmt::format("Nothing to write to {}.", shown(write.name)));
  }
  for (const SecretPair& pair : write.pairs) {
    if (write.type == SetType::secret) {
      if (auto ok = check_key(pair.key); !ok) return ok;
    }
    if (auto ok = check_value(pair.key, pair.value); !ok) return ok;
  }
  return {};
}

}  // namespace agent_secrets::control_plane

#pragma once
// The rules for names and values (docs/compatibility.md).
// Each check returns ErrorCode::invalid with the sentence that the API shows.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/catalog/agents.h"
#include "control-plane/catalog/cli_text.h"
#include "control-plane/catalog/sets.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

Result<void> check_set_name(std::string_view name);
Result<void> check_key(std::string_view key);
Result<void> check_value(std::string_view key, const SecretBuffer& value);
Result<void> check_agent_name(std::string_view name);
// The names of organizations, regions and users: lower-case letters, digits and '-'. A region's
// code is part of a file name.
Result<void> check_plain_name(std::string_view what, std::string_view name);
// A display name.
Result<void> check_title(std::string_view what, std::string_view title);
Result<void> check_email(std::string_view email);
// An image reference (catalog/image_reference.h).
Result<void> check_image(std::string_view image);
Result<void> check_scaling(const Scaling& scaling);

// The pairs of a write, and for an image pull secret its one pair and its host.
Result<void> check_write(const WriteSet& write);

// Appends a sentence, after a space if `text` is not empty.
void add_sentence(std::string& text, std::string_view sentence);

// Sentences about the reserved names among the keys of a secret set (core/reserved_names.h), or "".
std::string reserved_names_warning(std::string_view set, const std::vector<std::string>& keys);

// The bytes of one pair in a set and in an environment block: KEY=value and its NUL.
constexpr std::size_t pair_bytes(std::size_t key_size, std::size_t value_size) {
  return key_size + value_size + 2;
}

}  // namespace agent_secrets::control_plane

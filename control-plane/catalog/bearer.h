#pragma once
// The text in `Authorization: Bearer …`: a prefix for its kind, then 256 random bits. The catalog
// finds it by its SHA-256. A slow hash or a salt would add nothing, because 256 random bits cannot
// be guessed. The lookup uses an index on the hash, so its timing depends only on the hash.

#include <array>
#include <cstdint>
#include <string_view>

#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

// The official CLI treats a text with this prefix as a personal access token. Its command
// `auth use-pat` accepts no other text.
inline constexpr std::string_view kTokenPrefix = "pcc_pat_";
inline constexpr std::string_view kPrivateKeyPrefix = "sk_";
inline constexpr std::string_view kPublicKeyPrefix = "pk_";

using BearerHash = std::array<std::uint8_t, 32>;

SecretBuffer mint_bearer(std::string_view prefix);
BearerHash hash_bearer(std::string_view text);

}  // namespace agent_secrets::control_plane

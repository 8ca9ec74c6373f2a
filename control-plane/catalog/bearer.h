#pragma once
// What `Authorization: Bearer …` carries: a prefix that says its kind, and 256 random bits. Stores
// know it by its SHA-256. No slow hash and no salt: there is nothing to guess from. Found by an
// index on the hash, whose timing tells of the hash alone.

#include <array>
#include <cstdint>
#include <string_view>

#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

// The official CLI takes what begins so for a personal access token, and nothing else in
// `auth use-pat`.
inline constexpr std::string_view kTokenPrefix = "pcc_pat_";
inline constexpr std::string_view kPrivateKeyPrefix = "sk_";
inline constexpr std::string_view kPublicKeyPrefix = "pk_";

using BearerHash = std::array<std::uint8_t, 32>;

SecretBuffer mint_bearer(std::string_view prefix);
BearerHash hash_bearer(std::string_view text);

}  // namespace agent_secrets::control_plane

#pragma once
// The catalog's part of a rotation of data keys: values under retired keys are encrypted anew under
// the active one, while servers read and write. No server writes a value under a retired key
// (keys/catalog_cipher.h), so their number only goes down.
//
// Threads: safe from several.

#include <cstdint>
#include <string_view>

#include "control-plane/database/transaction.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct CatalogContext;

// Does at most limits::kReencryptedValues values. Returns how many; 0: none is under the key.
// ErrorCode::untrusted, with the names of set and key, for a value that does not decrypt.
Result<std::int64_t> reencrypt_some(CatalogContext& context, std::string_view old_key);

std::int64_t count_values_under_key(Transaction& tx, std::string_view key);

}  // namespace agent_secrets::control_plane

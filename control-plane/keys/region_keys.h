#pragma once
// The keys of one region that a region node needs: the key that signs bundles, the data keys that
// decrypt the region's values, and the keys that verify the authority codes of the region's rows.
// `region export-keys` writes them to a file.
//
// The text of the file has the form of a credential (core/credential.h), for the same reasons: its
// secret part never enters a JSON parser, and a scanner for leaked secrets can find its prefix.
//
//   agentregion_v2_ base64url(public JSON) "."
//                   base64url(signing seed, data keys, authority keys, checksum)
//
//   {"region":"eu-central","signing_key":"KID","data_keys":["ID", …],"authority_keys":1,
//    "announcements":["JWS", …]}
//
// The announcements are those of the region's signing keys (core/key_announcement.h); without any,
// the member is left out.
//
// The seed and each key are 32 bytes. The data keys have the order of the ids in the JSON, and the
// first one encrypts. The number of the authority keys is in the JSON, and the first one makes
// codes. The checksum is the first 4 bytes of BLAKE2b-256 over the JSON, the seed and the keys. It
// detects damage, but does not protect against an attacker. The keys in the file are not encrypted:
// everyone who can read the file has the keys.
//
// A file of the first form (agentregion_v1_) has no authority keys. It is refused: a node that does
// not verify codes would give values to whoever can write to its database.
//
// The standby signing key is not in the file. So after the file was stolen, the standby key can
// safely replace the active signing key.
//
// Threads: safe from several; plain data.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/keys/authority.h"
#include "control-plane/keys/value_cipher.h"
#include "core/credential.h"
#include "core/error.h"
#include "core/jws.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

struct RegionKeys {
  struct DataKey {
    std::string id;
    SecretBuffer key;
  };
  std::string region;  // its code
  std::string signing_kid;
  SecretBuffer signing_seed;
  std::vector<DataKey> data_keys;            // not empty; the first one encrypts
  std::vector<SecretBuffer> authority_keys;  // not empty; the first one makes codes
  std::vector<std::string> announcements = {};
};

// The keys with which the instance API signs.
struct RegionSigningKeys {
  std::string active_kid;
  SigningKey active;
  // For new credentials: the public halves, active first, then standby. Empty on a region node,
  // which makes no credentials.
  std::vector<VerificationKey> verification_keys;
  std::vector<std::string> announcements;  // sent with each bundle
};

// The purpose of a region's data keys (keys/key_store.h, keys/value_cipher.h): "region:CODE".
std::string data_key_purpose(std::string_view region);
// The purpose of the keys for the authority codes of a region's store (keys/authority.h):
// "authority:CODE".
std::string authority_purpose(std::string_view region);

// Returns the text of the file in guarded memory: one line without its newline.
SecretBuffer region_keys_text(const RegionKeys& keys);
// ErrorCode::invalid says what is wrong with the text, and never repeats the text.
Result<RegionKeys> parse_region_keys(std::string_view text);

// Returns the keys of the region `code` for a region node: from the variable
// AGENT_SECRETS_REGION_KEYS if it is set, otherwise from the file, which group and others must not
// be able to read. Call it once, before there are threads (keys/key_file.h). ErrorCode::invalid for
// the keys of another region.
inline constexpr const char* kRegionKeysVariable = "AGENT_SECRETS_REGION_KEYS";
Result<RegionKeys> load_region_keys(const std::string& path, std::string_view code);

// Each function moves the keys that it needs out of `keys`.
RegionSigningKeys take_signing_keys(RegionKeys& keys);
ValueCipher take_cipher(RegionKeys& keys);
Authority take_authority(RegionKeys& keys, UncodedRows uncoded);

}  // namespace agent_secrets::control_plane

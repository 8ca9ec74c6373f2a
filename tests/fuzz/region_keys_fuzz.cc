// The file of a region's keys is copied to another machine, and may be damaged or edited. The
// checksum rejects nearly every mutated text before its JSON is parsed, so the input is also used
// as the JSON itself.
// Parser: control-plane/keys/region_keys.cc
#include <array>
#include <vector>

#include <sodium.h>

#include "control-plane/keys/region_keys.h"
#include "core/encoding.h"
#include "core/limits.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;
using namespace agent_secrets::control_plane;

namespace {

// Checks the bounds of the parsed keys, and that they are the same after writing and parsing them
// again.
void check(std::string_view text) {
  const auto keys = parse_region_keys(text);
  if (!keys) return AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(keys.error()));
  AGENT_SECRETS_ASSERT(is_key_id(keys->signing_kid) && keys->signing_seed.size() == 32);
  AGENT_SECRETS_ASSERT(is_plain_text(keys->region));
  AGENT_SECRETS_ASSERT(!keys->data_keys.empty() &&
                       keys->data_keys.size() <= limits::kRegionDataKeys);
  AGENT_SECRETS_ASSERT(!keys->authority_keys.empty());
  const SecretBuffer written = region_keys_text(*keys);
  const auto again = parse_region_keys(written.expose_text());
  AGENT_SECRETS_ASSERT(again && region_keys_text(*again).same_content(written));
}

// Wraps the JSON with three keys and a correct checksum, as for a JSON with one data key and one
// authority key.
void check_json(std::string_view json) {
  std::vector<std::uint8_t> signed_bytes(json.begin(), json.end());
  std::vector<std::uint8_t> secret(3 * 32, 7);
  signed_bytes.insert(signed_bytes.end(), secret.begin(), secret.end());
  std::array<std::uint8_t, 32> hash{};
  crypto_generichash(hash.data(), hash.size(), signed_bytes.data(), signed_bytes.size(), nullptr,
                     0);
  secret.insert(secret.end(), hash.begin(), hash.begin() + 4);
  check("agentregion_v2_" + base64url_encode(as_bytes(json)) + "." + base64url_encode(secret));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::text(data, size);
  check(input);
  check_json(input);
  return 0;
}

// Credentials come from a file or a variable that anybody may have edited. The checksum keeps a
// mutated text from its JSON, so the input is also taken as the JSON itself.
// Parser: core/credential.cc
#include "core/credential.h"
#include "core/limits.h"
#include "core/test_keys.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;

namespace {

// Within its bounds, and the same after a journey through its own text.
void check_identity(const CredentialIdentity& identity) {
  AGENT_SECRETS_ASSERT(!identity.urls.empty() && identity.urls.size() <= limits::kCredentialUrls);
  AGENT_SECRETS_ASSERT(!identity.verification_keys.empty());
  AGENT_SECRETS_ASSERT(is_key_id(identity.kid));  // it becomes a file's name
  for (const auto& url : identity.urls) AGENT_SECRETS_ASSERT(fuzz::has_no_control(url));
  AGENT_SECRETS_ASSERT(is_plain_text(identity.organization) && is_plain_text(identity.agent));
  const auto again = parse_identity(identity_json(identity));
  AGENT_SECRETS_ASSERT(again && identity_json(*again) == identity_json(identity));
}

void check_agent_credential(std::string_view text) {
  const auto credential = parse_agent_credential(text);
  if (!credential) return AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(credential.error()));
  check_identity(credential->identity);
  AGENT_SECRETS_ASSERT(!parse_watch_credential(text));
  const auto half = watch_credential_text(*credential);
  AGENT_SECRETS_ASSERT(!parse_agent_credential(half.expose_text()));
  const auto watch = parse_watch_credential(half.expose_text());
  if (!watch) return AGENT_SECRETS_ASSERT(half.size() > limits::kCredential);
  AGENT_SECRETS_ASSERT(watch->signing_key.public_key() == credential->signing_key.public_key());
}

void check_watch_credential(std::string_view text) {
  const auto credential = parse_watch_credential(text);
  if (!credential) return AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(credential.error()));
  check_identity(credential->identity);
}

void check_json(std::string_view json) {
  const auto identity = parse_identity(json);
  if (!identity) return AGENT_SECRETS_ASSERT(fuzz::is_fit_to_print(identity.error()));
  check_identity(*identity);
  check_agent_credential(agent_credential_text(*identity, test::numbered_seed(0)).expose_text());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::text(data, size);
  check_agent_credential(input);
  check_watch_credential(input);
  check_json(input);
  return 0;
}

// Announcements as a server sends them, and payloads that a trusted key has signed. A key is added
// only for an announcement of the form in which the programs write it.
// Parser: core/key_announcement.cc
#include "core/key_announcement.h"
#include "core/limits.h"
#include "core/test_keys.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;

namespace {

std::vector<VerificationKey> read(std::string_view announcements) {
  return with_announced_keys(test::identity(), announcements).verification_keys;
}

// No mutation of a text is signed, so nothing is added but the whole of a seed.
void check_raw(std::string_view announcements) {
  const auto keys = read(announcements);
  AGENT_SECRETS_ASSERT(!keys.empty() && keys.size() <= 1 + limits::kKeyAnnouncements);
  AGENT_SECRETS_ASSERT(keys.front().key == test::region_key().public_key());
}

void check_signed(std::string_view payload) {
  const auto keys = read(sign_jws("region-1", kKeyAnnouncementType, payload, test::region_key()));
  if (keys.size() == 1) return;
  AGENT_SECRETS_ASSERT(keys.size() == 2 && is_key_id(keys.back().kid));
  const auto again = read(announce_key(keys.back(), "region-1", test::region_key()));
  AGENT_SECRETS_ASSERT(again.size() == 2 && again.back().key == keys.back().key);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::text(data, size);
  check_raw(input);
  check_signed(input);
  return 0;
}

// The cached bundle, as somebody with access to the directory may have left it. What loads is, byte
// for byte, what the region signed; a file that was refused is evidence, and a bundle fetched after
// it does not replace it.
// Parser: injector/cache.cc
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/encoding.h"
#include "core/test_bundle.h"
#include "core/test_keys.h"
#include "injector/cache.h"
#include "injector/file.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/fuzz/input.h"

using namespace agent_secrets;

namespace {

constexpr std::int64_t kSequence = 7;
constexpr std::chrono::seconds kNow{1'795'442'526};

class Directory {
 public:
  Directory() { AGENT_SECRETS_ASSERT(::chmod(directory_.path().c_str(), 0700) == 0); }

  void put(std::string_view content) const {
    directory_.write("cred-1.bundle", content);
    AGENT_SECRETS_ASSERT(::chmod(directory_.path("cred-1.bundle").c_str(), 0600) == 0);
  }
  [[nodiscard]] std::string content() const { return directory_.read("cred-1.bundle"); }
  [[nodiscard]] BundleCache cache() const {
    auto cache = BundleCache::open(directory_.path(), test::identity());
    AGENT_SECRETS_ASSERT(cache.has_value());
    return std::move(*cache);
  }

 private:
  TemporaryDirectory directory_;
};

FetchedBundle fetched() {
  const BundleFacts facts{.organization = "acme",
                          .agent = "receptionist",
                          .deployment = "dep-1",
                          .sequence = kSequence,
                          .recipient = "cred-1",
                          .sets = {},
                          .region = "us-west",
                          .issued_at = std::chrono::seconds(1'700'000'000),
                          .nonce = "nonce"};
  auto compact = make_bundle(facts, SecretBuffer(), test::agent_credential().box_key.public_key,
                             "region-1", test::region_key());
  auto verified = verify_bundle(*compact, test::identity());
  AGENT_SECRETS_ASSERT(verified.has_value());
  return {.text = std::move(*compact), .verified = std::move(*verified)};
}

void check_refused(const Error& error, BundleCache& cache) {
  AGENT_SECRETS_ASSERT(error.code == ErrorCode::untrusted && fuzz::is_fit_to_print(error));
  static const FetchedBundle next = fetched();
  FakeClock clock;
  AGENT_SECRETS_ASSERT(!cache.keep(next, kSequence, std::chrono::milliseconds(500), clock));
}

void check_loaded(const FetchedBundle& cached, std::string_view content, BundleCache& cache) {
  AGENT_SECRETS_ASSERT(cached.text == content);
  content = content.substr(0, content.find('\n'));  // without announcements
  const auto payload = base64url_decode(
      content.substr(content.find('.') + 1, content.rfind('.') - content.find('.') - 1));
  const auto signed_again =
      sign_jws("region-1", kBundleType, as_text(*payload), test::region_key());
  AGENT_SECRETS_ASSERT(signed_again == content);

  static const FetchedBundle next = fetched();
  FakeClock clock;
  const auto kept = cache.keep(next, std::nullopt, std::chrono::milliseconds(500), clock);
  AGENT_SECRETS_ASSERT(kept.has_value() == (cached.verified.facts.sequence <= kSequence));
}

void check(std::string_view content) {
  static const Directory directory;
  directory.put(content);
  BundleCache cache = directory.cache();
  const auto cached = cache.load();
  if (!cached) {
    check_refused(cached.error(), cache);
    AGENT_SECRETS_ASSERT(directory.content() == content);
    return;
  }
  AGENT_SECRETS_ASSERT(cached->has_value());
  check_loaded(**cached, content, cache);
  const auto age = age_of((*cached)->verified.facts, kNow, std::chrono::hours(24));
  AGENT_SECRETS_ASSERT(age ? *age <= std::chrono::hours(24) : fuzz::is_fit_to_print(age.error()));
  const auto last = cache.load();
  AGENT_SECRETS_ASSERT(last && *last);
  AGENT_SECRETS_ASSERT((*last)->verified.facts.sequence >= (*cached)->verified.facts.sequence);
}

}  // namespace

// As the file, and as a payload that the region signed, which no mutation of a file could be.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::text(data, size);
  check(input);
  check(sign_jws("region-1", kBundleType, input, test::region_key()));
  return 0;
}

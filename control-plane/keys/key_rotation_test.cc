#include "control-plane/keys/key_rotation.h"

#include <filesystem>

#include "control-plane/keys/announcements.h"
#include "control-plane/keys/check_master_key.h"
#include "control-plane/keys/key_store.h"
#include "control-plane/test_stores.h"
#include "core/key_announcement.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

MasterKey new_key(const TestStores& t) {
  return need(MasterKey::create_file(t.directory.path("new.key")));
}

Database& catalog_of(TestStores& t) { return *t.catalog().context.database; }

Result<std::int64_t> rewrap(TestStores& t, const MasterKey& key) {
  return catalog_of(t).write("rewrap", [&](Transaction& tx) { return rewrap_keys(tx, key); });
}

Result<void> check(TestStores& t, const MasterKey& key) {
  return catalog_of(t).read("check", [&](Transaction& tx) { return check_master_key(tx, key); });
}

std::size_t number_of_keys(TestStores& t) {
  return need(catalog_of(t).read(
                  "list",
                  [](Transaction& tx) { return Result<std::vector<KeyFacts>>(list_keys(tx)); }))
      .size();
}

RegionSigningKeys signing_keys(TestStores& t) {
  return need(KeyStore(catalog_of(t), t.master_key).signing_keys("us-west"));
}

void rotate_signing(TestStores& t) {
  need(catalog_of(t).write(
      "rotate", [&](Transaction& tx) { return rotate_signing_keys(tx, t.master_key, "us-west"); }));
}

// What a credential with these keys trusts, by the region's announcements.
CredentialIdentity trusting(const std::vector<VerificationKey>& credential,
                            const RegionSigningKeys& region) {
  CredentialIdentity identity;
  identity.verification_keys = credential;
  return with_announced_keys(std::move(identity), join_announcements(region.announcements));
}

bool is_trusted(const std::vector<VerificationKey>& credential, const RegionSigningKeys& region) {
  return trusting(credential, region).verification_key(region.active_kid) ==
         region.active.public_key();
}

}  // namespace

TEST_CASE("keys of every purpose are wrapped anew, and the old master key opens none of them") {
  TestStores t;
  need(catalog_of(t).write("another purpose", [&](Transaction& tx) {
    return create_key(tx, t.master_key, "of-a-later-version", kActive);
  }));
  const MasterKey next = new_key(t);
  const std::size_t keys = number_of_keys(t);
  REQUIRE(keys == 12);  // three of the catalog, four of each region, and the one above
  CHECK(need(rewrap(t, next.with_previous(t.master_key))) == 12);
  CHECK(check(t, next));
  CHECK(refusal(check(t, t.master_key)).code == ErrorCode::untrusted);
  CHECK(number_of_keys(t) == keys);
  CHECK(need(rewrap(t, next.with_previous(t.master_key))) == 0);
}

TEST_CASE("a master key that opens nothing changes nothing") {
  TestStores t;
  const MasterKey stranger = new_key(t);
  CHECK(refusal(rewrap(t, stranger)).code == ErrorCode::untrusted);
  CHECK(check(t, t.master_key));
}

TEST_CASE("one key that neither master key opens keeps all others as they are") {
  TestStores t;
  t.edit("catalog", "UPDATE keys SET id = 'other' WHERE purpose = 'region:us-west'");
  const Error refused = refusal(rewrap(t, new_key(t).with_previous(t.master_key)));
  CHECK(refused.message.find("key other (region:us-west)") != std::string::npos);
  CHECK(KeyStore(catalog_of(t), t.master_key).cipher(kCatalogPurpose));
}

TEST_CASE("opening with the new and the previous master key wraps the keys anew") {
  TestStores t;
  t.write("bot-secrets", "A", "a1");
  const MasterKey next = new_key(t);
  CHECK(refusal(open_stores(*t.place(), next, t.clock)).hint.find("--previous-master-key-file") !=
        std::string::npos);
  need(open_stores(*t.place(), next.with_previous(t.master_key), t.clock));
  CHECK(check(t, next));
  need(open_stores(*t.place(), next, t.clock));
  CHECK(open_stores(*t.place(), t.master_key, t.clock).error().code == ErrorCode::untrusted);
}

TEST_CASE("a process with the old master key alone goes on, but makes no key") {
  TestStores t;
  t.write("bot-secrets", "A", "a1");
  t.provision();
  need(rewrap(t, new_key(t).with_previous(t.master_key)));
  t.write("bot-secrets", "A", "a2");
  t.provision();
  CHECK(t.served("bot-secrets", 2) == std::map<std::string, std::string>{{"A", "a2"}});
  CHECK(refusal(KeyStore(catalog_of(t), t.master_key).cipher("region:ap-south")).code ==
        ErrorCode::untrusted);
  CHECK(number_of_keys(t) == 11);
}

TEST_CASE("a process reads its key file again when the key in it has been replaced") {
  TestStores t;
  const MasterKey next = new_key(t);
  need(rewrap(t, next.with_previous(t.master_key)));
  std::filesystem::rename(t.directory.path("new.key"), t.directory.path("master.key"));
  CHECK(check(t, t.master_key));
  CHECK(KeyStore(catalog_of(t), t.master_key).cipher("region:ap-south"));
  CHECK(check(t, next));
}

TEST_CASE(
    "after a rotation of signing keys the standby key signs, and a new standby is announced") {
  TestStores t;
  const RegionSigningKeys before = signing_keys(t);
  rotate_signing(t);
  const RegionSigningKeys after = signing_keys(t);
  CHECK(after.active_kid == before.verification_keys.back().kid);
  CHECK(after.verification_keys.size() == 2);
  CHECK(after.verification_keys.back().kid != before.active_kid);
  CHECK(after.announcements.size() == 1);
  CHECK(number_of_keys(t) == 11);  // the old seed is gone
  const auto keys = trusting(before.verification_keys, after).verification_keys;
  REQUIRE(keys.size() == 3);
  CHECK(keys.back().kid == after.verification_keys.back().kid);
}

TEST_CASE("a credential survives as many rotations of signing keys as announcements are kept") {
  TestStores t;
  const std::vector<VerificationKey> credential = signing_keys(t).verification_keys;
  for (std::size_t rotation = 1; rotation <= limits::kKeyAnnouncements; ++rotation) {
    rotate_signing(t);
    CAPTURE(rotation);
    CHECK(is_trusted(credential, signing_keys(t)));
  }
  rotate_signing(t);
  CHECK(signing_keys(t).announcements.size() == limits::kKeyAnnouncements);
  CHECK_FALSE(is_trusted(credential, signing_keys(t)));
}

TEST_CASE("the exported keys of a region have its announcements") {
  TestStores t;
  rotate_signing(t);
  KeyStore store(catalog_of(t), t.master_key);
  const RegionKeys exported = need(store.export_region_keys("us-west"));
  const RegionKeys read = need(parse_region_keys(region_keys_text(exported).expose_text()));
  CHECK(read.announcements == signing_keys(t).announcements);
}

}  // namespace agent_secrets::control_plane

#include "control-plane/keys/value_cipher.h"

#include "control-plane/keys/aead.h"
#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

ValueCipher cipher(std::string purpose, const std::string& active = "k1") {
  std::map<std::string, SecretBuffer> keys;
  keys.emplace("k1", SecretBuffer::copy_of(std::string(kAeadKeySize, '1')));
  keys.emplace("k2", SecretBuffer::copy_of(std::string(kAeadKeySize, '2')));
  return ValueCipher(std::move(purpose), std::move(keys), active);
}

ValueContext context() {
  return {.organization_id = 1, .set_id = 2, .key = "KEY", .written_by = 3, .served_as = 4};
}

SecretBuffer value() { return SecretBuffer::copy_of(std::string_view("hunter2")); }

}  // namespace

TEST_CASE("a value decrypts in its context") {
  const auto opened = cipher("catalog").open(context(), cipher("catalog").seal(context(), value()));
  REQUIRE(opened);
  CHECK(opened->same_content(value()));
}

TEST_CASE("a value does not decrypt in another context") {
  const SealedValue sealed = cipher("catalog").seal(context(), value());
  const auto refused = [&](const ValueContext& elsewhere) {
    const auto opened = cipher("catalog").open(elsewhere, sealed);
    return !opened && opened.error().code == ErrorCode::untrusted;
  };
  ValueContext other = context();
  other.organization_id = 9;
  CHECK(refused(other));
  other = context();
  other.set_id = 9;
  CHECK(refused(other));
  other = context();
  other.key = "KEZ";
  CHECK(refused(other));
  other = context();
  other.written_by = 9;
  CHECK(refused(other));
  other = context();
  other.served_as = 9;
  CHECK(refused(other));
  CHECK_FALSE(cipher("region:us-west").open(context(), sealed));
}

TEST_CASE("a value under an older data key decrypts") {
  const SealedValue sealed = cipher("catalog", "k1").seal(context(), value());
  CHECK(cipher("catalog", "k2").open(context(), sealed));
  CHECK(cipher("catalog", "k2").seal(context(), value()).key_id == "k2");
}

TEST_CASE("a value does not decrypt with an unknown or another data key") {
  SealedValue sealed = cipher("catalog").seal(context(), value());
  sealed.key_id = "k2";
  CHECK_FALSE(cipher("catalog").open(context(), sealed));
  sealed.key_id = "k3";
  CHECK_FALSE(cipher("catalog").open(context(), sealed));
}

TEST_CASE("equal values have different boxes") {
  CHECK(cipher("catalog").seal(context(), value()).box !=
        cipher("catalog").seal(context(), value()).box);
}

TEST_CASE("equal values of one key have one fingerprint in every version") {
  ValueContext later = context();
  later.written_by = 9;
  later.served_as = 9;
  const Fingerprint print = cipher("catalog").fingerprint(context(), value());
  CHECK(print.hash.size() == 16);
  CHECK(print.key_id == "k1");
  CHECK(cipher("catalog").fingerprint(later, value()).hash == print.hash);
}

TEST_CASE("fingerprints differ with the value, the place, the store and the data key") {
  const auto print = cipher("catalog").fingerprint(context(), value()).hash;
  const auto in = [](const ValueContext& place) {
    return cipher("catalog").fingerprint(place, value()).hash;
  };
  const SecretBuffer other_value = SecretBuffer::copy_of(std::string_view("hunter3"));
  CHECK(cipher("catalog").fingerprint(context(), other_value).hash != print);
  ValueContext other = context();
  other.organization_id = 9;
  CHECK(in(other) != print);
  other = context();
  other.set_id = 9;
  CHECK(in(other) != print);
  other = context();
  other.key = "KEYS";
  CHECK(in(other) != print);
  CHECK(cipher("region:us-west").fingerprint(context(), value()).hash != print);
  CHECK(cipher("catalog", "k2").fingerprint(context(), value()).hash != print);
}

}  // namespace agent_secrets::control_plane

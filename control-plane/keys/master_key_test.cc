#include "control-plane/keys/master_key.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {
namespace {

SecretBuffer some_key() { return SecretBuffer::copy_of(std::string(32, 'k')); }

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
}

}  // namespace

TEST_CASE("a new key file is private, and the loaded key unwraps what the new key has wrapped") {
  const TemporaryDirectory directory;
  const auto created = MasterKey::create_file(directory.path("key"));
  REQUIRE(created);
  struct stat facts{};
  REQUIRE(::stat(directory.path("key").c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0600);
  const auto loaded = MasterKey::load(directory.path("key"));
  REQUIRE(loaded);
  const auto opened = loaded->unwrap("id", "catalog", created->wrap("id", "catalog", some_key()));
  REQUIRE(opened);
  CHECK(opened->same_content(some_key()));
}

TEST_CASE("a master key is never overwritten") {
  const TemporaryDirectory directory;
  REQUIRE(MasterKey::create_file(directory.path("key")));
  CHECK_FALSE(MasterKey::create_file(directory.path("key")));
}

TEST_CASE("a master key file that others may read is refused with a hint") {
  const TemporaryDirectory directory;
  REQUIRE(MasterKey::create_file(directory.path("key")));
  REQUIRE(::chmod(directory.path("key").c_str(), 0640) == 0);
  const auto loaded = MasterKey::load(directory.path("key"));
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().hint.find("chmod 600") != std::string::npos);
}

TEST_CASE("a file without a valid key is refused") {
  const TemporaryDirectory directory;
  CHECK_FALSE(MasterKey::load(directory.path("missing")));
  CHECK_FALSE(MasterKey::load(directory.path()));
  for (const char* text : {"", "short", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
                           "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nmore"}) {
    write_file(directory.path("bad"), text);
    CHECK_FALSE(MasterKey::load(directory.path("bad")));
    std::filesystem::remove(directory.path("bad"));
  }
}

TEST_CASE("the master key of the environment is preferred to a file, and no child inherits it") {
  const TemporaryDirectory directory;
  REQUIRE(::setenv("AGENT_SECRETS_MASTER_KEY", std::string(43, 'A').c_str(), 1) == 0);
  CHECK(MasterKey::load(directory.path("missing")));
  CHECK(std::getenv("AGENT_SECRETS_MASTER_KEY") == nullptr);
}

TEST_CASE("a wrapped key opens only under its own id and purpose") {
  const TemporaryDirectory directory;
  const auto master = MasterKey::create_file(directory.path("key"));
  REQUIRE(master);
  auto wrapped = master->wrap("id", "catalog", some_key());
  CHECK_FALSE(master->unwrap("other", "catalog", wrapped));
  CHECK_FALSE(master->unwrap("id", "region:us-west", wrapped));
  CHECK_FALSE(master->unwrap("i", "dcatalog", wrapped));
  wrapped.back() ^= 1;
  CHECK(master->unwrap("id", "catalog", wrapped).error().code == ErrorCode::untrusted);
}

TEST_CASE("a key file that is replaced again and again is read each time") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("master.key");
  REQUIRE(MasterKey::create_file(path));
  const auto running = MasterKey::load(path);
  REQUIRE(running);
  for (int rotation = 0; rotation < 3; ++rotation) {
    const std::string place = directory.path("next.key");
    const auto next = MasterKey::create_file(place);
    REQUIRE(next);
    const auto wrapped = next->wrap("id", "catalog", some_key());
    CHECK_FALSE(running->unwrap("id", "catalog", wrapped));  // reads the file before its time
    std::filesystem::rename(place, path);
    CHECK(running->unwrap("id", "catalog", wrapped));
  }
}

TEST_CASE("an empty variable is as good as none: the file is read") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("master.key");
  REQUIRE(MasterKey::create_file(path).has_value());
  REQUIRE(::setenv(kMasterKeyVariable, "", 1) == 0);
  CHECK(MasterKey::load(path).has_value());
  REQUIRE(::unsetenv(kMasterKeyVariable) == 0);
}

}  // namespace agent_secrets::control_plane

#include "control-plane/stores.h"

#include <fstream>

#include <sys/stat.h>

#include "control-plane/data_directory.h"
#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

unsigned mode_of(const std::string& path) {
  struct stat facts{};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  return facts.st_mode & 0777;
}

}  // namespace

TEST_CASE("the stores of a test begin as those of the test before began") {
  const TestedDatabase database = GENERATE(from_range(tested_databases()));
  std::string key;
  {
    TestStores t(database);
    key = t.directory.read("master.key");
    t.write("bot-secrets", "A", "the-value");
    t.provision();
  }
  TestStores t(database);
  CHECK(t.directory.read("master.key") == key);
  CHECK_FALSE(need(t.catalog().sets.find(t.acme, "bot-secrets")));
  CHECK(t.write("bot-secrets", "A", "another").id == 1);
  CHECK_FALSE(need(t.region().read_set_version(1, 1)));
}

TEST_CASE("the data directory and its files are private") {
  TestStores t(TestedDatabase::sqlite);
  t.write("bot-secrets", "A", "1");
  CHECK(mode_of(t.data()) == 0700);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(t.data())) {
    CHECK(mode_of(entry.path().string()) == 0600);
    ++files;
  }
  CHECK(files >= 3);
}

TEST_CASE("a catalog is created once and opened where there is one") {
  TestStores t(TestedDatabase::sqlite);
  CHECK_FALSE(create_stores(*t.place(), t.master_key, t.clock));
  const auto empty = data_directory_place(t.directory.path("empty"));
  CHECK(open_stores(*empty, t.master_key, t.clock).error().code == ErrorCode::not_found);
}

TEST_CASE("a catalog is not created where there is one") {
  TestStores t;
  const auto again = create_stores(*t.place(), t.master_key, t.clock);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == ErrorCode::conflict);
}

TEST_CASE("a wrong master key is told on opening, with what to do") {
  TestStores t;
  t.close();
  const MasterKey other = need(MasterKey::create_file(t.directory.path("other.key")));
  const auto opened = open_stores(*t.place(), other, t.clock);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ErrorCode::untrusted);
  CHECK(opened.error().message.find("master key") != std::string::npos);
  CHECK_FALSE(opened.error().hint.empty());
}

TEST_CASE("a region file that is lost is told, and not replaced by an empty one") {
  TestStores t(TestedDatabase::sqlite);
  t.write("bot-secrets", "A", "1");
  t.provision();
  t.close();
  REQUIRE(std::filesystem::remove(t.data() + "/region-us-west.db"));
  const auto opened = open_stores(*t.place(), t.master_key, t.clock);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().message.find("region-us-west.db") != std::string::npos);
  CHECK_FALSE(opened.error().hint.empty());
  CHECK_FALSE(std::filesystem::exists(t.data() + "/region-us-west.db"));
}

TEST_CASE("a region file that never held anything is made again") {
  TestStores t(TestedDatabase::sqlite);
  t.close();
  REQUIRE(std::filesystem::remove(t.data() + "/region-us-west.db"));
  CHECK(open_stores(*t.place(), t.master_key, t.clock));
}

TEST_CASE("keys are the same after opening again, and differ between regions") {
  TestStores t;
  const auto now = t.stores.regions.at("us-west").signing_keys->now();
  const RegionSigningKeys& keys = *now;
  const std::string active = keys.active_kid;
  REQUIRE(keys.verification_keys.size() == 2);
  CHECK(keys.verification_keys[0].kid == active);
  CHECK(keys.verification_keys[0].key == keys.active.public_key());
  CHECK(keys.verification_keys[1].key != keys.verification_keys[0].key);
  CHECK(t.stores.regions.at("eu-central").signing_keys->now()->active_kid != active);
  t.reopen();
  CHECK(t.stores.regions.at("us-west").signing_keys->now()->active_kid == active);
}

TEST_CASE("a region that is added later is not listed and takes no write until it is opened") {
  TestStores t;
  {
    const Stores beside = need(t.open());
    need(beside.catalog->regions.add(kAdmin, {.code = "ap-south", .display_name = "Mumbai"}));
  }
  CHECK(need(t.catalog().regions.list()).size() == 2);
  CHECK(need(t.catalog().regions.codes()).size() == 3);
  WriteSet write = one_key("bot-secrets", "A", "1");
  write.region = "ap-south";
  CHECK(refusal(t.catalog().sets.write(kAdmin, t.acme, std::move(write))).code ==
        ErrorCode::unavailable);
  CHECK(refusal(t.catalog().organizations.set_default_region(kAdmin, t.acme, "ap-south")).code ==
        ErrorCode::unavailable);
  DeployRequest deploy = deploy_of("bot");
  deploy.region = "ap-south";
  CHECK(refusal(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy)).code ==
        ErrorCode::unavailable);
  deploy.region = "mars";
  CHECK(refusal(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy)).message ==
        "Invalid region 'mars'. Valid regions are: eu-central, us-west");

  t.reopen();
  CHECK(need(t.catalog().regions.list()).size() == 3);
  CHECK(t.stores.regions.at("ap-south").signing_keys->now()->verification_keys.size() == 2);
  need(t.catalog().organizations.set_default_region(kAdmin, t.acme, "ap-south"));
  CHECK(t.write("bot-secrets", "A", "1").region == "ap-south");
}

// Only another process that knows more regions can have set it.
TEST_CASE("a default region that this process has no store of takes no set") {
  TestStores t;
  {
    const Stores beside = need(t.open());
    need(beside.catalog->regions.add(kAdmin, {.code = "ap-south", .display_name = "Mumbai"}));
  }
  {
    const Stores knowing = need(t.open());
    need(knowing.catalog->organizations.set_default_region(kAdmin, t.acme, "ap-south"));
  }
  CHECK(refusal(t.catalog().sets.write(kAdmin, t.acme, one_key("bot-secrets", "A", "1"))).code ==
        ErrorCode::unavailable);
}

TEST_CASE("one region is opened beside those that are open, with the keys that it has elsewhere") {
  TestStores t;
  const auto place = t.place();
  const auto first = need(open_region(*place, t.catalog(), t.master_key, "ap-south"));
  const auto second = need(open_region(*place, t.catalog(), t.master_key, "ap-south"));
  CHECK(first.signing_keys->now()->active_kid == second.signing_keys->now()->active_kid);
  CHECK(need(t.catalog().regions.codes()).size() == 2);  // opening adds nothing to the catalog
}

TEST_CASE("a region's code and display name are checked, and its code is taken once") {
  TestStores t;
  for (const char* code : {"", "../x", "EU", "-a", "a_b", "a/b"}) {
    CHECK(refusal(t.catalog().regions.add(kAdmin, {.code = code, .display_name = "X"})).code ==
          ErrorCode::invalid);
  }
  CHECK(
      refusal(t.catalog().regions.add(kAdmin, {.code = "ap-south", .display_name = "a\nb"})).code ==
      ErrorCode::invalid);
  CHECK(
      refusal(t.catalog().regions.add(kAdmin, {.code = "us-west", .display_name = "X"})).message ==
      "Region 'us-west' already exists");
}

TEST_CASE("one process serves a data directory") {
  TestStores t(TestedDatabase::sqlite);
  auto held = lock_data_directory(t.data());
  REQUIRE(held);
  const auto second = lock_data_directory(t.data());
  REQUIRE_FALSE(second);
  CHECK(second.error().message.find(t.data()) != std::string::npos);
  held->reset();
  CHECK(lock_data_directory(t.data()));
}

TEST_CASE("a data directory that cannot be made names itself") {
  TestStores t(TestedDatabase::sqlite);
  std::ofstream(t.directory.path("file")) << "x";
  for (const std::string& path : {t.directory.path("file"), t.directory.path("file/data")}) {
    const auto created = create_stores(*data_directory_place(path), t.master_key, t.clock);
    REQUIRE_FALSE(created);
    CHECK(created.error().message.find(path) != std::string::npos);
  }
}

}  // namespace agent_secrets::control_plane

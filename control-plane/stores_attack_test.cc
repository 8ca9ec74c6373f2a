// Somebody can write the databases but has no keys: nothing that they move opens, and nothing that
// they read is a value.
#include <fstream>
#include <iterator>

#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

// `bot-secrets` with A and B, at version 2 with another A; everything ready.
struct Attacked : TestStores {
  Attacked() {
    WriteSet first = one_key("bot-secrets", "A", "a1", false);
    first.pairs.push_back({.key = "B", .value = SecretBuffer::copy_of(std::string_view("b1"))});
    need(catalog().sets.write(kAdmin, acme, std::move(first)));
    provision();
    need(catalog().deploys.create_agent(kAdmin, acme, deploy_of("bot", "bot-secrets")));
    write("bot-secrets", "A", "a2");
    provision();
    bot_set = set("bot-secrets").id;
  }

  void edit_catalog(const std::string& sql) const { edit("catalog", sql); }
  void edit_region(const std::string& sql) const { edit("region-us-west", sql); }

  Error catalog_read_fails() {
    PendingVersion newest;
    newest.organization_id = acme;
    newest.set_id = bot_set;
    newest.version = set("bot-secrets").version;
    return refusal(catalog().outbox.read_version(newest));
  }
  Error region_read_fails(std::int64_t version = 2) {
    return refusal(region().read_set_version(bot_set, version));
  }

  std::int64_t bot_set = 0;
};

std::string box_from(const std::string& where) {
  return "UPDATE set_values SET (key_id, box) = (SELECT key_id, box FROM set_values WHERE " +
         where + ") ";
}

std::string bytes_of_all_files(const std::string& directory) {
  std::string all;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::ifstream file(entry.path(), std::ios::binary);
    all.append(std::istreambuf_iterator<char>(file), {});
  }
  return all;
}

}  // namespace

TEST_CASE("a value moved to another key does not open") {
  Attacked t;
  t.edit_catalog(box_from("key = 'B'") + "WHERE key = 'A'");
  CHECK(t.catalog_read_fails().code == ErrorCode::untrusted);
  t.edit_region(box_from("key = 'B' AND version = 2") + "WHERE key = 'A' AND version = 2");
  CHECK(t.region_read_fails().code == ErrorCode::untrusted);
}

TEST_CASE("a value moved to another version does not open") {
  Attacked t;
  t.edit_catalog(box_from("key = 'A' AND written_by = 1") + "WHERE key = 'A' AND written_by = 2");
  CHECK(t.catalog_read_fails().code == ErrorCode::untrusted);
}

TEST_CASE("an old value put whole into a newer version of a region does not open") {
  Attacked t;
  t.edit_region(box_from("key = 'A' AND version = 1") + "WHERE key = 'A' AND version = 2");
  t.edit_region("UPDATE set_values SET written_by = 1 WHERE key = 'A' AND version = 2");
  CHECK(t.region_read_fails().code == ErrorCode::untrusted);
  CHECK(t.served("bot-secrets", 1).at("A") == "a1");
}

TEST_CASE("a value moved to another set does not open") {
  Attacked t;
  const std::string other = std::to_string(t.write("other-secrets", "A", "x").id);
  t.provision();
  t.edit_catalog(box_from("set_id = " + other) + "WHERE key = 'A' AND set_id <> " + other);
  CHECK(t.catalog_read_fails().code == ErrorCode::untrusted);
  t.edit_region(box_from("set_id = " + other) + "WHERE key = 'A' AND set_id <> " + other);
  CHECK(t.region_read_fails().code == ErrorCode::untrusted);
}

TEST_CASE("a set moved to another organization does not open") {
  Attacked t;
  const auto other = need(t.catalog().organizations.create(kAdmin, "other", "Other", "us-west")).id;
  t.edit_catalog("UPDATE sets SET organization_id = " + std::to_string(other));
  PendingVersion stolen;
  stolen.organization_id = other;
  stolen.set_id = t.bot_set;
  stolen.version = 2;
  CHECK(refusal(t.catalog().outbox.read_version(stolen)).code == ErrorCode::untrusted);
  t.edit_region("UPDATE set_versions SET organization_id = " + std::to_string(other));
  CHECK(t.region_read_fails().code == ErrorCode::untrusted);
}

TEST_CASE("a value moved between the catalog and a region store does not open") {
  Attacked t;
  std::string attach =
      "ATTACH '" + t.data() + "/region-us-west.db' AS region; PRAGMA busy_timeout = 1000; ";
  std::string of_catalog = "main.set_values";
  std::string of_region = "region.set_values";
  if (t.postgres) {
    attach.clear();
    of_catalog = '"' + t.schema("catalog") + "\".set_values";
    of_region = '"' + t.schema("region-us-west") + "\".set_values";
  }
  SECTION("from the catalog to the region") {
    t.edit_catalog(attach + "UPDATE " + of_region +
                   " SET (key_id, box) = (SELECT key_id, box FROM " + of_catalog +
                   " WHERE key = 'B') WHERE key = 'B'");
    CHECK(t.region_read_fails().code == ErrorCode::untrusted);
  }
  SECTION("from the region to the catalog") {
    t.edit_catalog(attach + "UPDATE " + of_catalog +
                   " SET (key_id, box) = (SELECT key_id, box FROM " + of_region +
                   " WHERE key = 'B' AND version = 2) WHERE key = 'B'");
    CHECK(t.catalog_read_fails().code == ErrorCode::untrusted);
  }
}

TEST_CASE("a value that does not open fails its set and no other") {
  Attacked t;
  t.write("other-secrets", "X", "x");
  t.write("bot-secrets", "C", "c3");
  t.edit_catalog(box_from("key = 'B'") + "WHERE key = 'A'");
  t.provision();
  CHECK(t.set("bot-secrets").status == SetStatus::failed);
  CHECK(t.set("other-secrets").status == SetStatus::ready);
}

TEST_CASE("a value that does not open is mended by writing it again") {
  Attacked t;
  t.edit_catalog(box_from("key = 'B'") + "WHERE key = 'A'");
  t.write("bot-secrets", "A", "a2");
  t.provision();
  CHECK(t.set("bot-secrets").status == SetStatus::ready);
  CHECK(t.served("bot-secrets", 3).at("A") == "a2");
}

TEST_CASE("exchanged key rows are refused on opening") {
  Attacked t;
  t.close();
  t.edit_catalog(
      "UPDATE keys SET wrapped = (SELECT wrapped FROM keys WHERE purpose ="
      " 'region:us-west') WHERE purpose = 'catalog'");
  CHECK(t.open().error().code == ErrorCode::untrusted);
}

TEST_CASE("no value is ever in the files of the data directory") {
  constexpr std::string_view canary = "canary-7f3a9c52e1";
  TestStores t(TestedDatabase::sqlite);
  const auto found = [&](std::string_view text) {
    return bytes_of_all_files(t.data()).find(text) != std::string::npos;
  };
  t.write("set-with-a-value", "CANARY_KEY", canary);
  REQUIRE(found("CANARY_KEY"));  // the search sees what is there, the write-ahead log included
  CHECK_FALSE(found(canary));
  t.provision();
  CHECK_FALSE(found(canary));
  need(t.catalog().sets.unset_key(kAdmin, t.acme, "set-with-a-value", "CANARY_KEY"));
  t.provision();
  CHECK_FALSE(found(canary));
  need(t.catalog().sets.remove(kAdmin, t.acme, "set-with-a-value"));
  t.provision();
  t.reopen();
  CHECK_FALSE(found(canary));
}

}  // namespace agent_secrets::control_plane

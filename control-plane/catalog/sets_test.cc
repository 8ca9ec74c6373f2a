#include "control-plane/test_stores.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {

using std::chrono::milliseconds;

TEST_CASE("a write merges its keys into the set and keeps the others") {
  TestStores t;
  t.write("bot-secrets", "A", "1");
  t.write("bot-secrets", "B", "2");
  t.write("bot-secrets", "A", "9");
  CHECK(t.set("bot-secrets").keys == std::vector<std::string>{"A", "B"});
  t.provision();
  CHECK(t.served("bot-secrets", 3) == std::map<std::string, std::string>{{"A", "9"}, {"B", "2"}});
}

TEST_CASE("a set says of each value which write it is of, when and by whom") {
  TestStores t;
  const UnixMs begin = t.clock.unix_time();
  t.write("bot-secrets", "A", "1");
  t.write("bot-secrets", "B", "1");
  t.clock.advance(milliseconds(700));
  const Actor other{.kind = ActorKind::token, .id = "12", .name = "ci", .role = Role::member};
  need(t.catalog().sets.write(other, t.acme, one_key("bot-secrets", "A", "2")));
  need(t.catalog().sets.write(other, t.acme, one_key("bot-secrets", "B", "1")));  // as before
  const SecretSet set = t.set("bot-secrets");
  CHECK(set.writes.at(0).version == 3);
  CHECK(set.writes.at(0).at == begin + milliseconds(700));
  CHECK(set.writes.at(0).author == "token ci (12)");
  CHECK(set.writes.at(1).version == 2);
  CHECK(set.writes.at(1).at == begin);
  CHECK(set.writes.at(1).author == describe(kAdmin));
}

TEST_CASE("the values that an earlier release wrote have no time and no author") {
  TestStores t;
  t.write("bot-secrets", "A", "1");
  t.edit("catalog", "UPDATE set_values SET written_at = NULL, author = NULL");
  const SecretSet set = t.set("bot-secrets");
  CHECK(set.writes.at(0).version == 1);
  CHECK_FALSE(set.writes.at(0).at.has_value());
}

TEST_CASE("every accepted change makes the next version, pending at first") {
  TestStores t;
  CHECK(t.write("bot-secrets", "A", "1").version == 1);
  t.provision();
  CHECK(t.set("bot-secrets").status == SetStatus::ready);
  const SecretSet changed = t.write("bot-secrets", "A", "2");
  CHECK(changed.version == 2);
  CHECK(changed.status == SetStatus::pending);
}

TEST_CASE("a version that a newer write replaced never becomes ready") {
  TestStores t;
  t.write("bot-secrets", "A", "1");
  const PendingVersion first =
      *need(t.catalog().outbox.next_due("us-west", t.clock.unix_time())).version;
  t.write("bot-secrets", "A", "2");
  CHECK_FALSE(need(t.catalog().outbox.mark_ready(first, t.term())));
  CHECK_FALSE(need(t.catalog().outbox.mark_failed(first, "late", t.term())));
  CHECK(t.set("bot-secrets").status == SetStatus::pending);
  CHECK(refusal(t.catalog().outbox.read_version(first)).code == ErrorCode::not_found);
}

TEST_CASE("a set is due 500 ms after its last single-key write") {
  TestStores t;
  need(t.catalog().sets.write(kAdmin, t.acme, one_key("bot-secrets", "A", "1")));
  t.clock.advance(milliseconds(400));
  need(t.catalog().sets.write(kAdmin, t.acme, one_key("bot-secrets", "B", "2")));
  t.clock.advance(milliseconds(499));
  const auto waiting = need(t.catalog().outbox.next_due("us-west", t.clock.unix_time()));
  CHECK_FALSE(waiting.version.has_value());
  CHECK(waiting.next_at == t.clock.unix_time() + milliseconds(1));
  t.clock.advance(milliseconds(1));
  CHECK(need(t.catalog().outbox.next_due("us-west", t.clock.unix_time())).version->version == 2);
}

TEST_CASE("a burst of single-key writes is due after at most 10 s") {
  TestStores t;
  for (int i = 0; i < 26; ++i) {
    need(t.catalog().sets.write(kAdmin, t.acme,
                                one_key("bot-secrets", "K" + std::to_string(i), "v")));
    t.clock.advance(milliseconds(400));
  }
  CHECK(need(t.catalog().outbox.next_due("us-west", t.clock.unix_time())).version->version == 26);
}

TEST_CASE("a burst that begins while its region is down has a quiet period too") {
  TestStores t;
  need(t.catalog().sets.write(kAdmin, t.acme, one_key("bot-secrets", "A", "1")));
  t.clock.advance(std::chrono::minutes(5));  // the set stays pending
  need(t.catalog().sets.write(kAdmin, t.acme, one_key("bot-secrets", "A", "2")));
  CHECK_FALSE(
      need(t.catalog().outbox.next_due("us-west", t.clock.unix_time())).version.has_value());
}

TEST_CASE("an array write is due at once") {
  TestStores t;
  t.write("bot-secrets", "A", "1");
  CHECK(need(t.catalog().outbox.next_due("us-west", t.clock.unix_time())).version->version == 1);
}

TEST_CASE("a pending version is due if the clock has been set back") {
  TestStores t;
  need(t.catalog().sets.write(kAdmin, t.acme, one_key("bot-secrets", "A", "1")));
  t.clock.jump_to(t.clock.unix_time() - std::chrono::hours(1));
  CHECK(need(t.catalog().outbox.next_due("us-west", t.clock.unix_time())).version.has_value());
}

TEST_CASE("an identical write makes no version") {
  TestStores t;
  t.write("bot-secrets", "A", "1");
  t.provision();
  const SecretSet same = t.write("bot-secrets", "A", "1");
  CHECK(same.version == 1);
  CHECK(same.status == SetStatus::ready);
}

TEST_CASE("an identical write to a failed set makes a new version") {
  TestStores t;
  t.write("bot-secrets", "A", "1");
  const auto due = need(t.catalog().outbox.next_due("us-west", t.clock.unix_time()));
  CHECK(need(t.catalog().outbox.mark_failed(*due.version, "region us-west: no space", t.term())));
  CHECK(t.set("bot-secrets").error_message == "region us-west: no space");
  const SecretSet again = t.write("bot-secrets", "A", "1");
  CHECK(again.version == 2);
  CHECK(again.status == SetStatus::pending);
  CHECK(again.error_message.empty());
  t.provision();
  CHECK(t.served("bot-secrets", 2) == std::map<std::string, std::string>{{"A", "1"}});
}

TEST_CASE("a set never changes its region") {
  TestStores t;
  t.write("bot-secrets", "A", "1");
  WriteSet moved = one_key("bot-secrets", "A", "2");
  moved.region = "eu-central";
  const Error error = refusal(t.catalog().sets.write(kAdmin, t.acme, std::move(moved)));
  CHECK(error.code == ErrorCode::invalid);
  CHECK(error.message.find("'us-west'") != std::string::npos);
  CHECK(error.message.find("'eu-central'") != std::string::npos);
}

TEST_CASE("an unknown region is refused with the valid ones") {
  TestStores t;
  WriteSet write = one_key("bot-secrets", "A", "2");
  write.region = "mars";
  const Error error = refusal(t.catalog().sets.write(kAdmin, t.acme, std::move(write)));
  CHECK(error.code == ErrorCode::invalid);
  CHECK(error.message == "Invalid region 'mars'. Valid regions are: eu-central, us-west");
  CHECK_FALSE(need(t.catalog().sets.find(t.acme, "bot-secrets")).has_value());
}

TEST_CASE("a set never changes its type, either way") {
  TestStores t;
  t.write("bot-secrets", "A", "1");
  need(t.catalog().sets.write(kAdmin, t.acme, registry("registry")));
  CHECK(refusal(t.catalog().sets.write(kAdmin, t.acme, registry("bot-secrets"))).code ==
        ErrorCode::invalid);
  CHECK(refusal(t.catalog().sets.write(kAdmin, t.acme, one_key("registry", "A", "1"))).code ==
        ErrorCode::invalid);
}

TEST_CASE("an image pull secret is replaced as a whole, host included") {
  TestStores t;
  need(t.catalog().sets.write(kAdmin, t.acme, registry("registry")));
  WriteSet moved = registry("registry");
  moved.host = "https://other.example/";
  CHECK(need(t.catalog().sets.write(kAdmin, t.acme, std::move(moved))).version == 2);
  WriteSet nowhere = registry("registry");
  nowhere.host.clear();
  CHECK(refusal(t.catalog().sets.write(kAdmin, t.acme, std::move(nowhere))).code ==
        ErrorCode::invalid);
}

TEST_CASE("unsetting a key makes a version, and unsetting the last key leaves an empty set") {
  TestStores t;
  t.write("bot-secrets", "A", "1");
  t.provision();
  need(t.catalog().sets.unset_key(kAdmin, t.acme, "bot-secrets", "A"));
  const SecretSet emptied = t.set("bot-secrets");
  CHECK(emptied.version == 2);
  CHECK(emptied.status == SetStatus::pending);
  CHECK(emptied.keys.empty());
  t.provision();
  CHECK(t.set("bot-secrets").status == SetStatus::ready);
  CHECK(t.served("bot-secrets", 2).empty());
}

TEST_CASE("unsetting a missing key is not found") {
  TestStores t;
  CHECK(refusal(t.catalog().sets.unset_key(kAdmin, t.acme, "nope", "A")).message ==
        "Set not found");
  t.write("bot-secrets", "A", "1");
  const Error error = refusal(t.catalog().sets.unset_key(kAdmin, t.acme, "bot-secrets", "a b"));
  CHECK(error.code == ErrorCode::not_found);
  CHECK(error.message == "Secret not found");
  need(t.catalog().sets.write(kAdmin, t.acme, registry("registry")));
  CHECK(
      refusal(t.catalog().sets.unset_key(kAdmin, t.acme, "registry", ".dockercredentials")).code ==
      ErrorCode::invalid);
}

TEST_CASE("a set that agents use is not deleted, and the error names the agents") {
  TestStores t;
  t.write("bot-secrets", "A", "1");
  t.provision();
  need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot", "bot-secrets")));
  const Error error = refusal(t.catalog().sets.remove(kAdmin, t.acme, "bot-secrets"));
  CHECK(error.code == ErrorCode::conflict);
  CHECK(error.message.find("bot") != std::string::npos);
  need(t.catalog().agents.remove(kAdmin, t.acme, "bot"));
  need(t.catalog().sets.remove(kAdmin, t.acme, "bot-secrets"));
  CHECK(refusal(t.catalog().sets.remove(kAdmin, t.acme, "bot-secrets")).message == "Set not found");
}

TEST_CASE("a set that is created again under its name has another id") {
  TestStores t;
  const std::int64_t first = t.write("bot-secrets", "A", "1").id;
  need(t.catalog().sets.remove(kAdmin, t.acme, "bot-secrets"));
  CHECK(t.write("bot-secrets", "A", "1").id != first);
}

TEST_CASE("the last of a repeated key wins") {
  TestStores t;
  WriteSet write = one_key("bot-secrets", "A", "1", false);
  write.pairs.push_back({.key = "A", .value = SecretBuffer::copy_of(std::string_view("2"))});
  CHECK(need(t.catalog().sets.write(kAdmin, t.acme, std::move(write))).version == 1);
  t.provision();
  CHECK(t.served("bot-secrets", 1) == std::map<std::string, std::string>{{"A", "2"}});
}

TEST_CASE("keys stay in the order of their first writing") {
  TestStores t;
  for (const char* key : {"Z", "A", "M"}) t.write("bot-secrets", key, "1");
  t.write("bot-secrets", "A", "2");
  CHECK(t.set("bot-secrets").keys == std::vector<std::string>{"Z", "A", "M"});
}

TEST_CASE("a set accepts 1024 keys, and the error for the next key names it") {
  TestStores t;
  WriteSet full = one_key("bot-secrets", "K0", "v", false);
  for (std::size_t i = 1; i < limits::kKeysPerSet; ++i) {
    full.pairs.push_back(
        {.key = "K" + std::to_string(i), .value = SecretBuffer::copy_of(std::string_view("v"))});
  }
  need(t.catalog().sets.write(kAdmin, t.acme, std::move(full)));
  const Error error =
      refusal(t.catalog().sets.write(kAdmin, t.acme, one_key("bot-secrets", "MORE", "v")));
  CHECK(error.code == ErrorCode::invalid);
  CHECK(error.message.find("'MORE'") != std::string::npos);
  CHECK(t.set("bot-secrets").keys.size() == limits::kKeysPerSet);
}

TEST_CASE("a set accepts 1 MiB of keys, values and separators") {
  TestStores t;
  const std::string chunk(limits::kSetBytes / 16 - 4, 'x');
  for (char key = 'A'; key < 'A' + 16; ++key) t.write("bot-secrets", {key, '1'}, chunk);
  const Error error =
      refusal(t.catalog().sets.write(kAdmin, t.acme, one_key("bot-secrets", "Z", "v")));
  CHECK(error.code == ErrorCode::invalid);
  CHECK(error.message.find("'Z'") != std::string::npos);
}

TEST_CASE("organizations do not see each other's sets") {
  TestStores t;
  const auto other = need(t.catalog().organizations.create(kAdmin, "other", "Other", "us-west")).id;
  t.write("bot-secrets", "A", "1");
  CHECK(need(t.catalog().sets.list(other)).empty());
  CHECK_FALSE(need(t.catalog().sets.find(other, "bot-secrets")).has_value());
  CHECK(refusal(t.catalog().sets.remove(kAdmin, other, "bot-secrets")).code ==
        ErrorCode::not_found);
}

TEST_CASE("values that no region or agent needs are deleted from the catalog") {
  TestStores t;
  t.write("bot-secrets", "A", "1");
  t.provision();
  for (const char* value : {"2", "3", "4"}) t.write("bot-secrets", "A", value);
  t.provision();
  PendingVersion old{.organization_id = t.acme,
                     .set_id = t.set("bot-secrets").id,
                     .set_name = "bot-secrets",
                     .version = 1,
                     .pending_since = {}};
  CHECK_FALSE(t.catalog().outbox.read_version(old).has_value());
  CHECK_FALSE(need(t.region().read_set_version(old.set_id, 1)).has_value());
  CHECK(t.served("bot-secrets", 4) == std::map<std::string, std::string>{{"A", "4"}});
}

}  // namespace agent_secrets::control_plane

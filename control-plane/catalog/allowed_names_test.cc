#include <algorithm>

#include "control-plane/test_stores.h"
#include "core/reserved_names.h"

namespace agent_secrets::control_plane {
namespace {

WriteSet several(std::vector<std::string> keys) {
  WriteSet write = one_key("bot-secrets", keys.front(), "v", false);
  for (std::size_t i = 1; i < keys.size(); ++i) {
    write.pairs.push_back({.key = keys[i], .value = SecretBuffer::copy_of("v")});
  }
  return write;
}

Result<SecretSet> put(TestStores& t, std::vector<std::string> keys) {
  return t.catalog().sets.write(kAdmin, t.acme, several(std::move(keys)));
}

// The data of a release without the check: the set bot-secrets has the keys A and LD_PRELOAD.
struct OldData : TestStores {
  OldData() {
    need(catalog().allowed_names.allow(kAdmin, acme, "LD_PRELOAD"));
    need(put(*this, {"A", "LD_PRELOAD"}));
    need(catalog().allowed_names.disallow(kAdmin, acme, "LD_PRELOAD"));
    provision();
  }
};

std::string deploy_warning(TestStores& t, const std::string& set) {
  return need(t.catalog().deploys.create_agent(kAdmin, t.acme, deploy_of("bot", set))).warning;
}

}  // namespace

TEST_CASE(
    "a reserved key is refused, and the error has the reason and the command that allows it") {
  TestStores t;
  const Error refused = refusal(put(t, {"A", "LD_PRELOAD", "GIT_SSH_COMMAND"}));
  CHECK(refused.code == ErrorCode::invalid);
  CHECK(refused.message.find("LD_PRELOAD (loads code into every program), GIT_SSH_COMMAND (") !=
        std::string::npos);
  CHECK(refused.message.find("organization allow-name LD_PRELOAD") != std::string::npos);
  CHECK(refused.message.find("secret-injector --allow LD_PRELOAD") != std::string::npos);
  CHECK_FALSE(need(t.catalog().sets.find(t.acme, "bot-secrets")).has_value());
}

// The injector uses refused_names() too (injector/environment_test.cc).
TEST_CASE("a set refuses exactly the reserved names that the injector refuses") {
  TestStores t;
  for (const ReservedName& entry : reserved_names()) {
    std::string name(entry.pattern);
    if (name.ends_with('*')) name.back() = 'X';
    INFO(name);
    CHECK(put(t, {name}).has_value() == refused_names({name}, {}).empty());
  }
}

TEST_CASE("allow() permits a reserved name in one organization, until disallow()") {
  TestStores t;
  const auto other = need(t.catalog().organizations.create(kAdmin, "other", "", "us-west")).id;
  need(t.catalog().allowed_names.allow(kAdmin, t.acme, "SSL_CERT_FILE"));
  need(t.catalog().allowed_names.allow(kAdmin, t.acme, "SSL_CERT_FILE"));
  CHECK(need(t.catalog().allowed_names.list(t.acme)) == std::vector<std::string>{"SSL_CERT_FILE"});
  CHECK(need(t.catalog().allowed_names.list(other)).empty());
  CHECK(put(t, {"SSL_CERT_FILE"}).has_value());
  CHECK_FALSE(t.catalog().sets.write(kAdmin, other, several({"SSL_CERT_FILE"})).has_value());

  need(t.catalog().allowed_names.disallow(kAdmin, t.acme, "SSL_CERT_FILE"));
  CHECK_FALSE(put(t, {"SSL_CERT_FILE"}).has_value());
  CHECK(refusal(t.catalog().allowed_names.disallow(kAdmin, t.acme, "SSL_CERT_FILE")).code ==
        ErrorCode::not_found);
}

TEST_CASE("allow() refuses a name that needs no permission") {
  TestStores t;
  for (const char* name : {"OPENAI_API_KEY", "PORT", "LD_*", "ld_preload", "LD_\x1b[2J", ""}) {
    INFO(name);
    CHECK(t.catalog().allowed_names.allow(kAdmin, t.acme, name).error().code == ErrorCode::invalid);
  }
}

TEST_CASE("a name that the image or the platform sets is accepted with a warning") {
  TestStores t;
  const SecretSet written = need(put(t, {"A", "ENV", "PORT"}));
  CHECK(written.warning.find("ENV (") != std::string::npos);
  CHECK(written.warning.find("PORT (") != std::string::npos);
  CHECK(need(put(t, {"B"})).warning.empty());
  CHECK(t.set("bot-secrets").warning.find("ENV (") != std::string::npos);
  t.provision();
  CHECK(deploy_warning(t, "bot-secrets") ==
        "Secret set 'bot-secrets' replaces what the image or the platform usually sets: ENV (is "
        "read by interactive shells, and often set by the image), PORT (sets how the web server "
        "and its framework run).");
}

TEST_CASE(
    "a set that already has a reserved name warns, accepts other keys, and can drop the name") {
  OldData t;
  CHECK(need(put(t, {"A", "B"})).warning.empty());
  CHECK(t.set("bot-secrets").warning.find("LD_PRELOAD (") != std::string::npos);
  t.provision();
  const std::string warning = deploy_warning(t, "bot-secrets");
  CHECK(warning.find("secret-injector --allow") != std::string::npos);
  CHECK(warning.find("LD_PRELOAD (loads code into every program)") != std::string::npos);
  CHECK_FALSE(put(t, {"LD_PRELOAD"}).has_value());

  need(t.catalog().sets.unset_key(kAdmin, t.acme, "bot-secrets", "LD_PRELOAD"));
  CHECK(t.set("bot-secrets").warning.empty());
  t.provision();
  // The deploy keeps the pinned version, which still has the name.
  DeployRequest again = deploy_of("bot", "bot-secrets");
  CHECK(need(t.catalog().deploys.update_agent(kAdmin, t.acme, again)).warning.find("LD_PRELOAD") !=
        std::string::npos);
  again.force = true;
  CHECK(need(t.catalog().deploys.update_agent(kAdmin, t.acme, again)).warning.empty());
}

TEST_CASE("a deploy warns if it has no secret set, or a secret set without keys") {
  TestStores t;
  CHECK(deploy_warning(t, "") == "This service has no secret set: its bots start without secrets.");
  need(put(t, {"A"}));
  need(t.catalog().sets.unset_key(kAdmin, t.acme, "bot-secrets", "A"));
  t.provision();
  DeployRequest bound = deploy_of("bot", "bot-secrets");
  CHECK(need(t.catalog().deploys.update_agent(kAdmin, t.acme, bound)).warning ==
        "Secret set 'bot-secrets' has no keys: it gives the bots nothing.");
}

TEST_CASE("an image pull secret gets no warning about reserved names") {
  TestStores t;
  CHECK(need(t.catalog().sets.write(kAdmin, t.acme, registry("registry"))).warning.empty());
}

}  // namespace agent_secrets::control_plane

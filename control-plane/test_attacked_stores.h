#pragma once
// Shared by the tests named *_attack_test.cc that edit rows with authority codes: two agents with
// their sets and credentials, and the edits of an attacker.
//
// The attacker can write the catalog and the region stores and has none of the keys. A row that the
// attacker writes, changes, moves or deletes must give no right, and the server must log it. What
// the codes cover: docs/decisions/0042-authority-codes.md.
//
// A test case that makes an AttackedStores runs once for each database, as with TestStores.

#include <cstdint>
#include <string>
#include <string_view>

#include "control-plane/test_stores.h"
#include "tests/fakes/captured_log.h"

namespace agent_secrets::control_plane {

inline CredentialPublicKeys keys_of(std::uint8_t fill) {
  CredentialPublicKeys keys;
  keys.signing.fill(fill);
  keys.box.fill(fill);
  return keys;
}

// Agent `bot` has the protected set `prod`, agent `mine` has the set `dev`. The attacker has the
// credential `mine-1` of `mine` and the credential `bot-old` of `bot`, which is revoked.
struct AttackedStores : TestStores {
  AttackedStores() {
    watch();
    write("prod", "A", "the-value");
    write("dev", "A", "dev-value");
    provision();
    need(catalog().sets.protect(kAdmin, acme, "prod"));
    need(catalog().deploys.create_agent(kAdmin, acme, deploy_of("bot", "prod")));
    need(catalog().deploys.create_agent(kAdmin, acme, deploy_of("mine", "dev")));
    need(catalog().credentials.add(kAdmin, acme, "bot", "bot-1", keys_of(1)));
    need(catalog().credentials.add(kAdmin, acme, "bot", "bot-old", keys_of(2)));
    need(catalog().credentials.add(kAdmin, acme, "mine", "mine-1", keys_of(3)));
    need(catalog().credentials.revoke(kAdmin, acme, "bot", "bot-old"));
    provision();
    prod = set("prod").id;
    mine = agent("mine").id;
    REQUIRE(bundle("bot-1") == "the-value");
    REQUIRE(bundle("mine-1") == "dev-value");
    REQUIRE(bundle("bot-old") == "revoked");
  }

  // Collects the refused rows that are logged.
  void watch() {
    catalog().context.authority.refused()->log_to(captured.log());
    for (auto& [code, handle] : stores.regions) handle.refused_rows->log_to(captured.log());
  }
  // Opens the stores again, as at the start of a server, and provisions.
  void restart() {
    reopen();
    watch();
    provision();
  }
  void edit_catalog(const std::string& sql) const { edit("catalog", sql); }
  void edit_region(const std::string& sql) const { edit("region-us-west", sql); }

  // The value of A that an instance with the credential gets, or why it gets none.
  std::string bundle(std::string_view kid) {
    auto parts = region().find_bundle_parts(kid);
    if (!parts) return parts.error().code == ErrorCode::untrusted ? "untrusted" : "failed";
    if (!*parts) return "unknown";
    if ((*parts)->owner.credential.revoked) return "revoked";
    if ((*parts)->agent->sets.empty()) return "no sets";
    auto opened = region().open_pinned((*parts)->agent->sets.front());
    if (!opened) return opened.error().code == ErrorCode::untrusted ? "untrusted" : "failed";
    return *opened ? texts((*opened)->version).at("A") : "gone";
  }
  [[nodiscard]] bool is_logged(const std::string& table) const {
    return captured.text().find("table=" + table + ' ') != std::string::npos;
  }
  // Name and role of the first organization that a token reaches, or why it reaches none.
  std::string rights(std::string_view token) {
    auto identity = need(catalog().identities.find(hash_bearer(token)));
    if (!identity) return "none";
    if (identity->reaches.empty()) return "no organization";
    const Membership& first = identity->reaches.front();
    return first.organization.name + ' ' + std::string(to_string(first.role));
  }

  [[nodiscard]] std::string id(const std::string& agent_name) {
    return std::to_string(agent(agent_name).id);
  }

  CapturedLog captured;
  std::int64_t prod = 0;  // the set's id
  std::int64_t mine = 0;  // the agent's id
};

}  // namespace agent_secrets::control_plane

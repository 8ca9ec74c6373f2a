#pragma once
// What the tests of the instance API share: one region with one agent, and a client that signs as
// that agent's credential does.

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <boost/json.hpp>

#include "control-plane/instance-api/routes.h"
#include "core/credential.h"
#include "core/log.h"
#include "core/request_proof.h"
#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_region_store.h"

namespace agent_secrets::control_plane {

inline constexpr std::string_view kBaseUrl = "https://secrets.example";
inline constexpr std::int64_t kAgentId = 7;
inline constexpr std::int64_t kSetId = 3;

inline SigningKey signing_key(std::uint8_t fill) {
  std::array<std::uint8_t, 32> seed{};
  seed.fill(fill);
  return SigningKey::from_seed(seed);
}

inline AgentCredential agent_credential(std::string kid, std::uint8_t fill,
                                        const SigningPublicKey& region_key) {
  std::array<std::uint8_t, 32> seed{};
  seed.fill(fill);
  const CredentialIdentity identity{.urls = {std::string(kBaseUrl)},
                                    .organization = "acme",
                                    .agent = "bot",
                                    .kid = std::move(kid),
                                    .verification_keys = {{.kid = "region-1", .key = region_key}},
                                    .ca_pem = ""};
  auto credential = parse_agent_credential(agent_credential_text(identity, seed).expose_text());
  AGENT_SECRETS_ASSERT(credential.has_value());
  return std::move(*credential);
}

inline AgentCredentialRecord record_of(const AgentCredential& credential, bool revoked = false) {
  return {.kid = credential.identity.kid,
          .keys = {.signing = credential.signing_key.public_key(),
                   .box = credential.box_key.public_key},
          .revoked = revoked};
}

class TestRegion {
 public:
  TestRegion() {
    credential = std::make_unique<AgentCredential>(
        agent_credential("ak_one", 0xa1, signing_keys->active.public_key()));
    regions.push_back({.code = "us-west",
                       .store = *store,
                       .signing_keys = signing_keys,
                       .hub = hub,
                       .facts = facts,
                       .recorder = recorder,
                       .audit = audit});
    api = std::make_unique<InstanceApi>(
        [this] { return ListedRegions{.regions = regions, .are_all = are_all_regions}; },
        std::vector<std::string>{std::string(kBaseUrl)}, clock, log);
    snapshot.agent_id = kAgentId;
    snapshot.sequence = 4;
    snapshot.organization = "acme";
    snapshot.agent = "bot";
    snapshot.credentials = {record_of(*credential)};
    put_version(kSetId, 2, {{"GREETING", kOldValue}, {"KEY", "same"}});
    deploy("deployment-1", {pinned(kSetId, "bot-secrets", 2)});
  }

  static PinnedSet pinned(std::int64_t set_id, std::string name, std::int64_t version) {
    return {.organization_id = 1,
            .set_id = set_id,
            .name = std::move(name),
            .version = version,
            .latest_version = version,
            .changed_keys = {}};
  }

  void put_version(std::int64_t set_id, std::int64_t version,
                   const std::vector<std::pair<std::string, std::string>>& values) {
    ProvisionedVersion provisioned{
        .organization_id = 1, .set_id = set_id, .set_name = "", .version = version, .values = {}};
    for (const auto& [key, value] : values) {
      provisioned.values.push_back(
          {.key = key, .written_by = version, .value = SecretBuffer::copy_of(value)});
    }
    REQUIRE(store->put_set_version(provisioned, {}));
  }

  // The snapshot alone, as another server writes it: no watch here has been woken yet.
  void write_snapshot() {
    ++snapshot.revision;
    REQUIRE(store->put_agent(snapshot));
  }
  // As the provisioner and the follower do it: the snapshot, then the wake.
  void publish() {
    write_snapshot();
    hub.notify(kAgentId);
  }
  void deploy(std::string id, std::vector<PinnedSet> sets) {
    ++snapshot.sequence;
    snapshot.deployment_id = std::move(id);
    snapshot.sets = std::move(sets);
    publish();
  }
  // A newer version of the pinned set turns ready; nobody has deployed it yet.
  void turn_ready(std::int64_t version, const std::vector<std::string>& changed_keys) {
    std::map<std::string, std::string> values{{"GREETING", kOldValue}, {"KEY", "same"}};
    for (const std::string& key : changed_keys) values[key] = kNewValue;
    put_version(kSetId, version, {values.begin(), values.end()});
    snapshot.sets.at(0).latest_version = version;
    publish();
  }
  void revoke() {
    snapshot.credentials.at(0).revoked = true;
    publish();
  }
  void delete_agent() {
    snapshot.deleted = true;
    publish();
  }

  [[nodiscard]] ProofClaims claims(std::string target) const {
    return {
        .audience = std::string(kBaseUrl),
        .method = "GET",
        .target = std::move(target),
        .issued_at = std::chrono::floor<std::chrono::seconds>(clock.unix_time()),
        .nonce = "nonce-1",
        .report = {
            .instance_id = "host-1", .running_sequence = running_sequence, .active_sessions = 0}};
  }
  [[nodiscard]] Request request(const ProofClaims& proof) const {
    Request request;
    request.method = "GET";
    request.target = proof.target;
    request.headers["authorization"] =
        make_request_proof(proof, credential->identity.kid, credential->signing_key);
    return request;
  }
  [[nodiscard]] Request bundle_request() const { return request(claims("/instance/v1/bundle")); }
  [[nodiscard]] Request watch_request(std::string if_none_match = "",
                                      std::string prefer = "") const {
    Request watch = request(claims("/instance/v1/watch"));
    if (!if_none_match.empty()) watch.headers["if-none-match"] = std::move(if_none_match);
    if (!prefer.empty()) watch.headers["prefer"] = std::move(prefer);
    return watch;
  }
  [[nodiscard]] Response watch(std::string if_none_match = "") const {
    return std::get<Response>(api->watch(watch_request(std::move(if_none_match))));
  }

  static constexpr const char* kOldValue = "canary-value-two";
  static constexpr const char* kNewValue = "canary-value-three";

  FakeClock clock;
  Log log{"test", LogLevel::error, LogFormat::text, -1};
  std::unique_ptr<MemoryRegionStore> store = std::make_unique<MemoryRegionStore>();
  std::shared_ptr<const RegionSigningKeys> signing_keys =
      std::make_shared<const RegionSigningKeys>(RegionSigningKeys{.active_kid = "region-1",
                                                                  .active = signing_key(0x51),
                                                                  .verification_keys = {},
                                                                  .announcements = {}});
  ChangeHub hub;
  SharedFacts facts;
  InstanceRecorder recorder{"us-west", *store, clock, log};
  BundleAudit audit{"us-west", *store, BundleAuditMode::strict, log};
  std::vector<InstanceRegion> regions;  // listed to the API at each request
  bool are_all_regions = true;
  AgentSnapshot snapshot;
  std::unique_ptr<AgentCredential> credential;
  std::unique_ptr<InstanceApi> api;
  std::int64_t running_sequence = 5;
};

inline std::string header_of(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

inline std::string member(const Response& response, std::string_view name) {
  const auto value = boost::json::parse(response.body).as_object().at({name.data(), name.size()});
  return value.is_string() ? std::string(value.as_string()) : boost::json::serialize(value);
}

}  // namespace agent_secrets::control_plane

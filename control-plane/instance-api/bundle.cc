#include "control-plane/instance-api/bundle.h"

#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "control-plane/instance-api/answers.h"
#include "core/bundle.h"
#include "core/environment_block.h"
#include "core/key_announcement.h"

namespace agent_secrets::control_plane {
namespace {

struct PinnedVersions {
  std::vector<ProvisionedVersion> opened;
  std::vector<StampedVersion> stamped;  // the same versions
  const PinnedSet* gone = nullptr;      // the first pin that the store no longer has
};

Result<PinnedVersions> open_pinned(RegionStore& store, const AgentSnapshot& agent) {
  PinnedVersions pinned;
  for (const PinnedSet& set : agent.sets) {
    auto found = store.open_pinned(set);
    if (!found) return propagate(found, fmt::format("read set {}", set.name));
    if (!found->has_value()) {
      pinned.gone = &set;
      return pinned;
    }
    auto& [version, stamp] = **found;
    pinned.stamped.push_back({.set_id = set.set_id, .version = set.version, .stamp = stamp});
    pinned.opened.push_back(std::move(version));
  }
  return pinned;
}

// Merges all sets into one block; a later set overrides an earlier set. The values are passed by
// value, so that they are wiped as soon as the block is built.
// NOLINTNEXTLINE(performance-unnecessary-value-param): the values are destroyed here
Result<SecretBuffer> merge(std::vector<ProvisionedVersion> versions) {
  std::map<std::string_view, std::string_view> merged;
  for (const ProvisionedVersion& version : versions) {
    for (const ProvisionedValue& value : version.values) {
      merged[value.key] = value.value.expose_text();
    }
  }
  std::vector<EnvironmentPair> pairs;
  pairs.reserve(merged.size());
  for (const auto& [key, value] : merged) pairs.push_back({.key = key, .value = value});
  return build_environment_block(std::move(pairs));
}

BundleFacts facts_of(const Caller& caller, const AgentSnapshot& snapshot, const Clock& clock) {
  BundleFacts facts{
      .organization = snapshot.organization,
      .agent = snapshot.agent,
      .deployment = snapshot.deployment_id,
      .sequence = snapshot.sequence,
      .recipient = caller.owner.credential.kid,
      .sets = {},
      .region = caller.region.code,
      .issued_at = std::chrono::floor<std::chrono::seconds>(clock.unix_time()),
      .nonce = caller.claims.nonce,
  };
  for (const PinnedSet& set : snapshot.sets) {
    facts.sets.push_back({.name = set.name, .version = set.version});
  }
  return facts;
}

Response fail_internally(const Caller& caller, const Error& error, const Log& log) {
  log.error("bundle", {{"region", caller.region.code},
                       {"kid", caller.owner.credential.kid},
                       {"cause", error.message}});
  return unavailable();
}

// A retry cannot help: the sets together are too large, or the registered public key is not usable
// for sealing.
Response refuse_unsealable(const Caller& caller, const Error& error, const Log& log) {
  log.error("bundle", {{"kid", caller.owner.credential.kid}, {"cause", error.message}});
  return refuse(409, "not-sealable", error.message);
}

BundleAnswer sign(const Caller& caller, const AgentSnapshot& snapshot, std::string_view sealed,
                  const Clock& clock, const Log& log) {
  const RegionSigningKeys& keys = *caller.region.signing_keys;
  auto bundle =
      sign_bundle(facts_of(caller, snapshot, clock), sealed, keys.active_kid, keys.active);
  if (!bundle) return {.response = refuse_unsealable(caller, bundle.error(), log)};
  log.info("bundle", {{"organization", snapshot.organization},
                      {"agent", snapshot.agent},
                      {"sequence", snapshot.sequence},
                      {"kid", caller.owner.credential.kid},
                      {"instance", caller.claims.report.instance_id}});
  Response response{.status = 200,
                    .body = std::move(*bundle),
                    .content_type = std::string(kBundleMediaType),
                    .headers = {{"Cache-Control", "no-store"}}};
  if (!keys.announcements.empty()) {
    response.headers.emplace_back(kAnnouncementsHeader, join_announcements(keys.announcements));
  }
  return {.response = std::move(response), .sequence = snapshot.sequence};
}

Response refuse_gone(const PinnedSet& set) {
  return refuse(
      409, "version-gone",
      fmt::format("version {} of set {}, which the deployment pins, is gone; deploy again",
                  set.version, set.name));
}

struct KeyedBlock {
  SealedBlocks::Key key;
  SealedBlocks::Block block;
};

// The sealed block of the bundle, or the answer that refuses it. Its key has the stamps of the
// values that are in it: they may have been written again since the facts were read.
std::expected<KeyedBlock, Response> seal(const Caller& caller, const AgentSnapshot& agent,
                                         const Log& log) {
  const AgentCredentialRecord& credential = caller.owner.credential;
  auto pinned = open_pinned(caller.region.store, agent);
  if (!pinned) return std::unexpected(fail_internally(caller, pinned.error(), log));
  if (pinned->gone != nullptr) return std::unexpected(refuse_gone(*pinned->gone));
  auto environment = merge(std::move(pinned->opened));
  if (!environment) return std::unexpected(refuse_unsealable(caller, environment.error(), log));
  auto sealed = seal_environment(*environment, credential.keys.box);
  if (!sealed) return std::unexpected(refuse_unsealable(caller, sealed.error(), log));
  return KeyedBlock{.key = SealedBlocks::key_of(credential, agent, pinned->stamped),
                    .block = std::make_shared<const std::string>(std::move(*sealed))};
}

BundleAnswer answer_from(const BundleParts& parts, const Caller& caller, SealedBlocks& blocks,
                         const Clock& clock, const Log& log) {
  const std::optional<AgentSnapshot>& snapshot = parts.agent;
  if (!snapshot || snapshot->deleted) {
    return {.response = refuse(404, "deleted", "this credential's agent has been deleted")};
  }
  if (snapshot->deployment_id.empty()) {
    return {.response =
                refuse(409, "no-deployment", "this agent has no deployment yet; deploy it first")};
  }
  const auto kept =
      blocks.find(SealedBlocks::key_of(caller.owner.credential, *snapshot, parts.versions));
  if (kept) return sign(caller, *snapshot, *kept, clock, log);
  auto made = seal(caller, *snapshot, log);
  if (!made) return {.response = std::move(made.error())};
  blocks.keep(made->key, made->block);
  return sign(caller, *snapshot, *made->block, clock, log);
}

Response refuse_revoked(const Caller& caller, const Clock& clock, const Log& log) {
  const AgentCredentialRecord& credential = caller.owner.credential;
  const bool has_expired = credential.expires_at && *credential.expires_at <= clock.unix_time();
  log.warning(
      has_expired ? "bundle refused: expired credential" : "bundle refused: revoked credential",
      {{"kid", credential.kid}});
  return has_expired ? refuse(403, "expired", "this credential has expired")
                     : refuse(403, "revoked", "this credential has been revoked");
}

}  // namespace

BundleAnswer answer_bundle(const Caller& caller, SealedBlocks& blocks, const Clock& clock,
                           const Log& log) {
  if (caller.owner.credential.revoked) {
    return {.response = refuse_revoked(caller, clock, log)};
  }
  return answer_from(*caller.parts, caller, blocks, clock, log);
}

}  // namespace agent_secrets::control_plane

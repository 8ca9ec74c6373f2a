#include "control-plane/instance-api/sealed_blocks.h"

#include <algorithm>
#include <functional>
#include <set>

#include "core/bundle.h"
#include "tests/fakes/test_region.h"

namespace agent_secrets::control_plane {
namespace {

SealedBlocks::Block block_of(std::size_t size) {
  return std::make_shared<const std::string>(size, 'x');
}

SealedBlocks::Key numbered(std::uint8_t number) { return {number}; }

struct Facts {
  AgentCredentialRecord credential;
  AgentSnapshot agent;
  std::vector<StampedVersion> versions;

  [[nodiscard]] SealedBlocks::Key key() const {
    return SealedBlocks::key_of(credential, agent, versions);
  }
};

Facts facts() {
  Facts facts{};  // keys of zeros
  facts.credential.kid = "ak_one";
  facts.agent.sequence = 5;
  facts.agent.sets = {TestRegion::pinned(3, "a", 1), TestRegion::pinned(4, "b", 2)};
  facts.versions = {{.set_id = 3, .version = 1, .stamp = 71},
                    {.set_id = 4, .version = 2, .stamp = 72}};
  return facts;
}

TEST_CASE("a kept block is found, another key finds nothing") {
  SealedBlocks blocks;
  const auto block = block_of(100);
  blocks.keep(numbered(1), block);
  CHECK(blocks.find(numbered(1)) == block);
  CHECK(blocks.find(numbered(2)) == nullptr);
}

TEST_CASE("the block that was not used for longest gives way") {
  SealedBlocks blocks(16'000);
  for (const std::uint8_t number : {1, 2, 3, 4}) blocks.keep(numbered(number), block_of(3'000));
  CHECK(blocks.find(numbered(1)) != nullptr);
  blocks.keep(numbered(5), block_of(3'000));
  CHECK(blocks.find(numbered(1)) != nullptr);
  CHECK(blocks.find(numbered(2)) == nullptr);
  CHECK(blocks.find(numbered(5)) != nullptr);
  CHECK(blocks.bytes() <= 16'000);
}

TEST_CASE("many small blocks stay within the bound, and one large block is not kept") {
  SealedBlocks blocks(16'000);
  for (int i = 0; i < 200; ++i) {
    blocks.keep(numbered(static_cast<std::uint8_t>(i)), block_of(10));
    CHECK(blocks.bytes() <= 16'000);
  }
  blocks.keep(numbered(201), block_of(5'000));
  CHECK(blocks.find(numbered(201)) == nullptr);
}

TEST_CASE("a block that is kept twice is counted once") {
  SealedBlocks blocks;
  blocks.keep(numbered(1), block_of(100));
  const std::size_t once = blocks.bytes();
  blocks.keep(numbered(1), block_of(100));
  CHECK(blocks.bytes() == once);
}

TEST_CASE("everything that a block is made from changes its key") {
  const std::vector<std::function<void(Facts&)>> changes{
      [](Facts&) {},
      [](Facts& f) { f.credential.kid = "ak_two"; },
      [](Facts& f) { f.credential.keys.box.at(0) ^= 1; },
      [](Facts& f) { ++f.agent.sequence; },
      [](Facts& f) { ++f.agent.sets.at(0).organization_id; },
      [](Facts& f) { f.agent.sets.at(0).set_id = f.versions.at(0).set_id = 5; },
      [](Facts& f) { f.agent.sets.at(0).version = f.versions.at(0).version = 6; },
      [](Facts& f) { f.agent.sets.pop_back(); },
      [](Facts& f) { std::swap(f.agent.sets.at(0), f.agent.sets.at(1)); },
      [](Facts& f) { ++f.versions.at(0).stamp; },
      [](Facts& f) { ++f.versions.at(1).stamp; },
      [](Facts& f) { std::swap(f.versions.at(0).stamp, f.versions.at(1).stamp); },
      [](Facts& f) { f.versions.pop_back(); },
      [](Facts& f) { f.versions.at(0).stamp = 0; },
      [](Facts& f) { f.versions.erase(f.versions.begin()); },
  };
  std::set<SealedBlocks::Key> keys;
  for (const auto& change : changes) {
    Facts changed = facts();
    change(changed);
    keys.insert(changed.key());
  }
  CHECK(keys.size() == changes.size());
}

TEST_CASE("the order in which the store lists versions does not matter") {
  Facts listed = facts();
  std::ranges::reverse(listed.versions);
  CHECK(listed.key() == facts().key());
}

TEST_CASE("a second bundle of a credential decrypts no value, and has the nonce of its request") {
  const TestRegion region;
  const Response first = region.api->bundle(region.bundle_request());
  const int reads = region.store->version_reads;
  CHECK(reads > 0);
  ProofClaims claims = region.claims("/instance/v1/bundle");
  claims.nonce = "nonce-2";
  const Response second = region.api->bundle(region.request(claims));
  CHECK(region.store->version_reads == reads);
  const auto before = verify_bundle(first.body, region.credential->identity);
  const auto after = verify_bundle(second.body, region.credential->identity);
  REQUIRE((before && after));
  CHECK(after->facts.nonce == "nonce-2");
  CHECK(after->sealed == before->sealed);
}

TEST_CASE("after a deploy, or when a value was written again, a new block is made") {
  TestRegion region;
  const auto value = [&region] {
    const Response response = region.api->bundle(region.bundle_request());
    const auto bundle = verify_bundle(response.body, region.credential->identity);
    REQUIRE(bundle);
    const auto block = open_bundle(*bundle, region.credential->box_key);
    REQUIRE(block);
    return std::string(block->expose_text());
  };
  CHECK(value().find(TestRegion::kOldValue) != std::string::npos);
  region.put_version(kSetId, 2, {{"GREETING", "repaired"}});
  CHECK(value().find("repaired") != std::string::npos);
  region.put_version(kSetId, 3, {{"GREETING", TestRegion::kNewValue}});
  region.deploy("deployment-2", {TestRegion::pinned(kSetId, "bot-secrets", 3)});
  CHECK(value().find(TestRegion::kNewValue) != std::string::npos);
}

TEST_CASE("a revoked credential gets no kept block") {
  TestRegion region;
  CHECK(region.api->bundle(region.bundle_request()).status == 200);
  region.revoke();
  CHECK(region.api->bundle(region.bundle_request()).status == 403);
}

TEST_CASE("a version that is gone is a conflict although its block is kept") {
  TestRegion region;
  CHECK(region.api->bundle(region.bundle_request()).status == 200);
  REQUIRE(region.store->retain_only({}, {}));
  CHECK(region.api->bundle(region.bundle_request()).status == 409);
}

}  // namespace
}  // namespace agent_secrets::control_plane

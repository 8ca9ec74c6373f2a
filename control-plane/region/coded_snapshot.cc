#include "control-plane/region/coded_snapshot.h"

#include <algorithm>
#include <string>
#include <vector>

namespace agent_secrets::control_plane {

CodedRow coded_snapshot(const AgentSnapshot& snapshot) {
  CodedRow row("agents", std::to_string(snapshot.agent_id));
  row.number(snapshot.agent_id).number(snapshot.revision).number(snapshot.sequence);
  row.text(snapshot.organization).text(snapshot.agent);
  row.number(snapshot.deleted ? 1 : 0).text(snapshot.deployment_id);
  std::vector<const PinnedSet*> sets;
  sets.reserve(snapshot.sets.size());
  for (const PinnedSet& set : snapshot.sets) sets.push_back(&set);
  std::ranges::sort(sets, {}, &PinnedSet::set_id);
  row.number(std::ssize(sets));
  for (const PinnedSet* set : sets) {
    row.number(set->set_id).number(set->organization_id).text(set->name);
    row.number(set->version).number(set->latest_version);
  }
  return row;
}

CodedRow coded_credential(const AgentCredentialRecord& credential, std::int64_t agent_id,
                          std::int64_t revision) {
  CodedRow row("credentials", credential.kid);
  row.text(credential.kid).number(agent_id).number(revision);
  row.bytes(credential.keys.signing).bytes(credential.keys.box);
  row.number(credential.revoked ? 1 : 0);
  std::optional<std::int64_t> expires_at;
  if (credential.expires_at) expires_at = credential.expires_at->count();
  row.optional_number(expires_at);
  return row;
}

AgentCredentialRecord read_credential(const Row& row) {
  return {.kid = row.text("kid"),
          .keys = {.signing = row.key("signing_key"), .box = row.key("box_key")},
          .revoked = row.boolean("revoked"),
          .expires_at = row.optional_time("expires_at")};
}

std::optional<CredentialOwner> read_owner(const Row& row, const Authority& authority) {
  CredentialOwner owner{.agent_id = row.integer("agent_id"), .credential = read_credential(row)};
  const CodedRow coded =
      coded_credential(owner.credential, owner.agent_id, row.integer("revision"));
  if (!authority.accepts(coded, stored_code(row))) return std::nullopt;
  return owner;
}

}  // namespace agent_secrets::control_plane

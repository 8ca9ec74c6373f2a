// Each change raises the agent's revision and stores it with the credential, so that `confirmed`
// can compare it with the published revision.
#include "control-plane/catalog/credentials.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/agents.h"
#include "control-plane/catalog/audit.h"
#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/context.h"
#include "control-plane/catalog/develop.h"
#include "control-plane/catalog/quotas.h"
#include "control-plane/catalog/rules.h"

namespace agent_secrets::control_plane {

namespace {

std::string object_of(std::string_view agent, std::string_view kid) {
  return fmt::format("credential {} of agent {}", kid, agent);
}

CredentialPurpose parse_purpose(std::string_view text) {
  return text == "develop" ? CredentialPurpose::develop : CredentialPurpose::bot;
}

std::vector<CredentialRecord> read_credentials(const Rows& rows) {
  std::vector<CredentialRecord> records;
  for (const Row row : rows) {
    records.push_back({.kid = row.text("kid"),
                       .agent = row.text("agent"),
                       .keys = {.signing = row.key("signing_key"), .box = row.key("box_key")},
                       .created_at = row.time("created_at"),
                       .revoked_at = row.optional_time("revoked_at"),
                       .confirmed = row.boolean("confirmed"),
                       .terms = {.label = row.text("label"),
                                 .expires_at = row.optional_time("expires_at"),
                                 .purpose = parse_purpose(row.text("purpose"))},
                       .made_by = row.text("made_by")});
  }
  return records;
}

// Of one agent, or of all agents of the organization.
std::vector<CredentialRecord> find_credentials(Transaction& tx, std::int64_t organization_id,
                                               std::optional<std::int64_t> agent_id) {
  return read_credentials(
      tx.query("SELECT c.kid, a.name AS agent, c.signing_key, c.box_key, c.created_at,"
               " c.revoked_at, a.published_revision >= c.revision AS confirmed, c.label,"
               " c.expires_at, c.purpose, c.made_by"
               " FROM credentials c JOIN agents a ON a.id = c.agent_id"
               " WHERE a.organization_id = ?1 AND a.deleted = 0 AND coalesce(?2, a.id) = a.id"
               " ORDER BY a.name, c.created_at, c.kid",
               organization_id, agent_id));
}

Result<void> check_terms(std::string_view kid, const CredentialTerms& terms) {
  if (!is_key_id(kid)) {
    return fail(ErrorCode::invalid, fmt::format("Invalid key id {}", shown(kid)));
  }
  if (terms.label.empty()) return {};
  return check_title("credential label", terms.label);
}

// Whether the actor may register it, and there is room.
Result<void> admit(Transaction& tx, const CatalogContext& context, const Actor& actor,
                   std::int64_t organization_id, const Agent& agent, const CredentialTerms& terms) {
  if (terms.purpose == CredentialPurpose::develop) {
    const UnixMs now = context.clock.unix_time();
    auto may = check_may_develop(tx, context.authority, actor, organization_id, agent);
    if (!may) return may;
    if (auto ok = check_develop_expiry(terms.expires_at, now); !ok) return ok;
    return make_room_for_develop_key(tx, actor, agent.id, now);
  }
  if (actor.role < Role::admin) {
    return fail(ErrorCode::forbidden,
                "Only an admin registers the credential of an agent. To run the agent on your own "
                "machine for some hours, ask for the purpose develop.");
  }
  return make_room_for_credential(tx, agent.id);
}

// The agent's live credential that has this key id, keys and purpose: what an earlier request has
// registered.
std::optional<CredentialRecord> registered_before(const std::vector<CredentialRecord>& present,
                                                  std::string_view kid,
                                                  const CredentialPublicKeys& keys,
                                                  CredentialPurpose purpose) {
  const auto found = std::ranges::find(present, kid, &CredentialRecord::kid);
  if (found == present.end() || found->keys != keys || found->terms.purpose != purpose ||
      found->revoked_at) {
    return std::nullopt;
  }
  return *found;
}

Change addition(std::int64_t organization_id, std::string_view agent, std::string_view kid,
                const CredentialTerms& terms, std::string_view outcome) {
  return {.organization_id = organization_id,
          .action = "credential.add",
          .object = object_of(agent, kid),
          .detail = fmt::format(
              "purpose {}{}", to_string(terms.purpose),
              terms.expires_at ? ", expires " + format_timestamp(*terms.expires_at) : ""),
          .outcome = outcome};
}

}  // namespace

std::string_view to_string(CredentialPurpose purpose) {
  return purpose == CredentialPurpose::develop ? "develop" : "bot";
}

std::int64_t raise_revision(Transaction& tx, std::int64_t agent_id) {
  return tx
      .query("UPDATE agents SET revision = revision + 1 WHERE id = ?1 RETURNING revision", agent_id)
      .front()
      .integer("revision");
}

Result<CredentialRecord> Credentials::add(const Actor& actor, std::int64_t organization_id,
                                          std::string_view agent, std::string_view kid,
                                          const CredentialPublicKeys& keys,
                                          const CredentialTerms& terms) {
  if (auto ok = check_terms(kid, terms); !ok) return propagate(ok);
  return context_.database->write(
      "add credential", [&](Transaction& tx) -> Result<CredentialRecord> {
        auto found = accepted_agent(tx, context_.authority, organization_id, agent);
        if (!found) return propagate(found);
        const UnixMs now = context_.clock.unix_time();
        if (auto may = admit(tx, context_, actor, organization_id, *found, terms); !may) {
          return propagate(may);
        }
        const auto present = find_credentials(tx, organization_id, found->id);
        if (auto before = registered_before(present, kid, keys, terms.purpose)) {
          record(tx, context_, actor,
                 addition(organization_id, agent, kid, before->terms, kAuditUnchanged));
          return std::move(*before);
        }
        const std::string maker = describe(actor);
        const std::int64_t added = tx.execute(
            "INSERT INTO credentials (kid, agent_id, signing_key, box_key, created_at,"
            " revision, label, expires_at, purpose, made_by, made_as)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING",
            kid, found->id, keys.signing, keys.box, now, raise_revision(tx, found->id), terms.label,
            terms.expires_at, to_string(terms.purpose), maker, to_string(actor.role));
        if (added == 0) {
          return fail(ErrorCode::conflict, fmt::format("Key id {} is already taken", shown(kid)));
        }
        code_credential(tx, context_.authority, kid);
        record(tx, context_, actor, addition(organization_id, agent, kid, terms, kAuditDone));
        return CredentialRecord{.kid = std::string(kid),
                                .agent = found->name,
                                .keys = keys,
                                .created_at = now,
                                .revoked_at = {},
                                .confirmed = false,
                                .terms = terms,
                                .made_by = maker};
      });
}

Result<std::vector<CredentialRecord>> Credentials::list(std::int64_t organization_id,
                                                        std::string_view agent) {
  return context_.database->read(
      "list credentials", [&](Transaction& tx) -> Result<std::vector<CredentialRecord>> {
        auto found = existing_agent(tx, context_.authority, organization_id, agent);
        if (!found) return propagate(found);
        return find_credentials(tx, organization_id, found->id);
      });
}

Result<std::vector<CredentialRecord>> Credentials::list_all(std::int64_t organization_id) {
  return context_.database->read("list credentials",
                                 [&](Transaction& tx) -> Result<std::vector<CredentialRecord>> {
                                   return find_credentials(tx, organization_id, std::nullopt);
                                 });
}

Result<void> Credentials::revoke(const Actor& actor, std::int64_t organization_id,
                                 std::string_view agent, std::string_view kid) {
  return context_.database->write_urgently(
      "revoke credential", [&](Transaction& tx) -> Result<void> {
        auto found = existing_agent(tx, context_.authority, organization_id, agent);
        if (!found) return propagate(found);
        const std::int64_t revoked = tx.execute(
            "UPDATE credentials SET revoked_at = ?1, code = NULL, revision ="
            " (SELECT revision + 1 FROM agents WHERE id = agent_id)"
            " WHERE agent_id = ?2 AND kid = ?3 AND revoked_at IS NULL",
            context_.clock.unix_time(), found->id, kid);
        if (revoked == 0) return fail(ErrorCode::not_found, "Not found");
        raise_revision(tx, found->id);
        record(tx, context_, actor,
               {.organization_id = organization_id,
                .action = "credential.revoke",
                .object = object_of(agent, kid)});
        return {};
      });
}

}  // namespace agent_secrets::control_plane

#include "control-plane/catalog/allowed_names.h"

#include <fmt/format.h>

#include "control-plane/catalog/audit.h"
#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/context.h"
#include "control-plane/catalog/rules.h"
#include "control-plane/catalog/values.h"
#include "core/reserved_names.h"

namespace agent_secrets::control_plane {
namespace {

std::vector<std::string> allowed_names(Transaction& tx, const Authority& authority,
                                       std::int64_t organization_id) {
  const Rows rows =
      tx.query("SELECT name, code FROM allowed_names WHERE organization_id = ?1 ORDER BY name",
               organization_id);
  std::vector<std::string> names;
  for (const Row row : rows) {
    std::string name = row.text("name");
    const CodedRow coded = coded_allowed_name(organization_id, name);
    if (authority.accepts(coded, stored_code(row))) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

// Checks only the keys of the write. A set that an earlier release wrote may have a reserved name:
// its other keys can still be written, and the reserved name can be deleted.
Result<void> check_reserved(Transaction& tx, const Authority& authority,
                            std::int64_t organization_id, const WriteSet& write) {
  if (write.type != SetType::secret) return {};
  std::vector<std::string> keys;
  keys.reserve(write.pairs.size());
  for (const SecretPair& pair : write.pairs) keys.push_back(pair.key);
  // Nearly no write has a reserved name, so the query for allowed names is seldom needed.
  if (refused_names(keys, {}).empty()) return {};
  const auto refused = refused_names(keys, allowed_names(tx, authority, organization_id));
  if (refused.empty()) return {};
  return fail(ErrorCode::invalid,
              fmt::format("Secret set {0} cannot have reserved names: {1}. If {2} is meant, allow "
                          "it on the control plane's host with secret-control-plane organization "
                          "allow-name {2}, and start the bots with secret-injector --allow {2}.",
                          shown(write.name), with_reasons(refused), refused.front()));
}

std::string secrets_warning(Transaction& tx, const Deployment& deployment) {
  if (deployment.pins.empty()) {
    return "This service has no secret set: its bots start without secrets.";
  }
  std::string warning;
  for (const PinnedSet& pin : deployment.pins) {
    const auto keys = keys_of_version(tx, pin.set_id, pin.version);
    add_sentence(warning, keys.empty() ? fmt::format("Secret set {} has no keys: it gives the bots "
                                                     "nothing.",
                                                     shown(pin.name))
                                       : reserved_names_warning(pin.name, keys));
  }
  return warning;
}

Result<void> AllowedNames::allow(const Actor& actor, std::int64_t organization_id,
                                 std::string_view name) {
  if (refused_names({std::string(name)}, {}).empty()) {
    return fail(ErrorCode::invalid, fmt::format("{} needs no permission", shown(name)),
                "docs/reserved-names.md lists the names that do");
  }
  if (auto ok = check_key(name); !ok) return ok;
  return context_.database->write("allow a name", [&](Transaction& tx) -> Result<void> {
    const std::int64_t added = tx.execute(
        "INSERT INTO allowed_names (organization_id, name) VALUES (?1, ?2)"
        " ON CONFLICT DO NOTHING",
        organization_id, name);
    code_allowed_name(tx, context_.authority, organization_id, name);
    record(tx, context_, actor,
           {.organization_id = organization_id,
            .action = "organization.allow-name",
            .object = fmt::format("name {}", name),
            .outcome = added == 1 ? kAuditDone : kAuditUnchanged});
    return {};
  });
}

Result<void> AllowedNames::disallow(const Actor& actor, std::int64_t organization_id,
                                    std::string_view name) {
  return context_.database->write("disallow a name", [&](Transaction& tx) -> Result<void> {
    const std::int64_t removed =
        tx.execute("DELETE FROM allowed_names WHERE organization_id = ?1 AND name = ?2",
                   organization_id, name);
    if (removed != 1) {
      return fail(ErrorCode::not_found, fmt::format("{} is not allowed", shown(name)));
    }
    record(tx, context_, actor,
           {.organization_id = organization_id,
            .action = "organization.disallow-name",
            .object = fmt::format("name {}", name)});
    return {};
  });
}

Result<std::vector<std::string>> AllowedNames::list(std::int64_t organization_id) {
  return context_.database->read("list allowed names",
                                 [&](Transaction& tx) -> Result<std::vector<std::string>> {
                                   return allowed_names(tx, context_.authority, organization_id);
                                 });
}

}  // namespace agent_secrets::control_plane

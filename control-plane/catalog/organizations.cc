#include "control-plane/catalog/organizations.h"

#include <fmt/format.h>

#include "control-plane/catalog/audit.h"
#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/context.h"
#include "control-plane/catalog/develop.h"
#include "control-plane/catalog/regions.h"
#include "control-plane/catalog/rules.h"

namespace agent_secrets::control_plane {
namespace {

// The error for the name of an organization that exists or has been removed.
std::string why_not_added(Transaction& tx, std::string_view organization) {
  const Rows removed = tx.query(
      "SELECT 1 FROM organizations WHERE name = ?1 AND removed_at IS NOT NULL", organization);
  if (removed.empty()) return fmt::format("Organization {} already exists", shown(organization));
  return fmt::format(
      "The name {} was that of an organization that has been removed, and is not given again: its "
      "agents' credentials and caches know it by this name. Choose another",
      shown(organization));
}

}  // namespace

Organization read_organization(const Row& row) {
  return {.id = row.integer("id"),
          .name = row.text("name"),
          .verbose_name = row.text("verbose_name"),
          .default_region = row.text("default_region")};
}

Result<Organization> organization_by_id(Transaction& tx, std::int64_t id,
                                        const Authority& authority) {
  const Rows rows = tx.query(
      "SELECT id, name, verbose_name, default_region, members_develop, code"
      " FROM organizations"
      " WHERE id = ?1 AND removed_at IS NULL",
      id);
  if (rows.empty()) return fail(ErrorCode::not_found, "Not found");
  const Row row = rows.front();
  authority.require(coded_organization(row), stored_code(row));
  return read_organization(row);
}

Result<Organization> Organizations::create(const Actor& actor, std::string_view name,
                                           std::string_view verbose_name,
                                           std::string_view default_region) {
  if (auto ok = check_plain_name("organization name", name); !ok) return propagate(ok);
  if (verbose_name.empty()) verbose_name = name;
  if (auto ok = check_title("display name", verbose_name); !ok) return propagate(ok);
  return context_.database->write(
      "create organization", [&](Transaction& tx) -> Result<Organization> {
        if (auto ok = check_region(tx, context_, default_region); !ok) return propagate(ok);
        const Rows added = tx.query(
            "INSERT INTO organizations (name, verbose_name, default_region)"
            " VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING RETURNING id",
            name, verbose_name, default_region);
        if (added.empty()) return fail(ErrorCode::conflict, why_not_added(tx, name));
        const std::int64_t id = added.front().integer("id");
        code_organization(tx, context_.authority, id);
        record(tx, context_, actor,
               {.organization_id = id,
                .action = "organization.create",
                .object = fmt::format("organization {}", name)});
        return organization_by_id(tx, id, context_.authority);
      });
}

Result<std::optional<Organization>> Organizations::find(std::string_view name) {
  return context_.database->read(
      "find organization", [&](Transaction& tx) -> Result<std::optional<Organization>> {
        const Rows rows = tx.query(
            "SELECT id, name, verbose_name, default_region, members_develop, code"
            " FROM organizations"
            " WHERE name = ?1 AND removed_at IS NULL",
            name);
        if (rows.empty()) return std::nullopt;
        const Row row = rows.front();
        context_.authority.require(coded_organization(row), stored_code(row));
        return read_organization(row);
      });
}

Result<std::vector<Organization>> Organizations::list() {
  return context_.database->read(
      "list organizations", [&](Transaction& tx) -> Result<std::vector<Organization>> {
        const Rows rows = tx.query(
            "SELECT id, name, verbose_name, default_region, members_develop, code"
            " FROM organizations"
            " WHERE removed_at IS NULL ORDER BY name");
        std::vector<Organization> organizations;
        for (const Row row : rows) {
          if (!context_.authority.accepts(coded_organization(row), stored_code(row))) continue;
          organizations.push_back(read_organization(row));
        }
        return organizations;
      });
}

Result<void> Organizations::set_default_region(const Actor& actor, std::int64_t organization_id,
                                               std::string_view region) {
  return context_.database->write("set default region", [&](Transaction& tx) -> Result<void> {
    if (auto ok = check_region(tx, context_, region); !ok) return ok;
    auto found = organization_by_id(tx, organization_id, context_.authority);
    if (!found) return propagate(found);
    tx.execute("UPDATE organizations SET default_region = ?1 WHERE id = ?2", region,
               organization_id);
    code_organization(tx, context_.authority, organization_id);
    record(tx, context_, actor,
           {.organization_id = organization_id,
            .action = "organization.default-region",
            .object = fmt::format("region {}", region)});
    return {};
  });
}

Result<void> Organizations::let_members_develop(const Actor& actor, std::int64_t organization_id,
                                                bool allowed) {
  // Urgent, because it may take rights away.
  return context_.database->write_urgently(
      "let members develop", [&](Transaction& tx) -> Result<void> {
        auto found = organization_by_id(tx, organization_id, context_.authority);
        if (!found) return propagate(found);
        tx.execute("UPDATE organizations SET members_develop = ?1 WHERE id = ?2", allowed,
                   organization_id);
        code_organization(tx, context_.authority, organization_id);
        if (!allowed) end_keys_of_all_members(tx, organization_id, context_.clock.unix_time());
        record(tx, context_, actor,
               {.organization_id = organization_id,
                .action = allowed ? "organization.allow-develop" : "organization.forbid-develop",
                .object = fmt::format("organization {}", found->name)});
        return {};
      });
}

Result<bool> Organizations::members_develop(std::int64_t organization_id) {
  return context_.database->read(
      "look whether members develop", [&](Transaction& tx) -> Result<bool> {
        return members_may_develop(tx, context_.authority, organization_id);
      });
}

}  // namespace agent_secrets::control_plane

#include "control-plane/commands/organization.h"

#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/commands/admin.h"
#include "core/reserved_names.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

std::string organizations_json(const std::vector<Organization>& organizations) {
  json::array rows;
  for (const Organization& organization : organizations) {
    rows.push_back(json::object{{"name", organization.name},
                                {"displayName", organization.verbose_name},
                                {"defaultRegion", organization.default_region}});
  }
  return json_line(rows);
}

std::string organizations_table(const std::vector<Organization>& organizations) {
  std::vector<TableRow> rows{{"NAME", "DISPLAY NAME", "DEFAULT REGION"}};
  for (const Organization& organization : organizations) {
    rows.push_back({organization.name, organization.verbose_name, organization.default_region});
  }
  return format_table(rows);
}

Result<void> add(Catalog& catalog, const OrganizationAddOptions& options) {
  auto regions = catalog.regions.list();
  if (!regions) return propagate(regions);
  if (regions->empty()) return fail(ErrorCode::failed, "there is no region");
  auto added =
      catalog.organizations.create(options.name, options.display_name, regions->front().code);
  if (!added) return propagate(added);
  return {};
}

// ["LD_PRELOAD", …]
std::string names_json(const std::vector<std::string>& names) {
  return json_line(json::array(names.begin(), names.end()));
}

std::string names_table(const std::vector<std::string>& names) {
  std::vector<TableRow> rows{{"NAME", "WHY IT IS RESERVED"}};
  for (const std::string& name : names) {
    const ReservedName* reserved = find_reserved(name);
    rows.push_back({name, reserved == nullptr ? "-" : std::string(reserved->reason)});
  }
  return format_table(rows);
}

Result<void> change_name(Catalog& catalog, const Organization& organization,
                         const OrganizationAllowNameOptions& options) {
  return options.remove ? catalog.allowed_names.disallow(organization.id, options.name)
                        : catalog.allowed_names.allow(organization.id, options.name);
}

}  // namespace

Result<void> add_organization(const OrganizationAddOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  if (auto added = add(*stores->catalog, options); !added) {
    return propagate(added, "add organization");
  }
  note("organization '" + options.name + "' is ready; next: token create, or member add");
  return {};
}

Result<void> remove_organization(const OrganizationRemoveOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.name);
  if (!organization) return propagate(organization);
  auto removed = stores->catalog->organizations.remove(organization->id);
  if (!removed) {
    removed.error().hint =
        "delete its agents and sets with the official CLI (agent delete, secrets delete), then: "
        "member remove, token revoke, api-key revoke, each with --organization " +
        options.name;
    return propagate(removed, "remove organization");
  }
  note("organization '" + options.name + "' is removed");
  return {};
}

Result<void> list_organizations(const OrganizationListOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organizations = stores->catalog->organizations.list();
  if (!organizations) return propagate(organizations);
  return print(options.json ? organizations_json(*organizations)
                            : organizations_table(*organizations));
}

Result<void> allow_name(const OrganizationAllowNameOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  if (auto changed = change_name(*stores->catalog, *organization, options); !changed) {
    return propagate(changed, options.remove ? "disallow a name" : "allow a name");
  }
  if (options.remove) {
    note("writes of '" + options.name + "' are refused from now on; a set that has it keeps it");
  } else {
    note("sets of '" + organization->name + "' may have '" + options.name +
         "' from now on\nhint: Start the bots that get it with secret-injector --allow " +
         options.name + ".");
  }
  return {};
}

Result<void> list_allowed_names(const OrganizationAllowedNamesOptions& options,
                                const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  auto names = stores->catalog->allowed_names.list(organization->id);
  if (!names) return propagate(names);
  return print(options.json ? names_json(*names) : names_table(*names));
}

}  // namespace agent_secrets::control_plane

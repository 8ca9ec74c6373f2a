#include "control-plane/commands/organization.h"

#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/commands/admin.h"

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
  auto regions = catalog.list_regions();
  if (!regions) return propagate(regions);
  if (regions->empty()) return fail(ErrorCode::failed, "there is no region");
  auto added =
      catalog.create_organization(options.name, options.display_name, regions->front().code);
  if (!added) return propagate(added);
  return {};
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

Result<void> list_organizations(const OrganizationListOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organizations = stores->catalog->list_organizations();
  if (!organizations) return propagate(organizations);
  return print(options.json ? organizations_json(*organizations)
                            : organizations_table(*organizations));
}

}  // namespace agent_secrets::control_plane

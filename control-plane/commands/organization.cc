// `organization add | remove | list | allow-name | allowed-names | allow-develop`: organizations
// have the sets and agents. `init` makes the first.

#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"
#include "core/reserved_names.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

struct AddOrganizationOptions {
  DataOptions data;
  std::string name;
  std::string display_name;
};

struct RemoveOrganizationOptions {
  DataOptions data;
  std::string name;
};

struct ListOrganizationsOptions {
  DataOptions data;
  bool json = false;
};

// Reserved names that the organization's sets may have (core/reserved_names.h).
struct AllowNameOptions {
  DataOptions data;
  std::string organization;
  std::string name;
  bool remove = false;
};

struct AllowDevelopOptions {
  DataOptions data;
  std::string organization;
  bool remove = false;
};

struct AllowedNamesOptions {
  DataOptions data;
  std::string organization;
  bool json = false;
};

struct ListedOrganization {
  Organization organization;
  bool members_develop = false;
};

std::string organizations_json(const std::vector<ListedOrganization>& organizations) {
  json::array rows;
  for (const auto& [organization, members_develop] : organizations) {
    rows.push_back(json::object{{"name", organization.name},
                                {"displayName", organization.verbose_name},
                                {"defaultRegion", organization.default_region},
                                {"membersDevelop", members_develop}});
  }
  return json_line(rows);
}

std::string organizations_table(const std::vector<ListedOrganization>& organizations) {
  std::vector<TableRow> rows{{"NAME", "DISPLAY NAME", "DEFAULT REGION", "DEVELOP"}};
  for (const auto& [organization, members_develop] : organizations) {
    rows.push_back({organization.name, organization.verbose_name, organization.default_region,
                    members_develop ? "members" : "admins"});
  }
  return format_table(rows);
}

// The default region is the region that was added first.
Result<void> add(Catalog& catalog, const AddOrganizationOptions& options) {
  auto regions = catalog.regions.list();
  if (!regions) return propagate(regions);
  if (regions->empty()) return fail(ErrorCode::failed, "there is no region");
  auto added = catalog.organizations.create(host_actor(), options.name, options.display_name,
                                            regions->front().code);
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
                         const AllowNameOptions& options) {
  return options.remove
             ? catalog.allowed_names.disallow(host_actor(), organization.id, options.name)
             : catalog.allowed_names.allow(host_actor(), organization.id, options.name);
}

Result<void> make_organization(const AddOrganizationOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  if (auto added = add(*stores->catalog, options); !added) {
    return propagate(added, "add organization");
  }
  note("organization '" + options.name + "' is ready; next: token create, or member add");
  return {};
}

// ErrorCode::conflict while the organization is in use, with what uses it. A running server refuses
// its requests from then on.
Result<void> remove_organization(const RemoveOrganizationOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.name);
  if (!organization) return propagate(organization);
  auto removed = stores->catalog->organizations.remove(host_actor(), organization->id);
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

Result<void> list_organizations(const ListOrganizationsOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organizations = stores->catalog->organizations.list();
  if (!organizations) return propagate(organizations);
  std::vector<ListedOrganization> listed;
  for (Organization& organization : *organizations) {
    auto develop = stores->catalog->organizations.members_develop(organization.id);
    if (!develop) return propagate(develop);
    listed.push_back({.organization = std::move(organization), .members_develop = *develop});
  }
  return print(options.json ? organizations_json(listed) : organizations_table(listed));
}

Result<void> allow_name(const AllowNameOptions& options, const Clock& clock) {
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

Result<void> allow_develop(const AllowDevelopOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  auto changed = stores->catalog->organizations.let_members_develop(host_actor(), organization->id,
                                                                    !options.remove);
  if (!changed) return propagate(changed, "allow development");
  const std::string name = "'" + organization->name + "'";
  note(options.remove ? "only admins of " + name +
                            " run agents with the team's values; keys that members made are revoked"
                      : "members of " + name +
                            " may run an agent with its values, if none of its sets is protected");
  return {};
}

Result<void> list_allowed_names(const AllowedNamesOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  auto names = stores->catalog->allowed_names.list(organization->id);
  if (!names) return propagate(names);
  return print(options.json ? names_json(*names) : names_table(*names));
}

void declare_allowed_names(const Declarations& group) {
  const auto allow = group.command(
      "allow-name", "Let the organization's secret sets have one reserved name", allow_name,
      {.examples = {{"secret-control-plane organization allow-name SSL_CERT_FILE",
                     "Let a set bring certificates; start the bot with secret-injector --allow "
                     "SSL_CERT_FILE"}},
       .text = "Reserved names decide which code a bot runs or which servers it trusts: "
               "LD_PRELOAD, PYTHONPATH, SSL_CERT_FILE. A bot whose set has one starts only with "
               "secret-injector --allow NAME.",
       .reading = {{"docs/reserved-names.md", "All reserved names, with the reasons"}}});
  allow.argument("name", allow->name, "such as SSL_CERT_FILE");
  allow.flag("--remove", allow->remove,
             "refuse the name in writes from now on; sets that have it keep it");
  add_organization(allow);

  const auto list = group.command("allowed-names",
                                  "Print the reserved names that the organization's sets may have",
                                  list_allowed_names);
  add_json(list);
  add_organization(list);
}

void declare_allow_develop(const Declarations& group) {
  const auto develop = group.command(
      "allow-develop", "Let members run agents on their machines with the values of the agents",
      allow_develop,
      {.examples = {{"secret-control-plane organization allow-develop", "Allow it"},
                    {"secret-control-plane organization allow-develop --remove",
                     "Allow it to admins alone, as at first"}},
       .text = "A member then starts an agent with secret-injector --agent NAME. An agent that has "
               "a protected set stays for admins.",
       .reading = {{"docs/injector.md", "Run with the team's values"}}});
  develop.flag("--remove", develop->remove, "allow it to admins alone from now on");
  add_organization(develop);
}

}  // namespace

void declare_organization(const Declarations& declare) {
  const Declarations group = declare.group(
      "organization", "Manage organizations",
      {.examples = {{"secret-control-plane organization add globex", "Make another organization"},
                    {"secret-control-plane token create ci --organization globex",
                     "Make a token for it"}},
       .reading = {{"docs/OPERATIONS.md", "Tokens and credentials"}}});

  const auto add = group.command("add", "Make another organization", make_organization);
  add.argument("name", add->name, "as in URLs");
  add.option("--display-name", add->display_name, "TEXT",
             "the name that people see; without it, the name");

  const auto remove = group.command(
      "remove", "Remove an organization that has no agents, sets, members, tokens and keys",
      remove_organization);
  remove.argument("name", remove->name, "the organization");

  add_json(group.command("list", "Print all organizations", list_organizations));
  declare_allowed_names(group);
  declare_allow_develop(group);
}

}  // namespace agent_secrets::control_plane

// `member add | remove`: which organizations a user's tokens reach.

#include <optional>
#include <string>

#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"

namespace agent_secrets::control_plane {
namespace {

struct AddMemberOptions {
  DataOptions data;
  std::string organization;
  std::string user;
  std::string role;  // empty: a member keeps the role
};

struct RemoveMemberOptions {
  DataOptions data;
  std::string organization;
  std::string user;
};

struct Place {
  Stores stores;
  User user;
  Organization organization;
};

template <typename Options>
Result<Place> open(const Options& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto user = choose_user(*stores->catalog, options.user);
  if (!user) return propagate(user);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  return Place{.stores = std::move(*stores),
               .user = std::move(*user),
               .organization = std::move(*organization)};
}

std::optional<Role> given_role(const AddMemberOptions& options) {
  if (options.role.empty()) return std::nullopt;
  return parse_role(options.role);
}

Result<void> add_member(const AddMemberOptions& options, const Clock& clock) {
  auto place = open(options, clock);
  if (!place) return propagate(place);
  auto role = place->stores.catalog->users.put_membership(
      host_actor(), place->user.id, place->organization.id, given_role(options));
  if (!role) return propagate(role, "add member");
  note("user '" + options.user + "' is now " + std::string(to_string(*role)) + " of '" +
       place->organization.name + "'");
  return {};
}

Result<void> remove_member(const RemoveMemberOptions& options, const Clock& clock) {
  auto place = open(options, clock);
  if (!place) return propagate(place);
  auto removed = place->stores.catalog->users.remove_membership(host_actor(), place->user.id,
                                                                place->organization.id);
  if (!removed) return propagate(removed, "remove member");
  note("tokens of '" + options.user + "' do not reach '" + place->organization.name +
       "' from now on, also if the user becomes a member again; its private API keys and the "
       "organization's own tokens still do");
  return {};
}

}  // namespace

void declare_member(const Declarations& declare) {
  const Declarations group = declare.group(
      "member", "Manage which organizations a user's tokens can use",
      {.examples = {{"secret-control-plane member add ada --role admin",
                     "Make a user an admin of the organization"},
                    {"secret-control-plane member remove ada", "End the membership"}}});

  const auto add = group.command(
      "add", "Make a user a member, or change the role of a member", add_member,
      {.text = "Without --role, a new member gets the role member, and a present member keeps the "
               "role."});
  add.argument("user", add->user, "the user");
  add_role(add);
  add_organization(add);

  const auto remove =
      group.command("remove", "End a membership; it holds from the next request on", remove_member);
  remove.argument("user", remove->user, "the user");
  add_organization(remove);
}

}  // namespace agent_secrets::control_plane

#include "control-plane/commands/user.h"

#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/commands/admin.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

std::string users_json(const std::vector<User>& users) {
  json::array rows;
  for (const User& user : users) {
    json::array memberships;
    for (const auto& [organization, role] : user.memberships) {
      memberships.push_back(json::object{{"organization", organization.name},
                                         {"role", std::string(to_string(role))}});
    }
    rows.push_back(
        json::object{{"name", user.name},
                     {"email", user.email.empty() ? json::value(nullptr) : json::value(user.email)},
                     {"memberships", std::move(memberships)}});
  }
  return json_line(rows);
}

std::string memberships_text(const User& user) {
  std::string text;
  for (const auto& [organization, role] : user.memberships) {
    if (!text.empty()) text += ", ";
    text += organization.name;
    if (role == Role::admin) text += " (admin)";
  }
  return text;
}

std::string users_table(const std::vector<User>& users) {
  std::vector<TableRow> rows{{"NAME", "E-MAIL", "ORGANIZATIONS"}};
  for (const User& user : users) {
    rows.push_back({user.name, or_dash(user.email), or_dash(memberships_text(user))});
  }
  return format_table(rows);
}

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

}  // namespace

Result<void> add_user(const UserAddOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto added = stores->catalog->users.add(options.name, options.email);
  if (!added) return propagate(added, "add user");
  note("user '" + options.name + "' is a member of nothing yet; next: member add");
  return {};
}

Result<void> remove_user(const UserRemoveOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto user = choose_user(*stores->catalog, options.name);
  if (!user) return propagate(user);
  auto removed = stores->catalog->users.remove(user->id);
  if (!removed) {
    removed.error().hint = "first: member remove " + options.name +
                           " --organization NAME, and token revoke NAME --user " + options.name;
    return propagate(removed, "remove user");
  }
  note("user '" + options.name + "' is removed");
  return {};
}

Result<void> list_users(const UserListOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto users = stores->catalog->users.list();
  if (!users) return propagate(users);
  return print(options.json ? users_json(*users) : users_table(*users));
}

Result<void> add_member(const MemberAddOptions& options, const Clock& clock) {
  auto place = open(options, clock);
  if (!place) return propagate(place);
  auto put = place->stores.catalog->users.put_membership(place->user.id, place->organization.id,
                                                         parse_role(options.role));
  if (!put) return propagate(put, "add member");
  note("user '" + options.user + "' is now " + options.role + " of '" + place->organization.name +
       "'");
  return {};
}

Result<void> remove_member(const MemberRemoveOptions& options, const Clock& clock) {
  auto place = open(options, clock);
  if (!place) return propagate(place);
  auto removed =
      place->stores.catalog->users.remove_membership(place->user.id, place->organization.id);
  if (!removed) return propagate(removed, "remove member");
  note("tokens of '" + options.user + "' do not reach '" + place->organization.name +
       "' from now on; its private API keys and the organization's own tokens still do");
  return {};
}

}  // namespace agent_secrets::control_plane

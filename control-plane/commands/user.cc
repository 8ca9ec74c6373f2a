// `user add | remove | list`: people. A user's tokens reach the organizations in which the user is
// a member (member.cc).

#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

struct AddUserOptions {
  DataOptions data;
  std::string name;
  std::string email;
};

struct RemoveUserOptions {
  DataOptions data;
  std::string name;
};

struct ListUsersOptions {
  DataOptions data;
  bool json = false;
};

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
    if (role != Role::member) text += " (" + std::string(to_string(role)) + ")";
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

Result<void> add_user(const AddUserOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto added = stores->catalog->users.add(host_actor(), options.name, options.email);
  if (!added) return propagate(added, "add user");
  note("user '" + options.name + "' is a member of nothing yet; next: member add");
  return {};
}

// ErrorCode::conflict while the user has memberships or live tokens, with their names. A later user
// of the same name starts without them.
Result<void> remove_user(const RemoveUserOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto user = choose_user(*stores->catalog, options.name);
  if (!user) return propagate(user);
  auto removed = stores->catalog->users.remove(host_actor(), user->id);
  if (!removed) {
    removed.error().hint = "first: member remove " + options.name +
                           " --organization NAME, and token revoke NAME --user " + options.name;
    return propagate(removed, "remove user");
  }
  note("user '" + options.name + "' is removed");
  return {};
}

Result<void> list_users(const ListUsersOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto users = stores->catalog->users.list();
  if (!users) return propagate(users);
  return print(options.json ? users_json(*users) : users_table(*users));
}

}  // namespace

void declare_user(const Declarations& declare) {
  const Declarations group = declare.group(
      "user", "Manage people, who can be members of organizations",
      {.examples = {
           {"secret-control-plane user add ada --email ada@example.com", "Make a user"},
           {"secret-control-plane member add ada --role admin",
            "Make the user an admin of the organization"},
           {"secret-control-plane token create laptop --user ada", "Make a token for the user"}}});

  const auto add = group.command("add", "Make a user", add_user);
  add.argument("name", add->name, "the user");
  add.option("--email", add->email, "ADDRESS", "the address that `auth whoami` shows");

  const auto remove =
      group.command("remove", "Remove a user without memberships and live tokens", remove_user);
  remove.argument("name", remove->name, "the user");

  add_json(group.command("list", "Print all users and their memberships", list_users));
}

}  // namespace agent_secrets::control_plane

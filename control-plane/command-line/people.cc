// organization, user, member.

#include "control-plane/command-line/declarations.h"

namespace agent_secrets::control_plane {
namespace {

void declare_allowed_names(Declarations& declare, CLI::App* group) {
  const auto allow = declare.command<OrganizationAllowNameOptions>(
      group, "allow-name", "Let the organization's secret sets have one reserved name",
      {.examples = {{"secret-control-plane organization allow-name SSL_CERT_FILE",
                     "Let a set bring certificates; start the bot with secret-injector --allow "
                     "SSL_CERT_FILE"}},
       .text = "Reserved names decide which code a bot runs or which servers it trusts: "
               "LD_PRELOAD, PYTHONPATH, SSL_CERT_FILE. A bot whose set has one starts only with "
               "secret-injector --allow NAME.",
       .reading = {{"docs/reserved-names.md", "All reserved names, with the reasons"}}});
  allow.app->add_option("name", allow.options->name, "such as SSL_CERT_FILE")->required();
  allow.app->add_flag("--remove", allow.options->remove,
                      "refuse the name in writes from now on; sets that have it keep it");
  add_organization(allow);

  const auto list = declare.command<OrganizationAllowedNamesOptions>(
      group, "allowed-names", "Print the reserved names that the organization's sets may have");
  add_json(list);
  add_organization(list);
}

void declare_organization(Declarations& declare) {
  CLI::App* group = declare.group(
      "organization", "Manage organizations",
      {.examples = {{"secret-control-plane organization add globex", "Make another organization"},
                    {"secret-control-plane token create ci --organization globex",
                     "Make a token for it"}},
       .reading = {{"docs/OPERATIONS.md", "Tokens and credentials"}}});

  const auto add =
      declare.command<OrganizationAddOptions>(group, "add", "Make another organization");
  add.app->add_option("name", add.options->name, "as in URLs")->required();
  add.app
      ->add_option("--display-name", add.options->display_name,
                   "the name that people see; without it, the name")
      ->type_name("TEXT");

  const auto remove = declare.command<OrganizationRemoveOptions>(
      group, "remove", "Remove an organization that has no agents, sets, members, tokens and keys");
  remove.app->add_option("name", remove.options->name, "the organization")->required();

  add_json(declare.command<OrganizationListOptions>(group, "list", "Print all organizations"));
  declare_allowed_names(declare, group);
}

void declare_user(Declarations& declare) {
  CLI::App* group = declare.group(
      "user", "Manage people, who can be members of organizations",
      {.examples = {
           {"secret-control-plane user add ada --email ada@example.com", "Make a user"},
           {"secret-control-plane member add ada --role admin",
            "Make the user an admin of the organization"},
           {"secret-control-plane token create laptop --user ada", "Make a token for the user"}}});

  const auto add = declare.command<UserAddOptions>(group, "add", "Make a user");
  add.app->add_option("name", add.options->name, "the user")->required();
  add.app->add_option("--email", add.options->email, "the address that `auth whoami` shows")
      ->type_name("ADDRESS");

  const auto remove = declare.command<UserRemoveOptions>(
      group, "remove", "Remove a user without memberships and live tokens");
  remove.app->add_option("name", remove.options->name, "the user")->required();

  add_json(
      declare.command<UserListOptions>(group, "list", "Print all users and their memberships"));
}

void declare_member(Declarations& declare) {
  CLI::App* group = declare.group(
      "member", "Manage which organizations a user's tokens can use",
      {.examples = {{"secret-control-plane member add ada --role admin",
                     "Make a user an admin of the organization"},
                    {"secret-control-plane member remove ada", "End the membership"}}});

  const auto add = declare.command<MemberAddOptions>(
      group, "add", "Make a user a member, or change the role of a member");
  add.app->add_option("user", add.options->user, "the user")->required();
  add_role(add);
  add_organization(add);

  const auto remove = declare.command<MemberRemoveOptions>(
      group, "remove", "End a membership; it holds from the next request on");
  remove.app->add_option("user", remove.options->user, "the user")->required();
  add_organization(remove);
}

}  // namespace

void declare_people(Declarations& declare) {
  declare_organization(declare);
  declare_user(declare);
  declare_member(declare);
}

}  // namespace agent_secrets::control_plane

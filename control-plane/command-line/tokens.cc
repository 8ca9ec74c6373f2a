// token, api-key.

#include "control-plane/command-line/declarations.h"

namespace agent_secrets::control_plane {
namespace {

// Whose tokens: an organization's, or a user's.
template <typename T>
void add_owner(const Declarations::Declared<T>& command) {
  command.app->add_option("--user", command.options->user, "the tokens of this user")
      ->type_name("NAME")
      ->excludes(add_organization(command));
}

void declare_token(Declarations& declare) {
  CLI::App* group = declare.group(
      "token", "Manage tokens, with which people use the REST API and the official CLI",
      {.examples = {{"secret-control-plane token create ci", "A member's token, for a pipeline"},
                    {"secret-control-plane token create laptop --user ada", "A user's token"},
                    {"secret-control-plane token revoke ci", "Refuse it from now on"}},
       .reading = {{"docs/OPERATIONS.md", "Tokens and credentials"}}});

  const auto create =
      declare.command<TokenCreateOptions>(group, "create", "Make a token, and print it once");
  create.app->add_option("name", create.options->name, "what the token is for")->required();
  CLI::Option* role = add_role(create);
  create.app
      ->add_option("--user", create.options->user,
                   "make a token of this user, for all of the user's organizations or the one of "
                   "--organization; without it, a token of the organization")
      ->type_name("NAME")
      ->excludes(role);
  add_organization(create);

  const auto list = declare.command<TokenListOptions>(
      group, "list", "Print the names and roles of tokens, never the tokens");
  add_json(list);
  add_owner(list);

  const auto revoke =
      declare.command<TokenRevokeOptions>(group, "revoke", "Refuse a token from now on");
  revoke.app->add_option("name", revoke.options->name, "the token's name")->required();
  add_owner(revoke);
}

void declare_api_key(Declarations& declare) {
  CLI::App* group = declare.group(
      "api-key", "Manage API keys of an organization, for programs",
      {.examples = {{"secret-control-plane api-key create backend --type private",
                     "Make a key for the REST API"},
                    {"secret-control-plane api-key list", "Print the keys and their ids"}}});

  const auto create = declare.command<ApiKeyCreateOptions>(
      group, "create", "Make a key, and print it; a private key can be printed only once");
  create.app->add_option("name", create.options->name, "what the key is for")->required();
  help::one_of(
      create.app->add_option("--type", create.options->type,
                             "private: the REST API, with the rights of a member; public: starting "
                             "sessions"),
      {"private", "public"})
      ->required();
  add_organization(create);

  const auto list = declare.command<ApiKeyListOptions>(group, "list",
                                                       "Print all keys, but no private key itself");
  add_json(list);
  add_organization(list);

  const auto revoke =
      declare.command<ApiKeyRevokeOptions>(group, "revoke", "Refuse a key from now on");
  revoke.app->add_option("id", revoke.options->id, "the id that `api-key list` shows")->required();
  add_organization(revoke);
}

}  // namespace

void declare_tokens(Declarations& declare) {
  declare_token(declare);
  declare_api_key(declare);
}

}  // namespace agent_secrets::control_plane

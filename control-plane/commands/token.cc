// `token create | list | revoke`: the tokens of the REST API.

#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

struct CreateTokenOptions {
  DataOptions data;
  std::string organization;  // empty: the only organization, or all organizations of the user
  std::string user;          // empty: the organization's own token
  std::string name;
  std::string role = "member";
  std::uint64_t expires_s = 0;  // 0: never
};

struct ListTokensOptions {
  DataOptions data;
  std::string organization;
  std::string user;
  bool json = false;
};

struct RevokeTokenOptions {
  DataOptions data;
  std::string organization;
  std::string user;
  std::string name;
};

json::value text_or_null(std::string_view text) {
  return text.empty() ? json::value(nullptr) : json::value(json::string(text.data(), text.size()));
}

std::string_view role_of(const Token& token) {
  return token.role ? to_string(*token.role) : std::string_view();
}

std::string tokens_json(const std::vector<Token>& tokens) {
  json::array rows;
  for (const Token& token : tokens) {
    rows.push_back(json::object{{"name", token.name},
                                {"role", text_or_null(role_of(token))},
                                {"user", text_or_null(token.user)},
                                {"organization", text_or_null(token.organization)},
                                {"createdAt", format_timestamp(token.created_at)},
                                {"expiresAt", time_or_null(token.expires_at)},
                                {"lastUsedAt", time_or_null(token.last_used_at)},
                                {"revokedAt", time_or_null(token.revoked_at)}});
  }
  return json_line(rows);
}

std::string tokens_table(const std::vector<Token>& tokens) {
  std::vector<TableRow> rows{
      {"NAME", "ROLE", "USER", "ORGANIZATION", "CREATED", "EXPIRES", "LAST USED", "REVOKED"}};
  for (const Token& token : tokens) {
    rows.push_back({token.name, or_dash(role_of(token)), or_dash(token.user),
                    token.organization.empty() ? "all of the user's" : token.organization,
                    format_timestamp(token.created_at), format_or_dash(token.expires_at),
                    format_or_dash(token.last_used_at), format_or_dash(token.revoked_at)});
  }
  return format_table(rows);
}

// A token of a user: for one of the user's organizations, or for all of them.
Result<SecretBuffer> mint_user_token(Catalog& catalog, const CreateTokenOptions& options,
                                     std::optional<UnixMs> expires_at) {
  auto user = choose_user(catalog, options.user);
  if (!user) return propagate(user);
  std::optional<std::int64_t> organization;
  for (const Membership& membership : user->memberships) {
    if (membership.organization.name == options.organization) {
      organization = membership.organization.id;
    }
  }
  if (!options.organization.empty() && !organization) {
    return fail(ErrorCode::invalid,
                "user '" + options.user + "' is no member of '" + options.organization + "'",
                "secret-control-plane member add makes one");
  }
  SecretBuffer token = mint_bearer(kTokenPrefix);
  auto added = catalog.tokens.add_for_user(host_actor(), user->id, organization, options.name,
                                           hash_bearer(token.expose_text()), expires_at);
  if (!added) return propagate(added);
  return token;
}

Result<SecretBuffer> mint(Catalog& catalog, const CreateTokenOptions& options, const Clock& clock) {
  const auto expires_at = expiry_after(options.expires_s, clock);
  if (!options.user.empty()) return mint_user_token(catalog, options, expires_at);
  auto organization = choose_organization(catalog, options.organization);
  if (!organization) return propagate(organization);
  return mint_token(catalog, *organization, options.name, parse_role(options.role), expires_at);
}

Result<std::vector<Token>> tokens_to_list(Catalog& catalog, const ListTokensOptions& options) {
  if (!options.user.empty()) {
    auto user = choose_user(catalog, options.user);
    if (!user) return propagate(user);
    return catalog.tokens.list_of_user(user->id);
  }
  auto organization = choose_organization(catalog, options.organization);
  if (!organization) return propagate(organization);
  return catalog.tokens.list(organization->id);
}

Result<void> revoke(Catalog& catalog, const RevokeTokenOptions& options) {
  if (!options.user.empty()) {
    auto user = choose_user(catalog, options.user);
    if (!user) return propagate(user);
    return catalog.tokens.revoke_of_user(host_actor(), user->id, options.name);
  }
  auto organization = choose_organization(catalog, options.organization);
  if (!organization) return propagate(organization);
  return catalog.tokens.revoke(host_actor(), organization->id, options.name);
}

Result<void> create_token(const CreateTokenOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto token = mint(*stores->catalog, options, clock);
  if (!token) return propagate(token, "create token");
  return print_secret_line(*token);
}

Result<void> list_tokens(const ListTokensOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto tokens = tokens_to_list(*stores->catalog, options);
  if (!tokens) return propagate(tokens, "list tokens");
  return print(options.json ? tokens_json(*tokens) : tokens_table(*tokens));
}

Result<void> revoke_token(const RevokeTokenOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto revoked = revoke(*stores->catalog, options);
  if (!revoked) return propagate(revoked, "revoke token '" + options.name + "'");
  note("token '" + options.name + "' is refused from now on");
  return {};
}

// The tokens of an organization, or of a user.
template <typename Options>
void add_owner(const DeclaredCommand<Options>& command) {
  const DeclaredOption user =
      command.option("--user", command->user, "NAME", "the tokens of this user");
  user.excludes(add_organization(command));
}

}  // namespace

void declare_token(const Declarations& declare) {
  const Declarations group = declare.group(
      "token", "Manage tokens, with which people use the REST API and the official CLI",
      {.examples = {{"secret-control-plane token create ci", "A member's token, for a pipeline"},
                    {"secret-control-plane token create dashboard --role viewer --expires 90d",
                     "A token that only reads, for 90 days"},
                    {"secret-control-plane token create laptop --user ada", "A user's token"},
                    {"secret-control-plane token revoke ci", "Refuse it from now on"}},
       .reading = {{"docs/OPERATIONS.md", "Tokens and credentials"}}});

  const auto create = group.command("create", "Make a token, and print it once", create_token);
  create.argument("name", create->name, "what the token is for");
  const DeclaredOption role = add_role(create);
  create
      .option("--user", create->user, "NAME",
              "make a token of this user, for all of the user's organizations or the one of "
              "--organization; without it, a token of the organization")
      .excludes(role);
  add_expires(create);
  add_organization(create);

  const auto list = group.command(
      "list", "Print the names, roles and times of tokens, never the tokens", list_tokens);
  add_json(list);
  add_owner(list);

  const auto revoke = group.command("revoke", "Refuse a token from now on", revoke_token);
  revoke.argument("name", revoke->name, "the token's name");
  add_owner(revoke);
}

}  // namespace agent_secrets::control_plane

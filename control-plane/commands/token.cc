#include "control-plane/commands/token.h"

#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/commands/admin.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

json::value text_or_null(std::string_view text) {
  return text.empty() ? json::value(nullptr) : json::value(json::string(text.data(), text.size()));
}

std::string_view role_of(const Token& token) {
  return token.role ? to_string(*token.role) : std::string_view();
}

std::string tokens_json(const std::vector<Token>& tokens) {
  json::array rows;
  for (const Token& token : tokens) {
    rows.push_back(json::object{
        {"name", token.name},
        {"role", text_or_null(role_of(token))},
        {"user", text_or_null(token.user)},
        {"organization", text_or_null(token.organization)},
        {"createdAt", format_timestamp(token.created_at)},
        {"revokedAt",
         text_or_null(token.revoked_at ? format_timestamp(*token.revoked_at) : std::string())}});
  }
  return json_line(rows);
}

std::string tokens_table(const std::vector<Token>& tokens) {
  std::vector<TableRow> rows{{"NAME", "ROLE", "USER", "ORGANIZATION", "CREATED", "REVOKED"}};
  for (const Token& token : tokens) {
    rows.push_back({token.name, or_dash(role_of(token)), or_dash(token.user),
                    token.organization.empty() ? "all of the user's" : token.organization,
                    format_timestamp(token.created_at), format_or_dash(token.revoked_at)});
  }
  return format_table(rows);
}

// Of a user, for one of the organizations that the user is a member of, or for all.
Result<SecretBuffer> mint_user_token(Catalog& catalog, const TokenCreateOptions& options) {
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
  auto added = catalog.tokens.add_for_user(user->id, organization, options.name,
                                           hash_bearer(token.expose_text()));
  if (!added) return propagate(added);
  return token;
}

Result<SecretBuffer> mint(Catalog& catalog, const TokenCreateOptions& options) {
  if (!options.user.empty()) return mint_user_token(catalog, options);
  auto organization = choose_organization(catalog, options.organization);
  if (!organization) return propagate(organization);
  return mint_token(catalog, *organization, options.name, parse_role(options.role));
}

Result<std::vector<Token>> tokens_to_list(Catalog& catalog, const TokenListOptions& options) {
  if (!options.user.empty()) {
    auto user = choose_user(catalog, options.user);
    if (!user) return propagate(user);
    return catalog.tokens.list_of_user(user->id);
  }
  auto organization = choose_organization(catalog, options.organization);
  if (!organization) return propagate(organization);
  return catalog.tokens.list(organization->id);
}

Result<void> revoke(Catalog& catalog, const TokenRevokeOptions& options) {
  if (!options.user.empty()) {
    auto user = choose_user(catalog, options.user);
    if (!user) return propagate(user);
    return catalog.tokens.revoke_of_user(user->id, options.name);
  }
  auto organization = choose_organization(catalog, options.organization);
  if (!organization) return propagate(organization);
  return catalog.tokens.revoke(organization->id, options.name);
}

}  // namespace

Result<SecretBuffer> mint_token(Catalog& catalog, const Organization& organization,
                                std::string_view name, Role role) {
  SecretBuffer token = mint_bearer(kTokenPrefix);
  auto added = catalog.tokens.add(organization.id, name, role, hash_bearer(token.expose_text()));
  if (!added) return propagate(added);
  return token;
}

Result<void> create_token(const TokenCreateOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto token = mint(*stores->catalog, options);
  if (!token) return propagate(token, "create token");
  return print_secret_line(*token);
}

Result<void> list_tokens(const TokenListOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto tokens = tokens_to_list(*stores->catalog, options);
  if (!tokens) return propagate(tokens, "list tokens");
  return print(options.json ? tokens_json(*tokens) : tokens_table(*tokens));
}

Result<void> revoke_token(const TokenRevokeOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto revoked = revoke(*stores->catalog, options);
  if (!revoked) return propagate(revoked, "revoke token '" + options.name + "'");
  note("token '" + options.name + "' is refused from now on");
  return {};
}

}  // namespace agent_secrets::control_plane

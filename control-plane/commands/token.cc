#include "control-plane/commands/token.h"

#include <array>
#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <sodium.h>

#include "control-plane/commands/admin.h"
#include "core/encoding.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

constexpr std::size_t kTokenBytes = 32;

std::string tokens_json(const std::vector<Token>& tokens) {
  json::array rows;
  for (const Token& token : tokens) {
    const std::string_view role = to_string(token.role);
    rows.push_back(json::object{
        {"name", token.name},
        {"role", json::string_view(role.data(), role.size())},
        {"createdAt", format_timestamp(token.created_at)},
        {"revokedAt", token.revoked_at ? json::value(format_timestamp(*token.revoked_at))
                                       : json::value(nullptr)}});
  }
  return json::serialize(rows) + "\n";
}

}  // namespace

Result<SecretBuffer> mint_token(Catalog& catalog, const Organization& organization,
                                std::string_view name, Role role) {
  std::string text = "pcc_pat_" + random_token(kTokenBytes);
  SecretBuffer token = SecretBuffer::copy_of(text);
  wipe_memory(text.data(), text.size());
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), token.expose().data(), token.size());
  auto added = catalog.add_token(organization.id, name, role, digest);
  if (!added) return propagate(added);
  return token;
}

Result<void> create_token(const TokenCreateOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  auto token = mint_token(*stores->catalog, *organization, options.name,
                          options.role == "admin" ? Role::admin : Role::member);
  if (!token) return propagate(token, "create token");
  if (auto printed = print(token->expose_text()); !printed) return printed;
  return print("\n");
}

Result<void> list_tokens(const TokenListOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  auto tokens = stores->catalog->list_tokens(organization->id);
  if (!tokens) return propagate(tokens, "list tokens");
  if (options.json) return print(tokens_json(*tokens));
  std::vector<std::vector<std::string>> rows{{"NAME", "ROLE", "CREATED", "REVOKED"}};
  for (const Token& token : *tokens) {
    rows.push_back({token.name, std::string(to_string(token.role)),
                    format_timestamp(token.created_at),
                    token.revoked_at ? format_timestamp(*token.revoked_at) : "-"});
  }
  return print(format_table(rows));
}

Result<void> revoke_token(const TokenRevokeOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  auto revoked = stores->catalog->revoke_token(organization->id, options.name);
  if (!revoked) return propagate(revoked, "revoke token '" + options.name + "'");
  note("token '" + options.name + "' is refused from now on");
  return {};
}

}  // namespace agent_secrets::control_plane

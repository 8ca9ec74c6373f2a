#include "control-plane/commands/credential.h"

#include <algorithm>
#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/catalog/public_urls.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"
#include "control-plane/fleet/last_uses.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kConfirmWait{5'000};
constexpr std::chrono::milliseconds kConfirmPoll{50};

struct CaOptions {
  DataOptions data;
  std::string file;     // empty: print the recorded certificates
  bool forget = false;  // record none
};

struct ListCredentialsOptions {
  DataOptions data;
  std::string organization;
  std::string agent;
  bool json = false;
};

struct RevokeCredentialOptions {
  DataOptions data;
  std::string organization;
  std::string agent;
  std::string kid;
};

// Without a confirmation the command fails: until its region has the revocation, the region still
// answers requests of the credential.
Result<void> require_revoked(OpenedOrganization& opened, const std::string& agent,
                             const std::string& kid, Clock& clock) {
  auto confirmed = wait_for_region(opened, agent, kid, clock);
  if (!confirmed) return propagate(confirmed);
  if (!*confirmed) {
    return fail(
        ErrorCode::timed_out,
        "credential " + kid + " of agent '" + agent +
            "' is marked revoked, but its region has not confirmed",
        "Start secret-control-plane serve, which tells the region; until then credential list "
        "shows it as pending.");
  }
  note("credential " + kid + " of agent '" + agent + "' is revoked");
  return {};
}

std::string state(const CredentialRecord& record, const Clock& clock) {
  const bool has_expired = record.terms.expires_at && *record.terms.expires_at <= clock.unix_time();
  const std::string meant = has_expired ? "expired" : record.revoked_at ? "revoked" : "active";
  return record.confirmed ? meant : meant + " (pending)";
}

std::string last_use(const LastUses& uses, const std::string& kid) {
  return uses.is_known(kid) ? format_or_dash(uses.of(kid)) : "unknown";
}

std::string credentials_table(const std::vector<CredentialRecord>& records, const LastUses& uses,
                              const Clock& clock) {
  std::vector<TableRow> rows{
      {"KEY ID", "LABEL", "PURPOSE", "MADE BY", "CREATED", "EXPIRES", "LAST USED", "STATE"}};
  for (const CredentialRecord& record : records) {
    rows.push_back({record.kid, or_dash(record.terms.label),
                    std::string(to_string(record.terms.purpose)), or_dash(record.made_by),
                    format_timestamp(record.created_at), format_or_dash(record.terms.expires_at),
                    last_use(uses, record.kid), state(record, clock)});
  }
  return format_table(rows);
}

// Leaves out lastUsedAt if the last use is unknown: null means "never".
std::string credentials_json(const std::vector<CredentialRecord>& records, const LastUses& uses) {
  json::array rows;
  for (const CredentialRecord& record : records) {
    rows.push_back(json::object{{"kid", record.kid},
                                {"agent", record.agent},
                                {"purpose", to_string(record.terms.purpose)},
                                {"label", record.terms.label},
                                {"madeBy", record.made_by},
                                {"createdAt", format_timestamp(record.created_at)},
                                {"expiresAt", time_or_null(record.terms.expires_at)},
                                {"revokedAt", time_or_null(record.revoked_at)},
                                {"confirmed", record.confirmed}});
    if (!uses.is_known(record.kid)) continue;
    rows.back().as_object()["lastUsedAt"] = time_or_null(uses.of(record.kid));
  }
  return json_line(rows);
}

Result<void> keep_credential_ca(const CaOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  Catalog& catalog = *stores->catalog;
  if (options.file.empty() && !options.forget) {
    auto recorded = recorded_ca(catalog);
    if (!recorded) return propagate(recorded);
    if (!recorded->empty()) return print(*recorded);
    note("no certificates are recorded: agents trust those of their system");
    return {};
  }
  auto pem = options.forget ? Result<std::string>(std::string()) : read_ca_file(options.file);
  if (!pem) return propagate(pem);
  if (auto kept = record_ca(catalog, host_actor(), *pem); !kept) return kept;
  note(options.forget
           ? "no certificates go into credentials from now on: agents trust their system's"
           : "these certificates go into every credential from now on");
  note("hint: Credentials that were issued before stay as they are.");
  return {};
}

LastUses uses_of(OpenedOrganization& opened) {
  std::vector<RegionStore*> stores;
  stores.reserve(opened.stores.regions.size());
  for (auto& [code, region] : opened.stores.regions) stores.push_back(region.store.get());
  LastUses uses = read_last_uses(stores, opened.organization.name);
  uses.are_all = uses.are_all && opened.stores.unreachable.empty();
  return uses;
}

Result<void> list_credentials(const ListCredentialsOptions& options, const Clock& clock) {
  auto opened = open_organization(options.data, options.organization, clock);
  if (!opened) return propagate(opened);
  auto records = opened->stores.catalog->credentials.list(opened->organization.id, options.agent);
  if (!records) return propagate(records, "list credentials");
  const LastUses uses = uses_of(*opened);
  if (!uses.are_all) note("the store of a region cannot be read: some last uses are not known");
  if (options.json) return print(credentials_json(*records, uses));
  return print(credentials_table(*records, uses, clock));
}

Result<void> revoke_credential(const RevokeCredentialOptions& options, Clock& clock) {
  auto opened = open_organization(options.data, options.organization, clock);
  if (!opened) return propagate(opened);
  auto revoked = opened->stores.catalog->credentials.revoke(host_actor(), opened->organization.id,
                                                            options.agent, options.kid);
  if (!revoked) return propagate(revoked, "revoke credential " + options.kid);
  return require_revoked(*opened, options.agent, options.kid, clock);
}

void declare_ca(const Declarations& group) {
  const auto authority = group.command(
      "ca", "Print or record the certificates that every new credential carries",
      keep_credential_ca,
      {.examples = {{"secret-control-plane credential ca authority.pem", "Record them"},
                    {"secret-control-plane credential ca", "Print them"}}});
  const DeclaredOption file =
      authority
          .optional_argument("file", authority->file,
                             "the certificates, PEM; without it, print the recorded ones")
          .takes("FILE");
  authority
      .flag("--forget", authority->forget, "record none: agents trust their system's certificates")
      .excludes(file);
}

}  // namespace

Result<bool> wait_for_region(OpenedOrganization& opened, const std::string& agent,
                             const std::string& kid, Clock& clock) {
  const auto deadline = clock.monotonic() + kConfirmWait;
  for (;;) {
    auto records = opened.stores.catalog->credentials.list(opened.organization.id, agent);
    if (!records) return propagate(records);
    const auto found = std::ranges::find(*records, kid, &CredentialRecord::kid);
    if (found != records->end() && found->confirmed) return true;
    if (clock.monotonic() >= deadline) return false;
    clock.sleep_for(kConfirmPoll);
  }
}

void declare_credential(const Declarations& declare) {
  const Declarations group = declare.group(
      "credential", "Manage credentials, with which an agent's containers get their secrets",
      {.examples = {{"secret-control-plane credential issue my-bot --output my-bot.credential",
                     "Make a credential"},
                    {"secret-control-plane credential list my-bot", "Print the key ids"},
                    {"secret-control-plane credential revoke my-bot KID",
                     "Refuse one at its next request"}},
       .reading = {{"docs/OPERATIONS.md", "Public URLs; Tokens and credentials"}}});
  declare_credential_issue(group);
  declare_credential_register(group);
  declare_ca(group);

  const auto list = group.command(
      "list", "Print the key ids of an agent's credentials, and their state", list_credentials);
  list.argument("agent", list->agent, "the agent");
  add_json(list);
  add_organization(list);

  const auto revoke =
      group.command("revoke", "Refuse a credential from its next request on", revoke_credential);
  revoke.argument("agent", revoke->agent, "the agent");
  revoke.argument("kid", revoke->kid, "the key id that `credential list` shows");
  add_organization(revoke);
}

}  // namespace agent_secrets::control_plane

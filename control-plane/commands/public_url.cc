#include "control-plane/commands/public_url.h"

#include <algorithm>
#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "control-plane/commands/admin.h"
#include "control-plane/public_urls.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;
using Urls = std::vector<std::string>;

bool contains(const Urls& urls, const std::string& url) {
  return std::ranges::find(urls, url) != urls.end();
}

struct Change {
  Urls before;  // what new credentials name now
  Urls after;
};

// The URLs of a credential that are accepted now and would not be any more. One of a release that
// did not remember its URLs is taken to name the present ones.
Result<Urls> lost_urls(Catalog& catalog, const Change& change, const std::string& kid) {
  auto named = credential_urls(catalog, kid);
  if (!named) return named;
  if (named->empty()) named = change.before;
  std::erase_if(*named, [&change](const std::string& url) {
    return !contains(change.before, url) || contains(change.after, url);
  });
  return named;
}

// Rows of a table: organization, agent, key id, URLs.
Result<std::vector<TableRow>> broken_credentials(Catalog& catalog, const Change& change) {
  std::vector<TableRow> rows;
  auto organizations = catalog.organizations.list();
  if (!organizations) return propagate(organizations);
  for (const Organization& organization : *organizations) {
    auto agents = catalog.agents.list(organization.id);
    if (!agents) return propagate(agents);
    for (const Agent& agent : *agents) {
      auto credentials = catalog.credentials.list(organization.id, agent.name);
      if (!credentials) return propagate(credentials);
      for (const CredentialRecord& credential : *credentials) {
        if (credential.revoked_at) continue;
        auto lost = lost_urls(catalog, change, credential.kid);
        if (!lost) return propagate(lost);
        if (lost->empty()) continue;
        rows.push_back({organization.name, agent.name, credential.kid,
                        fmt::format("{}", fmt::join(*lost, " "))});
      }
    }
  }
  return rows;
}

std::string urls_json(const Urls& urls, bool are_recorded) {
  const json::object object{{"urls", json::array(urls.begin(), urls.end())},
                            {"recorded", are_recorded}};
  return json::serialize(object) + "\n";
}

}  // namespace

Result<void> show_public_urls(const PublicUrlShowOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto recorded = recorded_public_urls(*stores->catalog);
  if (!recorded) return propagate(recorded);
  auto urls = public_urls(*stores->catalog);
  if (!urls) return propagate(urls);
  if (options.json) return print(urls_json(*urls, !recorded->empty()));
  if (recorded->empty()) {
    note("no public URL is recorded: credentials name what serve last went by");
  }
  return print(fmt::format("{}\n", fmt::join(*urls, "\n")));
}

Result<void> set_public_urls(const PublicUrlSetOptions& options, const Clock& clock) {
  auto wanted = normalise_urls(options.urls);
  if (!wanted) return propagate(wanted);
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  Catalog& catalog = *stores->catalog;
  auto before = public_urls(catalog);
  if (!before) return propagate(before);
  const Change change{.before = std::move(*before), .after = std::move(*wanted)};

  auto broken = broken_credentials(catalog, change);
  if (!broken) return propagate(broken, "look for credentials");
  if (!broken->empty()) {
    const std::size_t count = broken->size();
    broken->insert(broken->begin(), {"ORGANIZATION", "AGENT", "KEY ID", "NAMES"});
    std::string table = format_table(*broken);
    if (table.ends_with('\n')) table.pop_back();
    note(table);
    if (!options.yes) {
      return fail(ErrorCode::conflict,
                  fmt::format("{} a URL that would be refused from then on (wrong-audience)",
                              count == 1 ? "1 live credential names"
                                         : fmt::format("{} live credentials name", count)),
                  "Keep the old URL beside the new one (public-url set NEW OLD), issue these "
                  "credentials again, then set the new one alone; or give --yes.");
    }
  }
  if (auto recorded = record_public_urls(catalog, change.after); !recorded) {
    return propagate(recorded, "record the public URLs");
  }
  note(
      fmt::format("public URLs are {}\nhint: Restart secret-control-plane serve, if it runs: it "
                  "accepts what was recorded when it started.",
                  fmt::join(change.after, ", ")));
  return {};
}

}  // namespace agent_secrets::control_plane

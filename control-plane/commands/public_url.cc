// `public-url show` and `public-url set`: the recorded URLs with which agents reach this control
// plane.
// A credential names base URLs, and a request that it signs for another URL is refused
// (`wrong-audience`). Therefore `set` first prints which live credentials a change would break, and
// requires --yes.

#include <algorithm>
#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "control-plane/catalog/public_urls.h"
#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"

namespace agent_secrets::control_plane {
namespace {

struct ShowOptions {
  DataOptions data;
  bool json = false;
};

struct SetOptions {
  DataOptions data;
  std::vector<std::string> urls;
  bool yes = false;  // also when live credentials break
};

namespace json = boost::json;
using Urls = std::vector<std::string>;

bool contains(const Urls& urls, const std::string& url) {
  return std::ranges::find(urls, url) != urls.end();
}

struct Change {
  Urls before;  // what new credentials name now
  Urls after;
};

// The URLs of a credential that are accepted now and would be refused after the change. Old
// releases did not record the URLs of a credential: it is taken to name the present URLs.
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

Result<void> show_public_urls(const ShowOptions& options, const Clock& clock) {
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

Result<void> set_public_urls(const SetOptions& options, const Clock& clock) {
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
  if (auto recorded = record_public_urls(catalog, host_actor(), change.after); !recorded) {
    return propagate(recorded, "record the public URLs");
  }
  note(
      fmt::format("public URLs are {}\nhint: Restart secret-control-plane serve, if it runs: it "
                  "accepts what was recorded when it started.",
                  fmt::join(change.after, ", ")));
  return {};
}

}  // namespace

void declare_public_url(const Declarations& declare) {
  const Declarations group = declare.group(
      "public-url", "Manage the URLs of this control plane that credentials name",
      {.examples = {{"secret-control-plane public-url show", "Print the URLs"},
                    {"secret-control-plane public-url set https://new.example.com:7710 "
                     "https://old.example.com:7710",
                     "Take both while agents move to the new one"}},
       .reading = {{"docs/OPERATIONS.md", "Public URLs"}}});
  add_json(group.command("show", "Print the recorded URLs", show_public_urls));

  const auto set = group.command(
      "set", "Replace the recorded URLs; refused while a live credential names a URL that would go",
      set_public_urls);
  set.arguments("urls", set->urls, "all URLs; those that are left out are removed").takes("URL");
  set.flag("--yes", set->yes, "also when instances with live credentials would be refused");
}

}  // namespace agent_secrets::control_plane

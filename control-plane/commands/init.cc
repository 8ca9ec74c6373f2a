// `init`: a catalog with one organization, one region and one admin token, all or nothing.
//
// Everything is made beside its place, and moved into place last (first_catalog.h). Until then
// there is no catalog, and init can be run again.

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "control-plane/catalog/public_urls.h"
#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/first_catalog.h"
#include "control-plane/commands/groups.h"
#include "control-plane/commands/init_files.h"
#include "control-plane/data.h"
#include "control-plane/keys/key_file.h"
#include "control-plane/keys/master_key.h"
#include "core/printable.h"

namespace agent_secrets::control_plane {
namespace {

namespace fs = std::filesystem;

struct InitOptions {
  DataOptions data;
  std::string organization;
  std::vector<std::string> public_urls;
  std::string ca_file;      // recorded for credentials; empty: none
  std::string region_name;  // as people see the first region; empty: its code
  std::string env_file;     // empty: agent-secrets.env beside the master key
};

constexpr std::string_view kRegion = "us-west";
constexpr std::string_view kFirstToken = "first-admin";
constexpr std::string_view kDefaultUrl = "http://127.0.0.1:7710";

fs::path env_file(const InitOptions& options) {
  if (!options.env_file.empty()) return options.env_file;
  const fs::path beside = options.data.master_key_file.empty()
                              ? fs::path(options.data.data_directory).lexically_normal()
                              : fs::path(options.data.master_key_file);
  return beside.parent_path() / "agent-secrets.env";
}

Result<void> refuse_env_file(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return {};
  return fail(ErrorCode::conflict, path.string() + " already exists",
              "move it away, or choose another with --env-file");
}

// A key file that exists already (made by hand, or mounted) is used.
Result<MasterKey> obtain_master_key(const DataOptions& options, Undo& undo) {
  const std::string& path = options.master_key_file;
  std::error_code ignored;
  if (!options.master_key_command.empty() || has_key_variable(kMasterKeyVariable) ||
      fs::exists(path, ignored)) {
    return load_master_key(options);
  }
  if (auto made = make_parents(path, undo); !made) return propagate(made);
  auto key = MasterKey::create_file(path);
  if (!key) return propagate(key, "master key");
  undo.add(path);
  return key;
}

// The URLs and certificates with which agents reach this control plane, from the options.
struct Reach {
  std::vector<std::string> urls;
  std::string ca_pem;
};

Result<Reach> read_reach(const InitOptions& options) {
  auto urls = normalise_urls(options.public_urls);
  if (!urls) return propagate(urls);
  Reach reach{.urls = std::move(*urls), .ca_pem = {}};
  if (options.ca_file.empty()) return reach;
  auto ca = read_ca_file(options.ca_file);
  if (!ca) return propagate(ca);
  reach.ca_pem = std::move(*ca);
  return reach;
}

Result<SecretBuffer> fill(StorePlace& place, const MasterKey& master_key,
                          const InitOptions& options, const Reach& reach, const Clock& clock) {
  auto created = create_stores(place, master_key, clock);
  if (!created) return propagate(created);
  Catalog& catalog = *created->catalog;
  const std::string_view region_name =
      options.region_name.empty() ? kRegion : std::string_view(options.region_name);
  auto region = catalog.regions.add(
      host_actor(), {.code = std::string(kRegion), .display_name = std::string(region_name)});
  if (!region) return propagate(region);
  auto organization = catalog.organizations.create(host_actor(), options.organization,
                                                   options.organization, kRegion);
  if (!organization) return propagate(organization);
  if (auto kept = record_public_urls(catalog, host_actor(), reach.urls); !kept)
    return propagate(kept);
  if (auto kept = record_ca(catalog, host_actor(), reach.ca_pem); !kept) return propagate(kept);
  auto token = mint_token(catalog, *organization, kFirstToken, Role::admin);
  if (!token) return propagate(token);
  // Opening creates the keys and the store of the new region, and checks that they can be read.
  created->catalog.reset();
  auto opened = open_stores(place, master_key, clock);
  if (!opened) return propagate(opened);
  if (auto made = opened->region(std::string(kRegion)); !made) return propagate(made);
  return token;
}

std::string shell_quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

// For `. agent-secrets.env`. None of the three values can hold a quote.
Result<void> write_env_file(const fs::path& path, const std::string& host,
                            const std::string& organization, const SecretBuffer& token) {
  SecretBuffer text = SecretBuffer::copy_of(
      "# Settings of the official `pipecat cloud` CLI: . " + printable(path.filename().string()) +
      "\nexport PIPECAT_API_HOST=" + shell_quoted(host) +
      "\nexport PIPECAT_ORG=" + shell_quoted(organization) +
      "\nexport PIPECAT_TOKEN=" + std::string(token.size(), ' ') + "\n");
  const std::span<std::uint8_t> bytes = text.expose();
  std::ranges::copy(token.expose(), bytes.end() - 1 - static_cast<std::ptrdiff_t>(token.size()));
  return write_private_file(path, text.expose_text());
}

// Fails if a catalog or the settings file exists already, and then leaves no file behind.
Result<void> create_data(const InitOptions& options, const Clock& clock) {
  auto reach = read_reach(options);
  if (!reach) return propagate(reach);

  Result<std::unique_ptr<FirstCatalog>> first;  // has the lock until everything is undone
  Undo undo;
  first = first_catalog_of(options.data, undo);
  if (!first) return propagate(first);
  if (auto free = refuse_env_file(env_file(options)); !free) return free;
  auto master_key = obtain_master_key(options.data, undo);
  if (!master_key) return propagate(master_key);
  auto token = fill((*first)->place(), *master_key, options, *reach, clock);
  if (!token) return propagate(token, "init");
  const std::string host = reach->urls.empty() ? std::string(kDefaultUrl) : reach->urls.front();
  if (auto made = make_parents(env_file(options), undo); !made) return made;
  auto written = write_env_file(env_file(options), host, options.organization, *token);
  if (!written) return written;
  undo.add(env_file(options));
  if (auto moved = put_in_place(**first, undo); !moved) return moved;

  // Absolute, because a shell looks for `. name` in its PATH.
  const std::string settings = fs::absolute(env_file(options)).string();
  note("organization '" + options.organization +
       "' is ready; its first admin token, which is also in " + settings + ":");
  if (auto printed = print_secret_line(*token); !printed) return printed;
  note("next: secret-control-plane serve ..., then: . " + settings);
  return {};
}

}  // namespace

void declare_init(const Declarations& declare) {
  const auto init = declare.command(
      "init", "Create a catalog with an organization and its first token", create_data,
      {.examples =
           {{"secret-control-plane init --data-dir data --master-key-file master.key "
             "--organization acme",
             "For a try on this machine"},
            {"secret-control-plane init --data-dir /var/lib/agent-secrets \\\n"
             "      --master-key-file /etc/agent-secrets/master.key --organization acme \\\n"
             "      --public-url https://secrets.example.com:7710",
             "For agents on other machines"},
            {"secret-control-plane init --master-key-file /etc/agent-secrets/master.key \\\n"
             "      --database 'postgresql://me@db.example.com/secrets?sslrootcert=/etc/ca.pem' "
             "\\\n"
             "      --organization acme --public-url https://secrets.example.com:7710",
             "In PostgreSQL, for any number of servers"}},
       .text = "Prints an admin token of the organization once. Writes it, with the other settings "
               "of the official CLI, to a file that a shell can source.",
       .reading = {{"docs/OPERATIONS.md", "Set up; backup; what to watch"}}});
  init.option("--organization", init->organization, "NAME", "its name, as in URLs").required();
  init.option("--public-url", init->public_urls, "URL",
              "a URL under which agents reach this control plane");
  init.option("--ca", init->ca_file, "FILE",
              "certificates that agents trust instead of their system's; recorded, and put into "
              "every credential");
  init.option("--region-name", init->region_name, "TEXT",
              "the display name of the first region, whose code is us-west")
      .shows_default("us-west");
  init.option("--env-file", init->env_file, "FILE", "the file for the settings of the official CLI")
      .shows_default("agent-secrets.env beside the master key");
}

}  // namespace agent_secrets::control_plane

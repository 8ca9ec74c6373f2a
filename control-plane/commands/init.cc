// `init`: a data directory with one organization, one region and one admin token, all or nothing.
//
// Everything is made in a staging directory inside the data directory, and the catalog is moved
// into place last. Until then there is no catalog, and init can be run again.

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"
#include "control-plane/data_directory.h"
#include "control-plane/public_urls.h"
#include "core/printable.h"
#include "core/unique_fd.h"

namespace agent_secrets::control_plane {
namespace {

struct InitOptions {
  DataOptions data;
  std::string organization;
  std::vector<std::string> public_urls;
  std::string ca_file;      // recorded for credentials; empty: none
  std::string region_name;  // as people see the first region; empty: its code
  std::string env_file;     // empty: agent-secrets.env beside the master key
};

namespace fs = std::filesystem;

constexpr std::string_view kRegion = "us-west";
constexpr std::string_view kFirstToken = "first-admin";
constexpr std::string_view kDefaultUrl = "http://127.0.0.1:7710";
constexpr std::string_view kCatalogFile = "catalog.db";

// Removes what was made so far, unless the end was reached.
class Undo {
 public:
  Undo() = default;
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo() {
    std::error_code ignored;  // nothing more can be done about it
    for (const auto& [path, is_parent] : made_) {
      is_parent ? (void)fs::remove(path, ignored) : (void)fs::remove_all(path, ignored);
    }
  }
  void add(fs::path path) { made_.insert(made_.begin(), {std::move(path), false}); }
  // Removed only while it is empty: others may have put something there meanwhile.
  void add_parent(fs::path path) { made_.insert(made_.begin(), {std::move(path), true}); }
  void forget() { made_.clear(); }

 private:
  std::vector<std::pair<fs::path, bool>> made_;  // the newest first
};

std::unexpected<Error> file_failure(std::string_view what, const fs::path& path,
                                    const std::error_code& error) {
  return fail(ErrorCode::failed, std::string(what) + " " + path.string() + ": " + error.message());
}

fs::path env_file(const InitOptions& options) {
  if (!options.env_file.empty()) return options.env_file;
  const fs::path beside = options.data.master_key_file.empty()
                              ? fs::path(options.data.data_directory).lexically_normal()
                              : fs::path(options.data.master_key_file);
  return beside.parent_path() / "agent-secrets.env";
}

// weakly_canonical leaves a relative path whose beginning does not exist, and a trailing slash, as
// they are.
fs::path plain(const fs::path& path) {
  std::error_code ignored;
  const fs::path absolute = fs::weakly_canonical(fs::absolute(path, ignored), ignored);
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

bool is_inside(const fs::path& directory, const std::string& file) {
  if (file.empty()) return false;
  const fs::path outer = plain(directory);
  const auto [end, unused] = std::ranges::mismatch(outer, plain(file));
  return end == outer.end();
}

Result<void> refuse_what_exists(const InitOptions& options) {
  const fs::path directory = options.data.data_directory;
  std::error_code ignored;
  if (fs::exists(directory / kCatalogFile, ignored)) {
    return fail(ErrorCode::conflict, directory.string() + " already holds a catalog",
                "use it with serve, or choose another --data-dir");
  }
  if (fs::exists(env_file(options), ignored)) {
    return fail(ErrorCode::conflict, env_file(options).string() + " already exists",
                "move it away, or choose another with --env-file");
  }
  if (is_inside(directory, options.data.master_key_file)) {
    return fail(ErrorCode::invalid, "the master key file is inside the data directory",
                "keep it elsewhere: whoever copies the one must not get the other");
  }
  return {};
}

// A fresh volume is often 0755. A directory that holds other files keeps the mode that it has.
Result<void> make_private(const fs::path& directory) {
  std::error_code error;
  const bool empty = fs::is_empty(directory, error);
  if (!error && empty) fs::permissions(directory, fs::perms::owner_all, error);
  if (error) return file_failure("open data directory", directory, error);
  return {};
}

// Makes the directories above a file or directory that are missing, for this user alone.
Result<void> make_parents(const fs::path& path, Undo& undo) {
  std::error_code ignored;  // what cannot be looked at cannot be made, and mkdir says why
  std::vector<fs::path> missing;
  for (fs::path parent = plain(path).parent_path();
       parent.has_relative_path() && !fs::exists(parent, ignored); parent = parent.parent_path()) {
    missing.insert(missing.begin(), parent);
  }
  for (const fs::path& directory : missing) {
    if (::mkdir(directory.c_str(), 0700) == 0) {
      undo.add_parent(directory);
    } else if (errno != EEXIST) {
      return fail(ErrorCode::failed, "create " + directory.string() + ": " + errno_message(errno),
                  "choose --data-dir, --master-key-file and --env-file in directories that this "
                  "user may write to, or run this as root");
    }
  }
  return {};
}

Result<void> make_data_directory(const fs::path& directory, Undo& undo) {
  if (auto made = make_parents(directory, undo); !made) return made;
  if (::mkdir(directory.c_str(), 0700) == 0) {
    undo.add(directory);
    return {};
  }
  if (errno == EEXIST) {
    if (auto ours = check_owner_of_directory(directory); !ours) return ours;
    if (auto made = make_private(directory); !made) return made;
    return check_data_directory(directory);
  }
  return fail(ErrorCode::failed,
              "create data directory " + directory.string() + ": " + errno_message(errno),
              "choose a --data-dir whose parent this user may write to");
}

// A key that is there already (made by hand, or mounted) is used.
Result<MasterKey> obtain_master_key(const std::string& path, Undo& undo) {
  std::error_code ignored;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before there is another thread
  if (std::getenv("AGENT_SECRETS_MASTER_KEY") != nullptr || fs::exists(path, ignored)) {
    return MasterKey::load(path);
  }
  if (auto made = make_parents(path, undo); !made) return propagate(made);
  auto key = MasterKey::create_file(path);
  if (key) undo.add(path);
  return key;
}

// How agents reach this control plane, as the options say.
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

Result<SecretBuffer> fill(const std::string& directory, const MasterKey& master_key,
                          const InitOptions& options, const Reach& reach, const Clock& clock) {
  auto created = create_stores(directory, master_key, clock);
  if (!created) return propagate(created);
  Catalog& catalog = *created->catalog;
  const std::string_view region_name =
      options.region_name.empty() ? kRegion : std::string_view(options.region_name);
  auto region =
      catalog.add_region({.code = std::string(kRegion), .display_name = std::string(region_name)});
  if (!region) return propagate(region);
  auto organization =
      catalog.create_organization(options.organization, options.organization, kRegion);
  if (!organization) return propagate(organization);
  if (auto kept = record_public_urls(catalog, reach.urls); !kept) return propagate(kept);
  if (auto kept = remember_ca(catalog, reach.ca_pem); !kept) return propagate(kept);
  auto token = mint_token(catalog, *organization, kFirstToken, Role::admin);
  if (!token) return propagate(token);
  // Opening creates what the new region needs, and shows that all of it can be read.
  created->catalog.reset();
  auto opened = open_stores(directory, master_key, clock);
  if (!opened) return propagate(opened);
  return token;
}

Result<void> sync_directory(const fs::path& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.is_open() && ::fsync(fd.get()) == 0) return {};
  return fail(ErrorCode::failed, "fsync " + directory.string() + ": " + errno_message(errno));
}

Result<void> move_into_place(const fs::path& staging, const fs::path& directory) {
  std::error_code error;
  std::vector<fs::path> names;
  for (const auto& entry : fs::directory_iterator(staging, error)) {
    if (entry.path().filename() != kCatalogFile) names.push_back(entry.path().filename());
  }
  if (error) return file_failure("read", staging, error);
  names.emplace_back(kCatalogFile);
  for (const fs::path& name : names) {
    fs::rename(staging / name, directory / name, error);
    if (error) return file_failure("move into place", directory / name, error);
  }
  fs::remove(staging, error);
  if (error) return file_failure("remove", staging, error);
  return sync_directory(directory);
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

// Fails without a trace where a catalog or the settings file exists already.
Result<void> create_data(const InitOptions& options, const Clock& clock) {
  auto reach = read_reach(options);
  if (!reach) return propagate(reach);
  if (auto free = refuse_what_exists(options); !free) return free;

  Undo undo;
  const fs::path directory = options.data.data_directory;
  if (auto made = make_data_directory(directory, undo); !made) return made;
  auto master_key = obtain_master_key(options.data.master_key_file, undo);
  if (!master_key) return propagate(master_key, "master key");
  const fs::path staging = directory / ".init";
  std::error_code ignored;
  fs::remove_all(staging, ignored);  // of an init that was killed
  undo.add(staging);
  auto token = fill(staging, *master_key, options, *reach, clock);
  if (!token) return propagate(token, "init");
  const std::string host = reach->urls.empty() ? std::string(kDefaultUrl) : reach->urls.front();
  if (auto made = make_parents(env_file(options), undo); !made) return made;
  auto written = write_env_file(env_file(options), host, options.organization, *token);
  if (!written) return written;
  undo.add(env_file(options));
  if (auto moved = move_into_place(staging, directory); !moved) return moved;
  undo.forget();

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
      "init", "Create a data directory, an organization and its first token", create_data,
      {.examples =
           {{"secret-control-plane init --data-dir data --master-key-file master.key "
             "--organization acme",
             "For a try on this machine"},
            {"secret-control-plane init --data-dir /var/lib/agent-secrets \\\n"
             "      --master-key-file /etc/agent-secrets/master.key --organization acme \\\n"
             "      --public-url https://secrets.example.com:7710",
             "For agents on other machines"}},
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

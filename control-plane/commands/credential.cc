// `credential issue | register | ca | list | revoke`: what an agent's containers open their secrets
// with. `issue` makes the seed, prints it once and does not keep it: the catalog gets its two
// public keys. `register` takes the public half of a seed that was made elsewhere (`secret-injector
// keygen`), and prints the public JSON that completes it to a credential.

#include "core/credential.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <span>
#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>
#include <sodium.h>

#include "control-plane/catalog/rules.h"
#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"
#include "control-plane/public_urls.h"
#include "core/encoding.h"
#include "core/json_reader.h"
#include "core/limits.h"
#include "core/printable.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

struct IssueOptions {
  DataOptions data;
  std::string organization;
  std::string agent;
  std::vector<std::string> urls;
  std::string ca_file;      // empty: the recorded one
  bool system_ca = false;   // none, also when one is recorded
  std::string output_file;  // empty: standard output
};

struct RegisterOptions {
  DataOptions data;
  std::string organization;
  std::string agent;
  std::string public_half_file;  // "-": standard input
  std::vector<std::string> urls;
  std::string ca_file;
  bool system_ca = false;
};

struct CaOptions {
  DataOptions data;
  std::string file;     // empty: print the recorded certificates
  bool forget = false;  // record none
};

struct ListOptions {
  DataOptions data;
  std::string organization;
  std::string agent;
  bool json = false;
};

struct RevokeOptions {
  DataOptions data;
  std::string organization;
  std::string agent;
  std::string kid;
};

constexpr std::size_t kSeedBytes = 32;
constexpr std::size_t kKeyIdBytes = 12;
constexpr std::size_t kPublicHalfBytes = 4096;
constexpr std::chrono::milliseconds kConfirmWait{5'000};
constexpr std::chrono::milliseconds kConfirmPoll{50};

struct Opened {
  Stores stores;
  Organization organization;
};

Result<Opened> open(const DataOptions& data, const std::string& organization, const Clock& clock) {
  auto stores = open_data(data, clock);
  if (!stores) return propagate(stores);
  auto chosen = choose_organization(*stores->catalog, organization);
  if (!chosen) return propagate(chosen);
  return Opened{.stores = std::move(*stores), .organization = std::move(*chosen)};
}

struct PublicHalf {
  std::string kid;
  CredentialPublicKeys keys;
};

template <std::size_t Size>
std::array<std::uint8_t, Size> read_key(const JsonObject& object, std::string_view name) {
  std::array<std::uint8_t, Size> key{};
  const auto bytes = base64url_decode(object.text(name, kPublicHalfBytes));
  if (bytes && bytes->size() == Size) {
    std::ranges::copy(*bytes, key.begin());
  } else {
    object.refuse(name, "not a key in base64url");
  }
  return key;
}

// A key that nobody has the other half of, or that everybody has.
bool are_usable(const CredentialPublicKeys& keys) {
  std::array<std::uint8_t, crypto_box_SEALBYTES> sealed{};
  return crypto_core_ed25519_is_valid_point(keys.signing.data()) == 1 &&
         crypto_box_seal(sealed.data(), nullptr, 0, keys.box.data()) == 0;
}

// {"kid", "signing_key", "box_key"}, as `secret-injector keygen` prints it.
Result<PublicHalf> parse_public_half(std::string_view text) {
  JsonDocument document(text, kPublicHalfBytes);
  const JsonObject root = document.root();
  PublicHalf half{.kid = std::string(root.text("kid", limits::kKeyIdMax)), .keys = {}};
  half.keys.signing = read_key<crypto_sign_PUBLICKEYBYTES>(root, "signing_key");
  half.keys.box = read_key<crypto_box_PUBLICKEYBYTES>(root, "box_key");
  if (auto read = document.finish(); !read) return propagate(read);
  if (!are_usable(half.keys)) return fail(ErrorCode::invalid, "no keys that can be used");
  return half;
}

Result<PublicHalf> read_public_half(const std::string& path) {
  const std::string name = path == "-" ? "standard input" : path;
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& input = path == "-" ? std::cin : file;
  if (path != "-" && !file.is_open()) {
    return fail(ErrorCode::failed, "read " + name + ": " + errno_message(errno),
                "give the file that secret-injector keygen was printed into");
  }
  std::string text(kPublicHalfBytes + 1, '\0');
  input.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(input.gcount()));
  auto half = parse_public_half(text);
  if (!half) {
    half.error().hint = "give what secret-injector keygen printed, not the file that it wrote";
    return propagate(half, name);
  }
  return half;
}

// The URLs that go into the credential; warns of one that no server will accept.
Result<std::vector<std::string>> choose_urls(Catalog& catalog,
                                             const std::vector<std::string>& wanted) {
  auto served = public_urls(catalog);
  if (!served || wanted.empty()) return served;
  auto urls = normalise_urls(wanted);
  if (!urls) return urls;
  for (const std::string& url : *urls) {
    if (std::ranges::find(*served, url) != served->end()) continue;
    note(fmt::format(
        "warning: {0} is not a recorded public URL: until serve runs with --public-url {0}, or "
        "public-url set records it, requests with this credential are refused",
        url));
  }
  return urls;
}

// The certificates that go into the credential.
Result<std::string> choose_ca(Catalog& catalog, const auto& options) {
  if (options.system_ca) return std::string();
  return options.ca_file.empty() ? recorded_ca(catalog) : read_ca_file(options.ca_file);
}

// Of IssueOptions or RegisterOptions.
Result<CredentialIdentity> make_identity(Opened& opened, const auto& options,
                                         const std::string& kid) {
  // Before the hint below: no deploy makes an agent of a name that is not allowed.
  if (auto ok = check_agent_name(options.agent); !ok) return propagate(ok);
  auto agent = opened.stores.catalog->find_agent(opened.organization.id, options.agent);
  if (!agent) return propagate(agent);
  if (!*agent) {
    return fail(ErrorCode::not_found, "no agent '" + options.agent + "'",
                "Deploy it first: pipecat cloud deploy " + options.agent + " IMAGE.");
  }
  auto urls = choose_urls(*opened.stores.catalog, options.urls);
  if (!urls) return propagate(urls);
  auto ca = choose_ca(*opened.stores.catalog, options);
  if (!ca) return propagate(ca);
  const auto region = opened.stores.regions.find((*agent)->region);
  if (region == opened.stores.regions.end()) {
    return fail(ErrorCode::failed, "region " + (*agent)->region + " is not in this data directory");
  }
  return CredentialIdentity{.urls = std::move(*urls),
                            .organization = opened.organization.name,
                            .agent = options.agent,
                            .kid = kid,
                            .verification_keys = region->second.signing_keys.verification_keys,
                            .ca_pem = std::move(*ca)};
}

// Before the credential is registered: one whose URLs are not known must not become live.
Result<void> remember_urls(Opened& opened, const CredentialIdentity& identity) {
  return remember_credential_urls(*opened.stores.catalog, identity.kid, identity.urls);
}

// False: not within kConfirmWait.
Result<bool> wait_for_region(Opened& opened, const std::string& agent, const std::string& kid,
                             Clock& clock) {
  const auto deadline = clock.monotonic() + kConfirmWait;
  for (;;) {
    auto records = opened.stores.catalog->list_credentials(opened.organization.id, agent);
    if (!records) return propagate(records);
    const auto found = std::ranges::find(*records, kid, &CredentialRecord::kid);
    if (found != records->end() && found->confirmed) return true;
    if (clock.monotonic() >= deadline) return false;
    clock.sleep_for(kConfirmPoll);
  }
}

// A credential that is issued works once its region knows it, which may be later.
Result<void> report_issued(Opened& opened, const std::string& agent, const std::string& kid,
                           Clock& clock) {
  auto confirmed = wait_for_region(opened, agent, kid, clock);
  if (!confirmed) return propagate(confirmed);
  if (*confirmed) {
    note("credential " + kid + " of agent '" + agent + "' is active");
  } else {
    note("credential " + kid + " of agent '" + agent +
         "' is not yet active: its region has not confirmed\n"
         "hint: Is the server running? It will tell the region.");
  }
  return {};
}

// Until its region knows, a revoked credential goes on opening bundles: that is no success.
Result<void> require_revoked(Opened& opened, const std::string& agent, const std::string& kid,
                             Clock& clock) {
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

Result<void> hand_over(const SecretBuffer& credential, const std::string& output_file) {
  if (!output_file.empty()) return write_private_file(output_file, credential.expose_text());
  if (auto printed = print(credential.expose_text()); !printed) return printed;
  return print("\n");
}

std::string state(const CredentialRecord& record) {
  const std::string meant = record.revoked_at ? "revoked" : "active";
  return record.confirmed ? meant : meant + " (pending)";
}

std::string credentials_json(const std::vector<CredentialRecord>& records) {
  json::array rows;
  for (const CredentialRecord& record : records) {
    rows.push_back(json::object{
        {"kid", record.kid},
        {"agent", record.agent},
        {"createdAt", format_timestamp(record.created_at)},
        {"revokedAt", record.revoked_at ? json::value(format_timestamp(*record.revoked_at))
                                        : json::value(nullptr)},
        {"confirmed", record.confirmed}});
  }
  return json_line(rows);
}

Result<void> issue_credential(const IssueOptions& options, Clock& clock) {
  auto opened = open(options.data, options.organization, clock);
  if (!opened) return propagate(opened);
  auto identity = make_identity(*opened, options, "ak_" + random_token(kKeyIdBytes));
  if (!identity) return propagate(identity);

  SecretBuffer seed(kSeedBytes);
  randombytes_buf(seed.expose().data(), seed.size());
  const std::span<const std::uint8_t, kSeedBytes> fixed(seed.expose().data(), kSeedBytes);
  const SecretBuffer credential = agent_credential_text(*identity, fixed);
  // Handed over first: a credential that nobody has must not be registered.
  if (auto given = hand_over(credential, options.output_file); !given) return given;
  if (auto kept = remember_urls(*opened, *identity); !kept) return kept;
  auto added = opened->stores.catalog->add_credential(opened->organization.id, options.agent,
                                                      identity->kid, credential_public_keys(fixed));
  if (!added) return propagate(added, "register the credential");
  return report_issued(*opened, options.agent, identity->kid, clock);
}

Result<void> register_credential(const RegisterOptions& options, Clock& clock) {
  auto half = read_public_half(options.public_half_file);
  if (!half) return propagate(half);
  auto opened = open(options.data, options.organization, clock);
  if (!opened) return propagate(opened);
  auto identity = make_identity(*opened, options, half->kid);
  if (!identity) return propagate(identity);
  if (auto kept = remember_urls(*opened, *identity); !kept) return kept;
  auto added = opened->stores.catalog->add_credential(opened->organization.id, options.agent,
                                                      half->kid, half->keys);
  if (!added) return propagate(added, "register the credential");
  if (auto printed = print(printable_json(identity_json(*identity)) + "\n"); !printed)
    return printed;
  return report_issued(*opened, options.agent, half->kid, clock);
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
  if (auto kept = remember_ca(catalog, *pem); !kept) return kept;
  note(options.forget
           ? "no certificates go into credentials from now on: agents trust their system's"
           : "these certificates go into every credential from now on");
  note("hint: Credentials that were issued before stay as they are.");
  return {};
}

Result<void> list_credentials(const ListOptions& options, const Clock& clock) {
  auto opened = open(options.data, options.organization, clock);
  if (!opened) return propagate(opened);
  auto records = opened->stores.catalog->list_credentials(opened->organization.id, options.agent);
  if (!records) return propagate(records, "list credentials");
  if (options.json) return print(credentials_json(*records));
  std::vector<TableRow> rows{{"KEY ID", "CREATED", "STATE"}};
  for (const CredentialRecord& record : *records) {
    rows.push_back({record.kid, format_timestamp(record.created_at), state(record)});
  }
  return print(format_table(rows));
}

Result<void> revoke_credential(const RevokeOptions& options, Clock& clock) {
  auto opened = open(options.data, options.organization, clock);
  if (!opened) return propagate(opened);
  auto revoked = opened->stores.catalog->revoke_credential(opened->organization.id, options.agent,
                                                           options.kid);
  if (!revoked) return propagate(revoked, "revoke credential " + options.kid);
  return require_revoked(*opened, options.agent, options.kid, clock);
}

// What a credential tells the instances about the control plane.
template <typename Options>
void add_identity(const DeclaredCommand<Options>& command) {
  constexpr const char* kGroup = "In the credential";
  command
      .option("--url", command->urls, "URL",
              "a URL under which this agent reaches the control plane; without it, the recorded "
              "public URLs")
      .in_group(kGroup);
  const DeclaredOption ca =
      command
          .option("--ca", command->ca_file, "FILE",
                  "certificates to trust instead of the system's; without it, those that init or "
                  "`credential ca` recorded")
          .in_group(kGroup);
  command
      .flag("--system-ca", command->system_ca,
            "trust the system's certificates, not the recorded ones")
      .excludes(ca)
      .in_group(kGroup);
}

void declare_issue(const Declarations& group) {
  const auto issue = group.command(
      "issue", "Make a credential, and print it once", issue_credential,
      {.examples = {{"secret-control-plane credential issue my-bot --output my-bot.credential",
                     "Mount the file into the agent's container"},
                    {"secret-control-plane credential issue my-bot --output my-bot.credential \\\n"
                     "      --url https://10.0.0.5:7710",
                     "For an agent that reaches the control plane by another URL"}},
       .reading = {{"docs/deploy/README.md", "How a credential gets into a container"}}});
  issue.argument("agent", issue->agent, "the agent; it may be deployed later");
  add_identity(issue);
  issue.option("--output", issue->output_file, "FILE",
               "write the credential to this file, mode 0600, instead of printing it");
  add_organization(issue);
}

void declare_register(const Declarations& group) {
  const auto enrol = group.command(
      "register",
      "Register a key of `secret-injector keygen`, and print what its credential needs besides",
      register_credential,
      {.examples = {{"secret-injector keygen bot.seed > bot.public",
                     "Where the agent runs; the secret stays there"},
                    {"secret-control-plane credential register my-bot bot.public > bot.identity",
                     "Where the control plane runs"}},
       .reading = {{"docs/injector.md", "Bring your own key"}}});
  enrol.argument("agent", enrol->agent, "the agent");
  enrol
      .argument("public-half", enrol->public_half_file,
                "the file with the output of keygen; - reads standard input")
      .takes("FILE");
  add_identity(enrol);
  add_organization(enrol);
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

void declare_credential(const Declarations& declare) {
  const Declarations group = declare.group(
      "credential", "Manage credentials, with which an agent's containers get their secrets",
      {.examples = {{"secret-control-plane credential issue my-bot --output my-bot.credential",
                     "Make a credential"},
                    {"secret-control-plane credential list my-bot", "Print the key ids"},
                    {"secret-control-plane credential revoke my-bot KID",
                     "Refuse one at its next request"}},
       .reading = {{"docs/OPERATIONS.md", "Public URLs; Tokens and credentials"}}});
  declare_issue(group);
  declare_register(group);
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

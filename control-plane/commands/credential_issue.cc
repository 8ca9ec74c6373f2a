// `credential issue | register`. `issue` makes the seed, prints it once and does not keep it: the
// catalog gets its two public keys. `register` takes the public half of a seed that was made
// elsewhere (`secret-injector keygen`), and prints the public JSON that completes it to a
// credential.

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sodium.h>

#include "control-plane/catalog/public_urls.h"
#include "control-plane/catalog/rules.h"
#include "control-plane/commands/credential.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/public_half.h"
#include "core/credential.h"
#include "core/encoding.h"
#include "core/printable.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::size_t kSeedBytes = 32;
constexpr std::size_t kKeyIdBytes = 12;

struct IssueOptions {
  DataOptions data;
  std::string organization;
  std::string agent;
  std::vector<std::string> urls;
  std::string ca_file;      // empty: the recorded certificates
  bool system_ca = false;   // no certificates, even if some are recorded
  std::string output_file;  // empty: standard output
  std::string label;
  std::uint64_t expires_s = 0;  // 0: never
};

struct RegisterOptions {
  DataOptions data;
  std::string organization;
  std::string agent;
  std::string public_half_file;  // "-": standard input
  std::vector<std::string> urls;
  std::string ca_file;
  bool system_ca = false;
  std::string label;
  std::uint64_t expires_s = 0;
};

// The URLs that go into the credential. Warns of a URL that no server accepts yet.
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

// `options` is an IssueOptions or a RegisterOptions.
Result<CredentialIdentity> make_identity(OpenedOrganization& opened, const auto& options,
                                         const std::string& kid) {
  // Checked before the hint below, because no deploy makes an agent whose name is not allowed.
  if (auto ok = check_agent_name(options.agent); !ok) return propagate(ok);
  auto agent = opened.stores.catalog->agents.find(opened.organization.id, options.agent);
  if (!agent) return propagate(agent);
  if (!*agent) {
    return fail(ErrorCode::not_found, "no agent '" + options.agent + "'",
                "Deploy it first: pipecat cloud deploy " + options.agent + " IMAGE.");
  }
  auto urls = choose_urls(*opened.stores.catalog, options.urls);
  if (!urls) return propagate(urls);
  auto ca = choose_ca(*opened.stores.catalog, options);
  if (!ca) return propagate(ca);
  auto region = opened.stores.region((*agent)->region);
  if (!region) return propagate(region);
  return CredentialIdentity{.urls = std::move(*urls),
                            .organization = opened.organization.name,
                            .agent = options.agent,
                            .kid = kid,
                            .verification_keys = (*region)->signing_keys->now()->verification_keys,
                            .ca_pem = std::move(*ca)};
}

CredentialTerms terms_of(const auto& options, const Clock& clock) {
  return {.label = options.label, .expires_at = expiry_after(options.expires_s, clock)};
}

// Call it before the credential is registered: public-url set must know the URLs of every live
// credential.
Result<void> remember_urls(OpenedOrganization& opened, const CredentialIdentity& identity) {
  return remember_credential_urls(*opened.stores.catalog, identity.kid, identity.urls);
}

// An issued credential works once its region has it. That may be after the command has ended.
Result<void> report_issued(OpenedOrganization& opened, const std::string& agent,
                           const std::string& kid, Clock& clock) {
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

Result<void> hand_over(const SecretBuffer& credential, const std::string& output_file) {
  if (!output_file.empty()) return write_private_file(output_file, credential.expose_text());
  if (auto printed = print(credential.expose_text()); !printed) return printed;
  return print("\n");
}

Result<void> issue_credential(const IssueOptions& options, Clock& clock) {
  auto opened = open_organization(options.data, options.organization, clock);
  if (!opened) return propagate(opened);
  auto identity = make_identity(*opened, options, "ak_" + random_token(kKeyIdBytes));
  if (!identity) return propagate(identity);

  SecretBuffer seed(kSeedBytes);
  randombytes_buf(seed.expose().data(), seed.size());
  const std::span<const std::uint8_t, kSeedBytes> fixed(seed.expose().data(), kSeedBytes);
  const SecretBuffer credential = agent_credential_text(*identity, fixed);
  // The file is written before the credential is registered: a credential that could not be written
  // must not become live.
  if (auto given = hand_over(credential, options.output_file); !given) return given;
  if (auto kept = remember_urls(*opened, *identity); !kept) return kept;
  auto added = opened->stores.catalog->credentials.add(
      host_actor(), opened->organization.id, options.agent, identity->kid,
      credential_public_keys(fixed), terms_of(options, clock));
  if (!added) return propagate(added, "register the credential");
  return report_issued(*opened, options.agent, identity->kid, clock);
}

Result<void> register_credential(const RegisterOptions& options, Clock& clock) {
  auto half = read_public_half(options.public_half_file);
  if (!half) return propagate(half);
  auto opened = open_organization(options.data, options.organization, clock);
  if (!opened) return propagate(opened);
  auto identity = make_identity(*opened, options, half->kid);
  if (!identity) return propagate(identity);
  if (auto kept = remember_urls(*opened, *identity); !kept) return kept;
  auto added =
      opened->stores.catalog->credentials.add(host_actor(), opened->organization.id, options.agent,
                                              half->kid, half->keys, terms_of(options, clock));
  if (!added) return propagate(added, "register the credential");
  if (auto printed = print(printable_json(identity_json(*identity)) + "\n"); !printed)
    return printed;
  return report_issued(*opened, options.agent, half->kid, clock);
}

// The part of a credential that describes the control plane to the instances.
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

template <typename Options>
void add_terms(const DeclaredCommand<Options>& command) {
  command.option("--label", command->label, "TEXT", "a name for people, shown in lists");
  add_expires(command);
}

}  // namespace

void declare_credential_issue(const Declarations& credential) {
  const auto issue = credential.command(
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
  add_terms(issue);
  add_organization(issue);
}

void declare_credential_register(const Declarations& credential) {
  const auto enrol = credential.command(
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
  add_terms(enrol);
  add_organization(enrol);
}

}  // namespace agent_secrets::control_plane

// credential.

#include "control-plane/command-line/declarations.h"

namespace agent_secrets::control_plane {
namespace {

// What a credential tells the instances about the control plane.
template <typename T>
void add_identity(const Declarations::Declared<T>& command) {
  constexpr const char* kGroup = "In the credential";
  command.app
      ->add_option("--url", command.options->urls,
                   "a URL under which this agent reaches the control plane; without it, the "
                   "recorded public URLs")
      ->type_name("URL")
      ->allow_extra_args(false)  // one each time, or it would swallow the agent's name
      ->group(kGroup);
  CLI::Option* ca = command.app->add_option(
      "--ca", command.options->ca_file,
      "certificates to trust instead of the system's; without it, those that init or "
      "`credential ca` recorded");
  ca->type_name("FILE")->group(kGroup);
  command.app
      ->add_flag("--system-ca", command.options->system_ca,
                 "trust the system's certificates, not the recorded ones")
      ->excludes(ca)
      ->group(kGroup);
}

void declare_issue(Declarations& declare, CLI::App* group) {
  const auto issue = declare.command<CredentialIssueOptions>(
      group, "issue", "Make a credential, and print it once",
      {.examples = {{"secret-control-plane credential issue my-bot --output my-bot.credential",
                     "Mount the file into the agent's container"},
                    {"secret-control-plane credential issue my-bot --output my-bot.credential \\\n"
                     "      --url https://10.0.0.5:7710",
                     "For an agent that reaches the control plane by another URL"}},
       .reading = {{"docs/deploy/README.md", "How a credential gets into a container"}}});
  issue.app->add_option("agent", issue.options->agent, "the agent; it may be deployed later")
      ->required();
  add_identity(issue);
  issue.app
      ->add_option("--output", issue.options->output_file,
                   "write the credential to this file, mode 0600, instead of printing it")
      ->type_name("FILE");
  add_organization(issue);
}

void declare_register(Declarations& declare, CLI::App* group) {
  const auto enrol = declare.command<CredentialRegisterOptions>(
      group, "register",
      "Register a key of `secret-injector keygen`, and print what its credential needs besides",
      {.examples = {{"secret-injector keygen bot.seed > bot.public",
                     "Where the agent runs; the secret stays there"},
                    {"secret-control-plane credential register my-bot bot.public > bot.identity",
                     "Where the control plane runs"}},
       .reading = {{"docs/injector.md", "Bring your own key"}}});
  enrol.app->add_option("agent", enrol.options->agent, "the agent")->required();
  enrol.app
      ->add_option("public-half", enrol.options->public_half_file,
                   "the file with the output of keygen; - reads standard input")
      ->type_name("FILE")
      ->required();
  add_identity(enrol);
  add_organization(enrol);
}

void declare_ca(Declarations& declare, CLI::App* group) {
  const auto authority = declare.command<CredentialCaOptions>(
      group, "ca", "Print or record the certificates that every new credential carries",
      {.examples = {{"secret-control-plane credential ca authority.pem", "Record them"},
                    {"secret-control-plane credential ca", "Print them"}}});
  CLI::Option* file =
      authority.app->add_option("file", authority.options->file,
                                "the certificates, PEM; without it, print the recorded ones");
  file->type_name("FILE");
  authority.app
      ->add_flag("--forget", authority.options->forget,
                 "record none: agents trust their system's certificates")
      ->excludes(file);
}

}  // namespace

void declare_credentials(Declarations& declare) {
  CLI::App* group = declare.group(
      "credential", "Manage credentials, with which an agent's containers get their secrets",
      {.examples = {{"secret-control-plane credential issue my-bot --output my-bot.credential",
                     "Make a credential"},
                    {"secret-control-plane credential list my-bot", "Print the key ids"},
                    {"secret-control-plane credential revoke my-bot KID",
                     "Refuse one at its next request"}},
       .reading = {{"docs/OPERATIONS.md", "Public URLs; Tokens and credentials"}}});
  declare_issue(declare, group);
  declare_register(declare, group);
  declare_ca(declare, group);

  const auto list = declare.command<CredentialListOptions>(
      group, "list", "Print the key ids of an agent's credentials, and their state");
  list.app->add_option("agent", list.options->agent, "the agent")->required();
  add_json(list);
  add_organization(list);

  const auto revoke = declare.command<CredentialRevokeOptions>(
      group, "revoke", "Refuse a credential from its next request on");
  revoke.app->add_option("agent", revoke.options->agent, "the agent")->required();
  revoke.app->add_option("kid", revoke.options->kid, "the key id that `credential list` shows")
      ->required();
  add_organization(revoke);
}

}  // namespace agent_secrets::control_plane

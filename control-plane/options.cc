#include "control-plane/options.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "core/error.h"

namespace agent_secrets::control_plane {
namespace {

constexpr const char* kProgram = "secret-control-plane";

constexpr const char* kDescription =
    "Self-hosted secret sets for Pipecat agents, for the official `pipecat cloud` CLI.\n"
    "\n"
    "First steps:\n"
    "  secret-control-plane init --data-dir data --master-key-file master.key --organization acme\n"
    "  secret-control-plane serve --data-dir data --master-key-file master.key &\n"
    "  . ./agent-secrets.env\n"
    "  pipecat cloud secrets set my-bot-secrets OPENAI_API_KEY=... --skip\n"
    "  secret-control-plane set wait my-bot-secrets ...\n"
    "  pipecat cloud deploy my-bot my-image:1 --secrets my-bot-secrets --yes\n"
    "  secret-control-plane credential issue my-bot --output my-bot.credential ...";

constexpr const char* kFooter =
    "Environment: AGENT_SECRETS_DATA_DIR, AGENT_SECRETS_MASTER_KEY_FILE, or "
    "AGENT_SECRETS_MASTER_KEY\n"
    "(the key itself, base64url). AGENT_SECRETS_LOG=text for a log that people read.\n"
    "Exit codes: 0 done, 1 failed, 2 wrong command line; set wait has more.";

// One subcommand: its options bound to a struct, which becomes the command when it was chosen.
class Parser {
 public:
  Parser() : app_(kDescription, kProgram) {
    app_.footer(kFooter);
    app_.set_version_flag("--version", std::string(kProgram) + " " + AGENT_SECRETS_VERSION);
    app_.require_subcommand(1);
    add_init();
    add_serve();
    add_agent();
    add_organization();
    add_user();
    add_member();
    add_token();
    add_api_key();
    add_credential();
    add_fleet();
    add_set();
    add_region();
    add_image_pull_secret();
    add_public_url();
  }

  std::variant<Command, ExitCode> parse(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return report(error);
    }
    AGENT_SECRETS_ASSERT(chosen_);
    return std::move(*chosen_);
  }

 private:
  ExitCode report(const CLI::ParseError& error) {
    // CLI11 reports help and version as exceptions with exit code 0.
    if (error.get_exit_code() == 0) {
      app_.exit(error);
      return kExitOk;
    }
    const Error wrong{.code = ErrorCode::invalid,
                      .message = error.what(),
                      .hint = "See secret-control-plane --help, also after a command's name."};
    (void)std::fputs(describe(kProgram, wrong).c_str(), stderr);
    return kExitUsage;
  }

  template <typename T>
  std::shared_ptr<T> command(CLI::App* app) {
    auto options = std::make_shared<T>();
    app->add_option("--data-dir", options->data.data_directory, "where the catalog lives")
        ->envname("AGENT_SECRETS_DATA_DIR")
        ->required()
        ->type_name("DIR");
    CLI::Option* key = app->add_option("--master-key-file", options->data.master_key_file,
                                       "the key that protects it; keep it elsewhere");
    key->envname("AGENT_SECRETS_MASTER_KEY_FILE")->type_name("FILE");
    // NOLINTNEXTLINE(concurrency-mt-unsafe): before there is another thread
    if (std::getenv("AGENT_SECRETS_MASTER_KEY") == nullptr) key->required();
    app->callback([this, options] { chosen_ = *options; });
    return options;
  }

  template <typename T>
  static CLI::Option* add_organization(CLI::App* app, const std::shared_ptr<T>& options) {
    return app
        ->add_option("--organization", options->organization, "default: the only one there is")
        ->type_name("NAME");
  }

  void add_init() {
    CLI::App* app =
        app_.add_subcommand("init", "Create a data directory, an organization and its first token");
    const auto options = command<InitOptions>(app);
    app->add_option("--organization", options->organization, "its name, as in paths")
        ->required()
        ->type_name("NAME");
    app->add_option("--public-url", options->public_urls,
                    "how agents reach this control plane (repeatable)")
        ->type_name("URL")
        ->allow_extra_args(false);
    app->add_option(
           "--ca", options->ca_file,
           "certificates that agents trust instead of the system's: recorded, and put into "
           "every credential")
        ->type_name("FILE");
    app->add_option("--region-name", options->region_name,
                    "the first region, us-west, as people see it (default: us-west)")
        ->type_name("TEXT");
    app->add_option("--env-file", options->env_file,
                    "where to write the CLI's settings (default: agent-secrets.env beside the "
                    "master key)")
        ->type_name("FILE");
  }

  void add_serve() {
    CLI::App* app = app_.add_subcommand("serve", "Serve the REST API and the instance API");
    const auto options = command<ServeOptions>(app);
    app->add_option("--listen", options->listen, "address and port")
        ->type_name("HOST:PORT")
        ->capture_default_str();
    CLI::Option* certificate =
        app->add_option("--tls-cert", options->tls_certificate_file, "certificate chain, PEM");
    CLI::Option* key = app->add_option("--tls-key", options->tls_key_file, "its private key, PEM");
    certificate->type_name("FILE")->needs(key);
    key->type_name("FILE")->needs(certificate);
    app->add_option("--public-url", options->public_urls,
                    "how agents reach it in this run, besides the recorded URLs (repeatable; see "
                    "public-url)")
        ->type_name("URL")
        ->allow_extra_args(false);
    app->add_flag("--allow-plain-http", options->allow_plain_http,
                  "without TLS also off loopback; only behind a proxy that does TLS");
    app->add_option("--max-connections", options->max_connections,
                    "most open connections; each running sidecar uses one, and one credential "
                    "or token gets at most four fifths")
        ->type_name("N")
        ->check(CLI::Range(16, 1'000'000))
        ->capture_default_str();
    CLI::Option* on_deploy =
        app->add_option("--on-deploy", options->on_deploy,
                        "run by /bin/sh for each deploy, scaling and deletion, facts in "
                        "AGENT_SECRETS_DEPLOY_...; a deployment is available when it exits 0");
    on_deploy->type_name("COMMAND");
    app->add_option("--on-deploy-timeout", options->on_deploy_timeout_s,
                    "seconds until such a command is ended")
        ->type_name("SEC")
        ->check(CLI::Range(1, 86'400))
        ->capture_default_str()
        ->needs(on_deploy);
  }

  void add_agent() {
    CLI::App* agent = app_.add_subcommand("agent", "Agents, as the API knows them");
    agent->require_subcommand(1);
    CLI::App* events =
        agent->add_subcommand("events", "Deployments, and what the deploy command said");
    const auto options = command<AgentEventsOptions>(events);
    events->add_option("agent", options->agent)->required();
    events->add_flag("--json", options->json, "as JSON");
    add_organization(events, options);

    CLI::App* name = agent->add_subcommand(
        "deploy-name", "What a deploy command calls its target: AGENT_SECRETS_DEPLOY_NAME");
    const auto naming = command<AgentDeployNameOptions>(name);
    name->add_option("agent", naming->agent, "need not be deployed yet")->required();
    add_organization(name, naming);
  }

  void add_token() {
    CLI::App* token = app_.add_subcommand("token", "Tokens of the REST API and the CLI");
    token->require_subcommand(1);

    CLI::App* create = token->add_subcommand("create", "Print a new token, once");
    const auto creating = command<TokenCreateOptions>(create);
    create->add_option("name", creating->name, "what it is for")->required();
    CLI::Option* role = add_role(create, creating);
    create
        ->add_option("--user", creating->user,
                     "a user's token, for all of the user's organizations or the one named; "
                     "default: the organization's own")
        ->type_name("NAME")
        ->excludes(role);
    add_organization(create, creating);

    CLI::App* list = token->add_subcommand("list", "Names and roles; never the tokens");
    const auto listing = command<TokenListOptions>(list);
    list->add_flag("--json", listing->json, "as JSON");
    add_owner(list, listing);

    CLI::App* revoke = token->add_subcommand("revoke", "Refuse a token from now on");
    const auto revoking = command<TokenRevokeOptions>(revoke);
    revoke->add_option("name", revoking->name)->required();
    add_owner(revoke, revoking);
  }

  // Whose tokens: an organization's, or a user's.
  template <typename T>
  static void add_owner(CLI::App* app, const std::shared_ptr<T>& options) {
    app->add_option("--user", options->user, "the tokens of this user")
        ->type_name("NAME")
        ->excludes(add_organization(app, options));
  }

  template <typename T>
  static CLI::Option* add_role(CLI::App* app, const std::shared_ptr<T>& options) {
    return app->add_option("--role", options->role, "admin or member")
        ->check(CLI::IsMember({"admin", "member"}))
        ->capture_default_str();
  }

  void add_organization() {
    CLI::App* organization = app_.add_subcommand("organization", "Manage organizations");
    organization->require_subcommand(1);

    CLI::App* add = organization->add_subcommand("add", "Make another organization");
    const auto adding = command<OrganizationAddOptions>(add);
    add->add_option("name", adding->name, "as in paths")->required();
    add->add_option("--display-name", adding->display_name, "as people see it (default: its name)")
        ->type_name("TEXT");

    CLI::App* remove = organization->add_subcommand(
        "remove", "Remove an organization that has no agents, sets, members, tokens and keys");
    const auto removing = command<OrganizationRemoveOptions>(remove);
    remove->add_option("name", removing->name)->required();

    CLI::App* list = organization->add_subcommand("list", "All organizations");
    const auto listing = command<OrganizationListOptions>(list);
    list->add_flag("--json", listing->json, "as JSON");
    add_allowed_names(organization);
  }

  void add_allowed_names(CLI::App* organization) {
    CLI::App* allow = organization->add_subcommand(
        "allow-name", "Let the organization's secret sets have one reserved name");
    allow->footer(
        "Reserved names decide which code a bot runs or whom it trusts: LD_PRELOAD, PYTHONPATH,\n"
        "SSL_CERT_FILE (docs/reserved-names.md). A bot whose set has one starts only with\n"
        "secret-injector --allow NAME.");
    const auto allowing = command<OrganizationAllowNameOptions>(allow);
    allow->add_option("name", allowing->name, "such as SSL_CERT_FILE")->required();
    allow->add_flag("--remove", allowing->remove,
                    "refuse it in writes from now on; sets that have it keep it");
    add_organization(allow, allowing);

    CLI::App* list =
        organization->add_subcommand("allowed-names", "Reserved names that its sets may have");
    const auto listing = command<OrganizationAllowedNamesOptions>(list);
    list->add_flag("--json", listing->json, "as JSON");
    add_organization(list, listing);
  }

  void add_user() {
    CLI::App* user =
        app_.add_subcommand("user", "Manage people, who can be members of organizations");
    user->require_subcommand(1);

    CLI::App* add = user->add_subcommand("add", "Make a user");
    const auto adding = command<UserAddOptions>(add);
    add->add_option("name", adding->name)->required();
    add->add_option("--email", adding->email, "what `auth whoami` shows")->type_name("ADDRESS");

    CLI::App* remove =
        user->add_subcommand("remove", "Remove a user without memberships and live tokens");
    const auto removing = command<UserRemoveOptions>(remove);
    remove->add_option("name", removing->name)->required();

    CLI::App* list = user->add_subcommand("list", "All users and their memberships");
    const auto listing = command<UserListOptions>(list);
    list->add_flag("--json", listing->json, "as JSON");
  }

  void add_member() {
    CLI::App* member = app_.add_subcommand("member", "Which organizations a user's tokens reach");
    member->require_subcommand(1);

    CLI::App* add = member->add_subcommand("add", "Make a user a member, or change the role");
    const auto adding = command<MemberAddOptions>(add);
    add->add_option("user", adding->user)->required();
    add_role(add, adding);
    add_organization(add, adding);

    CLI::App* remove = member->add_subcommand("remove", "End a membership at the next request");
    const auto removing = command<MemberRemoveOptions>(remove);
    remove->add_option("user", removing->user)->required();
    add_organization(remove, removing);
  }

  void add_api_key() {
    CLI::App* key = app_.add_subcommand("api-key", "Keys of an organization, for programs");
    key->require_subcommand(1);

    CLI::App* create = key->add_subcommand("create", "Print a new key; a private one only once");
    const auto creating = command<ApiKeyCreateOptions>(create);
    create->add_option("name", creating->name, "what it is for")->required();
    create
        ->add_option("--type", creating->type,
                     "private: the REST API, with a member's rights; public: starting sessions")
        ->check(CLI::IsMember({"private", "public"}))
        ->required();
    add_organization(create, creating);

    CLI::App* list = key->add_subcommand("list", "All keys; never a private one itself");
    const auto listing = command<ApiKeyListOptions>(list);
    list->add_flag("--json", listing->json, "as JSON");
    add_organization(list, listing);

    CLI::App* revoke = key->add_subcommand("revoke", "Refuse a key from now on");
    const auto revoking = command<ApiKeyRevokeOptions>(revoke);
    revoke->add_option("id", revoking->id, "as `api-key list` shows it")->required();
    add_organization(revoke, revoking);
  }

  // What a credential tells its instances of the control plane.
  template <typename T>
  static void add_identity(CLI::App* app, const std::shared_ptr<T>& options) {
    app->add_option("--url", options->urls,
                    "how this agent reaches the control plane (default: its public URLs)")
        ->type_name("URL")
        ->allow_extra_args(false);  // one each time, or it would swallow the agent's name
    CLI::Option* ca = app->add_option("--ca", options->ca_file,
                                      "certificates to trust instead of the system's (default: "
                                      "those that init or `credential ca` recorded)");
    ca->type_name("FILE");
    app->add_flag("--system-ca", options->system_ca,
                  "trust the system's certificates, not the recorded ones")
        ->excludes(ca);
  }

  void add_credential() {
    CLI::App* credential =
        app_.add_subcommand("credential", "What an agent's containers open their secrets with");
    credential->require_subcommand(1);

    CLI::App* issue = credential->add_subcommand("issue", "Print a new credential, once");
    const auto issuing = command<CredentialIssueOptions>(issue);
    issue->add_option("agent", issuing->agent)->required();
    add_identity(issue, issuing);
    issue->add_option("--output", issuing->output_file, "write it here, mode 0600, instead")
        ->type_name("FILE");
    add_organization(issue, issuing);

    CLI::App* registering = credential->add_subcommand(
        "register", "Take a key made by `secret-injector keygen`, print what goes with it");
    const auto registered = command<CredentialRegisterOptions>(registering);
    registering->add_option("agent", registered->agent)->required();
    registering
        ->add_option("public-half", registered->public_half_file,
                     "file with what keygen printed; - for standard input")
        ->required();
    add_identity(registering, registered);
    add_organization(registering, registered);

    CLI::App* ca = credential->add_subcommand(
        "ca", "Print or record the certificates that go into every new credential");
    const auto authority = command<CredentialCaOptions>(ca);
    CLI::Option* file =
        ca->add_option("file", authority->file, "PEM; default: print those recorded");
    ca->add_flag("--forget", authority->forget, "record none: agents trust the system's")
        ->excludes(file);

    CLI::App* list = credential->add_subcommand("list", "Key ids and their state");
    const auto listing = command<CredentialListOptions>(list);
    list->add_option("agent", listing->agent)->required();
    list->add_flag("--json", listing->json, "as JSON");
    add_organization(list, listing);

    CLI::App* revoke =
        credential->add_subcommand("revoke", "Refuse a credential at its next request");
    const auto revoking = command<CredentialRevokeOptions>(revoke);
    revoke->add_option("agent", revoking->agent)->required();
    revoke->add_option("kid", revoking->kid, "key id, as `credential list` shows it")->required();
    add_organization(revoke, revoking);
  }

  void add_fleet() {
    CLI::App* app = app_.add_subcommand("fleet", "Instances that were heard of, and what they run");
    const auto options = command<FleetOptions>(app);
    CLI::Option* agent = app->add_option("agent", options->agent, "default: all");
    app->add_option("--region", options->region, "default: all")->type_name("CODE");
    app->add_flag("--json", options->json, "as JSON");
    CLI::Option* forget =
        app->add_option("--forget", options->forget,
                        "an instance of AGENT that you know to be gone (repeatable)")
            ->type_name("INSTANCE")
            ->expected(0, 1)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
            ->allow_extra_args(false)
            ->needs(agent);
    const std::map<std::string, std::uint64_t> units{
        {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86'400}};
    app->add_option("--older-than", options->older_than_s,
                    "with --forget and no INSTANCE: every instance of AGENT that was not heard of "
                    "for so long, such as 1d; one with a live sidecar is kept")
        ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::CASE_SENSITIVE, "DURATION"))
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{3650} * 86'400))
        ->needs(forget);
    app->parse_complete_callback([options, forget] { check_forget(*options, forget->count()); });
    add_organization(app, options);
  }

  // `--forget` takes either INSTANCE or --older-than. Without INSTANCE, CLI11 leaves an empty name,
  // or none. `given` is how often the option was there.
  static void check_forget(const FleetOptions& options, std::size_t given) {
    const auto is_empty = [](const std::string& instance) { return instance.empty(); };
    const bool names_none = std::ranges::all_of(options.forget, is_empty);
    const bool names_all =
        options.forget.size() == given && std::ranges::none_of(options.forget, is_empty);
    if (options.older_than_s > 0 ? names_none : names_all) return;
    throw CLI::ValidationError("--forget", "takes an INSTANCE, or else --older-than DURATION");
  }

  void add_set() {
    CLI::App* set = app_.add_subcommand("set", "Secret sets, as instances hold them");
    set->require_subcommand(1);
    CLI::App* status =
        set->add_subcommand("status", "Who holds which version, and which may be revoked");
    const auto options = command<SetStatusOptions>(status);
    status->add_option("name", options->name)->required();
    status->add_flag("--json", options->json, "as JSON");
    add_organization(status, options);
    add_set_wait(set);
  }

  void add_set_wait(CLI::App* set) {
    CLI::App* wait = set->add_subcommand("wait", "Wait until a set's newest version is ready");
    wait->footer(
        "Image pull secrets too. Says what it sees on a terminal, and in a pipe only what is wrong."
        "\nExit codes: 0 ready, 3 its region could not take it, 4 still pending after the timeout, "
        "1 any other failure, such as a set that is unknown, 2 wrong command line.");
    const auto options = command<SetWaitOptions>(wait);
    wait->add_option("name", options->name)->required();
    const std::map<std::string, std::uint64_t> units{{"s", 1}, {"m", 60}, {"h", 3600}};
    wait->add_option("--timeout", options->timeout_s,
                     "such as 90s, 5m or 1h; 0 looks once (default: 60s)")
        ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::CASE_SENSITIVE, "DURATION"))
        ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{86'400}));
    add_organization(wait, options);
  }

  void add_region() {
    CLI::App* region =
        app_.add_subcommand("region", "Manage regions, in which sets and agents live");
    region->require_subcommand(1);

    CLI::App* add = region->add_subcommand(
        "add", "Make a region with keys and a store of its own; serve offers it once restarted");
    const auto adding = command<RegionAddOptions>(add);
    add->add_option("code", adding->code, "such as eu-central; it cannot be changed")->required();
    add->add_option("--display-name", adding->display_name, "as people see it (default: its code)")
        ->type_name("TEXT");

    CLI::App* rename = region->add_subcommand("rename", "Change what people see; not its code");
    const auto renaming = command<RegionRenameOptions>(rename);
    rename->add_option("code", renaming->code)->required();
    rename->add_option("display-name", renaming->display_name, "as people see it")->required();

    CLI::App* remove = region->add_subcommand(
        "remove", "Remove a region without agents and sets; its store and its keys stay");
    const auto removing = command<RegionRemoveOptions>(remove);
    remove->add_option("code", removing->code)->required();

    CLI::App* list = region->add_subcommand("list", "All regions");
    const auto listing = command<RegionListOptions>(list);
    list->add_flag("--json", listing->json, "as JSON");
  }

  void add_image_pull_secret() {
    CLI::App* secret =
        app_.add_subcommand("image-pull-secret", "What a container platform pulls images with");
    secret->require_subcommand(1);

    CLI::App* render =
        secret->add_subcommand("render", "Print it, decrypted, as a container platform wants it");
    const auto options = command<ImagePullSecretRenderOptions>(render);
    render->add_option("name", options->name)->required();
    render->add_option("--format", options->format, "for docker, podman and Kubernetes")
        ->check(CLI::IsMember({"dockerconfigjson"}))
        ->capture_default_str();
    render
        ->add_option("--output", options->output_file,
                     "write it here, mode 0600, replacing the file, instead")
        ->type_name("FILE");
    render->add_flag("--allow-pending", options->allow_pending,
                     "also when its newest version is not ready");
    add_organization(render, options);
  }

  void add_public_url() {
    CLI::App* app = app_.add_subcommand(
        "public-url", "The recorded URLs of this control plane, which credentials name");
    app->require_subcommand(1);

    CLI::App* show = app->add_subcommand("show", "What a new credential names");
    const auto showing = command<PublicUrlShowOptions>(show);
    show->add_flag("--json", showing->json, "as JSON");

    CLI::App* set = app->add_subcommand(
        "set", "Record other URLs; says which live credentials would be refused");
    const auto setting = command<PublicUrlSetOptions>(set);
    set->add_option("urls", setting->urls, "all of them: what is not given is removed")
        ->required()
        ->type_name("URL...");
    set->add_flag("--yes", setting->yes, "also when live credentials would be refused");
  }

  CLI::App app_;
  std::optional<Command> chosen_;
};

}  // namespace

std::variant<Command, ExitCode> parse_options(int argc, char** argv) {
  return Parser().parse(argc, argv);
}

}  // namespace agent_secrets::control_plane

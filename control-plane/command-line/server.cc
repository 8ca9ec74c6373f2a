// init, serve, public-url.

#include "control-plane/command-line/declarations.h"

namespace agent_secrets::control_plane {
namespace {

constexpr const char* kOperations = "docs/OPERATIONS.md";

void declare_init(Declarations& declare) {
  const auto init = declare.command<InitOptions>(
      declare.program(), "init", "Create a data directory, an organization and its first token",
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
       .reading = {{kOperations, "Set up; backup; what to watch"}}});
  init.app->add_option("--organization", init.options->organization, "its name, as in URLs")
      ->required()
      ->type_name("NAME");
  init.app
      ->add_option("--public-url", init.options->public_urls,
                   "a URL under which agents reach this control plane")
      ->type_name("URL")
      ->allow_extra_args(false);
  init.app
      ->add_option("--ca", init.options->ca_file,
                   "certificates that agents trust instead of their system's; recorded, and put "
                   "into every credential")
      ->type_name("FILE");
  init.app
      ->add_option("--region-name", init.options->region_name,
                   "the display name of the first region, whose code is us-west")
      ->type_name("TEXT")
      ->default_str("us-west");
  init.app
      ->add_option("--env-file", init.options->env_file,
                   "the file for the settings of the official CLI")
      ->type_name("FILE")
      ->default_str("agent-secrets.env beside the master key");
}

void add_tls(const Declarations::Declared<ServeOptions>& serve) {
  constexpr const char* kGroup = "Connections";
  ServeOptions& options = *serve.options;
  serve.app->add_option("--listen", options.listen, "the address and port")
      ->type_name("HOST:PORT")
      ->capture_default_str()
      ->group(kGroup);
  CLI::Option* certificate = serve.app->add_option("--tls-cert", options.tls_certificate_file,
                                                   "the certificate chain, PEM; read again on "
                                                   "SIGHUP");
  CLI::Option* key = serve.app->add_option("--tls-key", options.tls_key_file,
                                           "the private key of the certificate, PEM");
  certificate->type_name("FILE")->needs(key)->group(kGroup);
  key->type_name("FILE")->needs(certificate)->group(kGroup);
  serve.app
      ->add_option("--public-url", options.public_urls,
                   "a URL under which agents reach this server, besides the recorded ones "
                   "(public-url set)")
      ->type_name("URL")
      ->allow_extra_args(false)
      ->group(kGroup);
  serve.app
      ->add_flag("--allow-plain-http", options.allow_plain_http,
                 "serve without TLS on other addresses than loopback; only behind a proxy that "
                 "does TLS")
      ->group(kGroup);
  help::between(serve.app->add_option("--max-connections", options.max_connections,
                                      "the maximum number of open connections; each running "
                                      "sidecar uses one, and one credential or token gets at most "
                                      "four fifths of them"),
                16, 1'000'000, "N")
      ->capture_default_str()
      ->group(kGroup);
}

void declare_serve(Declarations& declare) {
  constexpr const char* kGroup = "On deploy";
  const auto serve = declare.command<ServeOptions>(
      declare.program(), "serve", "Serve the REST API and the instance API",
      {.examples = {{"secret-control-plane serve --data-dir data --master-key-file master.key",
                     "For a try on this machine"},
                    {"secret-control-plane serve --listen 0.0.0.0:7710 \\\n"
                     "      --tls-cert server.pem --tls-key server.key",
                     "With TLS; the data is named by the environment"}},
       .reading = {{kOperations, "Certificates, on deploy, backup, what to watch"},
                   {"docs/limits.md", "What one organization may keep"}}});
  add_tls(serve);
  CLI::Option* on_deploy = serve.app->add_option(
      "--on-deploy", serve.options->on_deploy,
      "run this command by /bin/sh for each deploy, scaling and deletion, with facts in "
      "AGENT_SECRETS_DEPLOY_ variables; a deployment is available when it exits 0");
  on_deploy->type_name("COMMAND")->group(kGroup);
  help::between(serve.app->add_option("--on-deploy-timeout", serve.options->on_deploy_timeout_s,
                                      "end such a command after so many seconds"),
                1, 86'400, "SECONDS")
      ->capture_default_str()
      ->needs(on_deploy)
      ->group(kGroup);
}

void declare_public_url(Declarations& declare) {
  CLI::App* group = declare.group(
      "public-url", "Manage the URLs of this control plane that credentials name",
      {.examples = {{"secret-control-plane public-url show", "Print the URLs"},
                    {"secret-control-plane public-url set https://new.example.com:7710 "
                     "https://old.example.com:7710",
                     "Take both while agents move to the new one"}},
       .reading = {{kOperations, "Public URLs"}}});
  add_json(declare.command<PublicUrlShowOptions>(group, "show", "Print the recorded URLs"));

  const auto set = declare.command<PublicUrlSetOptions>(
      group, "set",
      "Replace the recorded URLs; refused while a live credential names a URL that would go");
  set.app->add_option("urls", set.options->urls, "all URLs; those that are left out are removed")
      ->required()
      ->type_name("URL");
  set.app->add_flag("--yes", set.options->yes,
                    "also when instances with live credentials would be refused");
}

}  // namespace

void declare_server(Declarations& declare) {
  declare_init(declare);
  declare_serve(declare);
  declare_public_url(declare);
}

}  // namespace agent_secrets::control_plane

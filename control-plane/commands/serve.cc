// `serve`: the work is in control-plane/serve.h.

#include "control-plane/serve.h"

#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"
#include "control-plane/serve_region_node.h"
#include "core/log.h"

namespace agent_secrets::control_plane {
namespace {

Result<void> serve_with_log(const ServeOptions& options, const Clock& clock) {
  const Log log = Log::from_environment("secret-control-plane", LogLevel::info, LogFormat::json);
  return options.data.only_region.empty() ? serve(options, clock, log)
                                          : serve_region_node(options, clock, log);
}

void add_connections(const DeclaredCommand<ServeOptions>& serve) {
  constexpr const char* kGroup = "Connections";
  serve
      .option("--listen", serve->listen, "ADDRESS",
              "HOST:PORT, or unix:PATH for a Unix socket (plain HTTP); can be given several times. "
              "With systemd's socket activation, the sockets of the unit are used besides")
      .shows_default("127.0.0.1:7710 without sockets of systemd")
      .in_group(kGroup);
  serve.option("--socket-mode", serve->socket_mode, "MODE", "the mode of Unix sockets, octal")
      .in_group(kGroup);
  const DeclaredOption certificate = serve
                                         .option("--tls-cert", serve->tls_certificate_file, "FILE",
                                                 "the certificate chain, PEM; read again on SIGHUP")
                                         .in_group(kGroup);
  const DeclaredOption key = serve
                                 .option("--tls-key", serve->tls_key_file, "FILE",
                                         "the private key of the certificate, PEM")
                                 .in_group(kGroup);
  certificate.needs(key);
  key.needs(certificate);
  serve
      .option("--public-url", serve->public_urls, "URL",
              "a URL under which agents reach this server, besides the recorded ones "
              "(public-url set)")
      .in_group(kGroup);
  serve
      .flag("--allow-plain-http", serve->allow_plain_http,
            "serve without TLS on other addresses than loopback; only behind a proxy that "
            "does TLS")
      .in_group(kGroup);
  serve
      .number("--max-connections", serve->max_connections, {.least = 16, .most = 1'000'000}, "N",
              "the maximum number of open connections; each running sidecar uses one, and one "
              "credential or token gets at most four fifths of them")
      .in_group(kGroup);
}

DeclaredOption add_region_node(const DeclaredCommand<ServeOptions>& serve) {
  constexpr const char* kGroup = "Region node";
  const DeclaredOption only_region =
      serve
          .option("--only-region", serve->data.only_region, "CODE",
                  "serve only the instances of this region, without a catalog and a master key; "
                  "needs --region-keys, and --region-database or --data-dir")
          .in_group(kGroup);
  serve
      .option("--region-keys", serve->data.region_keys_file, "FILE",
              "the file with the region's keys, written by region export-keys "
              "[$AGENT_SECRETS_REGION_KEYS: its content]")
      .needs(only_region)
      .in_group(kGroup);
  return only_region;
}

void add_on_deploy(const DeclaredCommand<ServeOptions>& serve, DeclaredOption only_region) {
  constexpr const char* kGroup = "On deploy";
  const DeclaredOption on_deploy =
      serve
          .option("--on-deploy", serve->on_deploy, "COMMAND",
                  "run this command by /bin/sh for each deploy, scaling and deletion, with facts "
                  "in AGENT_SECRETS_DEPLOY_ variables; a deployment is available when it exits 0")
          .excludes(only_region)
          .in_group(kGroup);
  serve
      .number("--on-deploy-timeout", serve->on_deploy_timeout_s, {.least = 1, .most = 86'400},
              "SECONDS", "end such a command after so many seconds")
      .needs(on_deploy)
      .in_group(kGroup);
}

void add_web(const DeclaredCommand<ServeOptions>& serve, DeclaredOption only_region) {
  serve
      .flag("--no-web", serve->no_web,
            "serve no web page: `/` and `/web/` answer 404; a region node has none")
      .excludes(only_region)
      .in_group("Web page");
}

void add_log_level(const DeclaredCommand<ServeOptions>& serve) {
  serve
      .option("--log-level-file", serve->log_level_file, "FILE",
              "a file with debug, info, warning or error; read again on SIGHUP")
      .in_group("Log");
}

void add_audit(const DeclaredCommand<ServeOptions>& serve) {
  serve
      .choice("--audit-bundles", serve->audit_bundles, {"strict", "best-effort"},
              "strict: send a bundle only after its audit record is on disk; best-effort: write "
              "the records within a second, and send bundles while they cannot be written")
      .in_group("Audit");
}

}  // namespace

void declare_serve(const Declarations& declare) {
  const auto serve = declare.command(
      "serve", "Serve the REST API and the instance API", serve_with_log,
      {.examples =
           {{"secret-control-plane serve --data-dir data --master-key-file master.key",
             "For a try on this machine"},
            {"secret-control-plane serve --listen 0.0.0.0:7710 \\\n"
             "      --tls-cert server.pem --tls-key server.key",
             "With TLS; the data is named by the environment"},
            {"secret-control-plane serve --listen unix:/run/agent-secrets/api.sock \\\n"
             "      --socket-mode 0660",
             "Behind a proxy on this machine, which is in the group"},
            {"secret-control-plane serve --only-region eu-central \\\n"
             "      --region-keys eu.keys \\\n"
             "      --region-database eu-central=postgresql://node@db.eu.example.com/eu \\\n"
             "      --public-url https://secrets.eu.example.com:7710",
             "A region node; the password is in the file that PGPASSFILE names"}},
       .reading = {{"docs/OPERATIONS.md", "Certificates, a region node, on deploy, what to watch"},
                   {"docs/limits.md", "What one organization may keep"}}});
  add_connections(serve);
  const DeclaredOption only_region = add_region_node(serve);
  add_on_deploy(serve, only_region);
  add_web(serve, only_region);
  add_audit(serve);
  add_log_level(serve);
}

}  // namespace agent_secrets::control_plane

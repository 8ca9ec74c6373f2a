// set, image-pull-secret.

#include <cstdint>
#include <map>
#include <string>

#include <fmt/format.h>

#include "control-plane/command-line/declarations.h"

namespace agent_secrets::control_plane {
namespace {

void declare_wait(Declarations& declare, CLI::App* group) {
  const auto wait = declare.command<SetWaitOptions>(
      group, "wait", "Wait until a set's newest version is ready",
      {.examples = {{"secret-control-plane set wait my-bot-secrets --timeout 2m",
                     "Wait in a pipeline, between secrets set and deploy"},
                    {"secret-control-plane set wait my-bot-secrets --timeout 0", "Look once"}},
       .text = "Takes image pull secrets too. Prints progress on a terminal, and in a pipe only "
               "failures.",
       .exit_codes = {
           {fmt::to_string(static_cast<int>(kExitOk)), "The newest version is ready"},
           {fmt::to_string(static_cast<int>(kExitFailed)),
            "Any other failure, such as an unknown set"},
           {fmt::to_string(static_cast<int>(kExitUsage)), "The command line makes no sense"},
           {fmt::to_string(static_cast<int>(kExitSetFailed)),
            "The region could not store the newest version"},
           {fmt::to_string(static_cast<int>(kExitWaitTimedOut)),
            "The newest version is still pending after the timeout"}}});
  wait.app->add_option("name", wait.options->name, "the set")->required();
  const std::map<std::string, std::uint64_t> units{{"s", 1}, {"m", 60}, {"h", 3600}};
  wait.app->add_option("--timeout", wait.options->timeout_s, "such as 90s, 5m or 1h; 0 looks once")
      ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::CASE_SENSITIVE, "DURATION")
                      .description(""))
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{86'400}).description(""))
      ->type_name("DURATION")
      ->default_str(fmt::format("{}s", wait.options->timeout_s));
  add_organization(wait);
}

void declare_set(Declarations& declare) {
  CLI::App* group = declare.group(
      "set", "Print and wait for the state of secret sets",
      {.examples = {{"secret-control-plane set status my-bot-secrets",
                     "Print who runs which version, and which old keys may be revoked"},
                    {"secret-control-plane set wait my-bot-secrets",
                     "Wait until it can be deployed"}},
       .text = "Sets are written with the official CLI: pipecat cloud secrets set.",
       .reading = {{"docs/fleet.md", "When a version is safe to revoke"}}});
  const auto status = declare.command<SetStatusOptions>(
      group, "status", "Print which instances run which version, and which may be revoked");
  status.app->add_option("name", status.options->name, "the set")->required();
  add_json(status);
  add_organization(status);
  declare_wait(declare, group);
}

void declare_image_pull_secret(Declarations& declare) {
  CLI::App* group = declare.group("image-pull-secret",
                                  "Print the credentials with which a platform pulls images");
  const auto render = declare.command<ImagePullSecretRenderOptions>(
      group, "render", "Print an image pull secret, decrypted, in a container platform's format",
      {.examples = {{"secret-control-plane image-pull-secret render registry --output config.json",
                     "For docker, podman and Kubernetes"}},
       .reading = {{"docs/OPERATIONS.md", "Image pull secrets"}}});
  render.app->add_option("name", render.options->name, "the image pull secret")->required();
  help::one_of(render.app->add_option("--format", render.options->format,
                                      "the format of docker, podman and Kubernetes"),
               {"dockerconfigjson"})
      ->capture_default_str();
  render.app
      ->add_option("--output", render.options->output_file,
                   "write it to this file, mode 0600, instead of printing it; an existing file is "
                   "replaced")
      ->type_name("FILE");
  render.app->add_flag("--allow-pending", render.options->allow_pending,
                       "also when the newest version is not ready");
  add_organization(render);
}

}  // namespace

void declare_sets(Declarations& declare) {
  declare_set(declare);
  declare_image_pull_secret(declare);
}

}  // namespace agent_secrets::control_plane

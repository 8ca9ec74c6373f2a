// `image-pull-secret render NAME`: the credentials with which a cluster pulls images. The REST API
// never returns them, so the command runs on the control plane's host, with the master key.

#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/docker_config.h"
#include "control-plane/commands/groups.h"

namespace agent_secrets::control_plane {
namespace {

struct RenderOptions {
  DataOptions data;
  std::string organization;
  std::string name;
  std::string format = "dockerconfigjson";
  std::string output_file;  // empty: standard output
  bool allow_pending = false;
};

Result<SecretSet> find(Catalog& catalog, const Organization& organization,
                       const RenderOptions& options) {
  auto set = catalog.sets.find(organization.id, options.name);
  if (!set) return propagate(set);
  if (!*set) return fail(ErrorCode::not_found, "no image pull secret '" + options.name + "'");
  if ((*set)->type != SetType::image_pull_secret) {
    return fail(ErrorCode::invalid,
                "'" + options.name + "' is a secret set, not an image pull secret");
  }
  if ((*set)->status != SetStatus::ready && !options.allow_pending) {
    return fail(
        ErrorCode::conflict,
        fmt::format("image pull secret '{}' is {}", options.name, to_string((*set)->status)),
        "Wait with secret-control-plane set wait, or say --allow-pending.");
  }
  return std::move(**set);
}

Result<SecretBuffer> render(Catalog& catalog, const Organization& organization,
                            const RenderOptions& options) {
  auto set = find(catalog, organization, options);
  if (!set) return propagate(set);
  auto version = catalog.outbox.read_version({.organization_id = organization.id,
                                              .set_id = set->id,
                                              .set_name = set->name,
                                              .version = set->version,
                                              .pending_since = {}});
  if (!version) return propagate(version);
  auto recorded =
      catalog.audit.add(host_actor(), {.organization_id = organization.id,
                                       .action = "image-pull-secret.render",
                                       .object = "set " + set->name,
                                       .detail = fmt::format("version {}", set->version)});
  if (!recorded) return propagate(recorded);
  AGENT_SECRETS_ASSERT(version->values.size() == 1);  // catalog/rules.h
  return docker_config(set->host, version->values.front().value);
}

// ErrorCode::conflict when the newest version is not ready, unless --allow-pending is given.
Result<void> render_image_pull_secret(const RenderOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  auto text = render(*stores->catalog, *organization, options);
  if (!text) return propagate(text, "render");
  if (!options.output_file.empty()) {
    return replace_private_file(options.output_file, text->expose_text());
  }
  if (::isatty(STDOUT_FILENO) == 1) note("this is a secret; --output FILE keeps it off the screen");
  return print_secret_line(*text);
}

}  // namespace

void declare_image_pull_secret(const Declarations& declare) {
  const Declarations group = declare.group(
      "image-pull-secret", "Print the credentials with which a platform pulls images");
  const auto render = group.command(
      "render", "Print an image pull secret, decrypted, in a container platform's format",
      render_image_pull_secret,
      {.examples = {{"secret-control-plane image-pull-secret render registry --output config.json",
                     "For docker, podman and Kubernetes"}},
       .reading = {{"docs/OPERATIONS.md", "Image pull secrets"}}});
  render.argument("name", render->name, "the image pull secret");
  render.choice("--format", render->format, {"dockerconfigjson"},
                "the format of docker, podman and Kubernetes");
  render.option("--output", render->output_file, "FILE",
                "write it to this file, mode 0600, instead of printing it; an existing file is "
                "replaced");
  render.flag("--allow-pending", render->allow_pending,
              "also when the newest version is not ready");
  add_organization(render);
}

}  // namespace agent_secrets::control_plane

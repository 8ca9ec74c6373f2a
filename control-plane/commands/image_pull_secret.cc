#include "control-plane/commands/image_pull_secret.h"

#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "control-plane/commands/admin.h"
#include "control-plane/commands/docker_config.h"

namespace agent_secrets::control_plane {
namespace {

Result<SecretSet> find(Catalog& catalog, const Organization& organization,
                       const ImagePullSecretRenderOptions& options) {
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
                            const ImagePullSecretRenderOptions& options) {
  auto set = find(catalog, organization, options);
  if (!set) return propagate(set);
  auto version = catalog.outbox.read_version({.organization_id = organization.id,
                                              .set_id = set->id,
                                              .set_name = set->name,
                                              .version = set->version,
                                              .pending_since = {}});
  if (!version) return propagate(version);
  AGENT_SECRETS_ASSERT(version->values.size() == 1);  // catalog/rules.h
  return docker_config(set->host, version->values.front().value);
}

}  // namespace

Result<void> render_image_pull_secret(const ImagePullSecretRenderOptions& options,
                                      const Clock& clock) {
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

}  // namespace agent_secrets::control_plane

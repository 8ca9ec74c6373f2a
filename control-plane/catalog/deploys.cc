#include "control-plane/catalog/deploys.h"

#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/allowed_names.h"
#include "control-plane/catalog/audit.h"
#include "control-plane/catalog/bindings.h"
#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/context.h"
#include "control-plane/catalog/develop.h"
#include "control-plane/catalog/events.h"
#include "control-plane/catalog/organizations.h"
#include "control-plane/catalog/quotas.h"
#include "control-plane/catalog/regions.h"
#include "control-plane/catalog/rules.h"
#include "control-plane/catalog/uuid.h"
#include "control-plane/catalog/values.h"
#include "core/limits.h"
#include "core/printable.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kUnchanged = "Nothing to deploy: the configuration is unchanged.";
constexpr std::string_view kRunAgain = "The configuration is unchanged; its command runs again.";

std::string_view kind(SetType type) {
  return type == SetType::secret ? "Secret set" : "Image pull secret";
}

// `spec` with the members of the request.
DeploymentSpec merged(DeploymentSpec spec, const DeployRequest& request) {
  if (request.image) spec.image = *request.image;
  if (request.secret_set) spec.secret_set = *request.secret_set;
  if (request.image_pull_secret_set) spec.image_pull_secret_set = *request.image_pull_secret_set;
  if (request.secret_version) spec.secret_version = request.secret_version;
  for (const auto& [name, value] : request.settings) {
    if (value) {
      spec.settings[name] = *value;
    } else {
      spec.settings.erase(name);
    }
  }
  return spec;
}

Scaling merged(Scaling scaling, const DeployRequest& request) {
  scaling.min_agents = request.min_agents.value_or(scaling.min_agents);
  scaling.max_agents = request.max_agents.value_or(scaling.max_agents);
  return scaling;
}

Result<void> check_spec(const DeploymentSpec& spec) {
  if (auto ok = check_image(spec.image); !ok) return ok;
  std::size_t settings = 0;
  for (const auto& [name, value] : spec.settings) settings += name.size() + value.size();
  if (settings <= limits::kDeploymentSettings) return {};
  return fail(ErrorCode::invalid,
              fmt::format("The settings of a deployment may have {} bytes together, these have {}.",
                          limits::kDeploymentSettings, settings));
}

Result<void> check_ready(const SecretSet& set) {
  if (set.status == SetStatus::ready) return {};
  const auto text = set.status == SetStatus::pending
                        ? "is not yet ready. Retry once it has been provisioned."
                        : "failed to provision. Write it again, then retry.";
  return fail(ErrorCode::conflict, fmt::format("{} {} {}", kind(set.type), shown(set.name), text));
}

Result<void> check_type(const SecretSet& set, SetType wanted) {
  if (set.type == wanted) return {};
  return fail(ErrorCode::invalid,
              fmt::format("{} is {}.", shown(set.name),
                          wanted == SetType::secret ? "an image pull secret, not a secret set"
                                                    : "a secret set, not an image pull secret"));
}

Result<void> check_set_region(const SecretSet& set, std::string_view region) {
  if (set.region == region) return {};
  return fail(ErrorCode::invalid,
              fmt::format("{} {} is in region {}, the service in region {}.", kind(set.type),
                          shown(set.name), shown(set.region), shown(region)));
}

std::string describe(std::string_view id, const DeploymentSpec& spec, std::int64_t version) {
  std::string text = fmt::format("{}: image {}", id, spec.image);
  if (version > 0) text += fmt::format(", {} version {}", spec.secret_set, version);
  return printable(text);
}

// Whether the deployment pins this set. A set that was deleted and created again has another id.
bool same_binding(const Deployment& deployment, const std::optional<std::int64_t>& set_id) {
  if (!set_id) return deployment.pins.empty();
  return deployment.pins.size() == 1 && deployment.pins.front().set_id == *set_id;
}

struct Binding {
  std::string name;
  SetType type;
};

struct BoundSets {
  std::optional<SetRow> secret;  // the set to pin, which is ready
  [[nodiscard]] std::int64_t secret_version() const {
    return secret ? secret->set.ready_version : 0;
  }
};

// Each check looks at both sets before the next check begins: a set that does not exist is reported
// before a set that is not ready.
Result<BoundSets> pass_gate(Transaction& tx, const Authority& authority,
                            std::int64_t organization_id, std::string_view region,
                            const DeploymentSpec& spec) {
  const Binding wanted[] = {{spec.secret_set, SetType::secret},
                            {spec.image_pull_secret_set, SetType::image_pull_secret}};
  std::vector<std::pair<SetType, SetRow>> found;
  for (const auto& [name, type] : wanted) {
    if (name.empty()) continue;
    auto row = find_set_row(tx, authority, organization_id, name);
    if (!row) {
      return fail(ErrorCode::not_found, fmt::format("{} {} not found", kind(type), shown(name)));
    }
    found.emplace_back(type, std::move(*row));
  }
  for (const auto& [type, row] : found) {
    if (auto ok = check_type(row.set, type); !ok) return propagate(ok);
  }
  for (const auto& [type, row] : found) {
    if (auto ok = check_set_region(row.set, region); !ok) return propagate(ok);
  }
  for (const auto& [type, row] : found) {
    if (auto ok = check_ready(row.set); !ok) return propagate(ok);
  }
  BoundSets bound;
  if (!spec.secret_set.empty()) bound.secret = std::move(found.front().second);
  return bound;
}

// Sequences continue above those of earlier agents with this name. Instances of an earlier agent
// may still run: for them a sequence must never go down or stand for another release.
std::int64_t insert_agent(Transaction& tx, const CatalogContext& context,
                          std::int64_t organization_id, std::string_view name,
                          std::string_view region, const Scaling& scaling) {
  const UnixMs now = context.clock.unix_time();
  return tx
      .query({"INSERT INTO agents (organization_id, name, region, min_agents, max_agents,"
              " deployment_id, sequence, revision, created_at, updated_at)"
              " SELECT ?1, ?2, ?3, ?4, ?5, '', max(coalesce(max(sequence), 0),"
              "   (SELECT sequence_floor FROM organizations WHERE id = ?1)), 0, ?6, ?6"
              " FROM agents WHERE organization_id = ?1 AND name = ?2 RETURNING id",
              "INSERT INTO agents (organization_id, name, region, min_agents, max_agents,"
              " deployment_id, sequence, revision, created_at, updated_at)"
              " SELECT ?1, ?2, ?3, ?4, ?5, '', greatest(coalesce(max(sequence), 0),"
              "   (SELECT sequence_floor FROM organizations WHERE id = ?1)), 0, ?6, ?6"
              " FROM agents WHERE organization_id = ?1 AND name = ?2 RETURNING id"},
             organization_id, name, region, scaling.min_agents, scaling.max_agents, now)
      .front()
      .integer("id");
}

std::optional<std::string_view> stored(const std::optional<SecretVersion>& version) {
  if (!version) return std::nullopt;
  return to_string(*version);
}

void insert_deployment(Transaction& tx, const CatalogContext& context, std::int64_t agent_id,
                       const DeploymentSpec& spec, const BoundSets& bound) {
  const std::string id = random_uuid();
  const UnixMs now = context.clock.unix_time();
  tx.execute(
      "UPDATE agents SET deployment_id = ?1, sequence = sequence + 1, revision = revision + 1,"
      " updated_at = ?2 WHERE id = ?3",
      id, now, agent_id);
  tx.execute(
      "INSERT INTO deployments (id, agent_id, revision, image, secret_set,"
      " image_pull_secret_set, secret_version, created_at, rolled_out)"
      " SELECT ?1, id, revision, ?2, ?3, ?4, ?5, ?6, ?7 FROM agents WHERE id = ?8",
      id, spec.image, spec.secret_set, spec.image_pull_secret_set, stored(spec.secret_version), now,
      !has_deploy_command(tx), agent_id);
  request_rollout(tx, agent_id, RolloutEvent::deploy);
  for (const auto& [name, value] : spec.settings) {
    tx.execute("INSERT INTO deployment_settings (deployment_id, name, value) VALUES (?1, ?2, ?3)",
               id, name, value);
  }
  insert_event(
      tx, agent_id,
      {.at = now, .kind = "deployment", .text = describe(id, spec, bound.secret_version())});
  remove_old_deployments(tx, agent_id);
  if (bound.secret) {
    tx.execute(
        "INSERT INTO deployment_pins (deployment_id, set_id, set_name, version)"
        " VALUES (?1, ?2, ?3, ?4)",
        id, bound.secret->set.id, bound.secret->set.name, bound.secret->set.ready_version);
  }
  code_deployment(tx, context.authority, id);
  code_agent(tx, context.authority, agent_id);
}

// The detail is "image img:1, set bot-secrets version 2", for example.
void record_deploy(Transaction& tx, const CatalogContext& context, const Actor& actor,
                   std::int64_t organization_id, std::string_view action,
                   const DeployOutcome& outcome, std::string_view became = kAuditDone) {
  const Agent& agent = outcome.agent;
  std::string detail = fmt::format("image {}", agent.deployment.spec.image);
  for (const PinnedSet& pin : agent.deployment.pins) {
    detail += fmt::format(", set {} version {}", pin.name, pin.version);
  }
  if (!outcome.first_set.empty()) detail += ", which the agent has not had before";
  record(tx, context, actor,
         {.organization_id = organization_id,
          .action = action,
          .object = fmt::format("agent {}", agent.name),
          .detail = std::move(detail),
          .outcome = became});
}

// Checks the binding of the secret set, and inserts the deployment. The result is the name of a set
// that the agent has not had before, or "".
Result<std::string> bind_and_insert(Transaction& tx, const CatalogContext& context,
                                    const Actor& actor, std::int64_t agent_id,
                                    const DeploymentSpec& spec, const BoundSets& bound) {
  std::string first_set;
  if (bound.secret) {
    auto is_first = bind_set(tx, context.authority, actor, agent_id, bound.secret->set);
    if (!is_first) return propagate(is_first);
    if (*is_first) first_set = bound.secret->set.name;
    if (!bound.secret->set.protected_by.empty()) {
      end_keys_of_members(tx, agent_id, context.clock.unix_time());
    }
  }
  insert_deployment(tx, context, agent_id, spec, bound);
  return first_set;
}

// Names each set whose newest ready version has other values than the pinned version.
std::string newer_version_warning(Transaction& tx, const CatalogContext& context,
                                  const Agent& agent) {
  std::string warning;
  for (const PinnedSet& pin : agent.deployment.pins) {
    if (pin.latest_version <= pin.version) continue;
    const PendingVersion pinned{.organization_id = pin.organization_id,
                                .set_id = pin.set_id,
                                .set_name = pin.name,
                                .version = pin.version,
                                .pending_since = {}};
    const auto cipher = context.cipher.in(tx);
    if (cipher && !values_differ(tx, **cipher, pinned, pin.latest_version)) continue;
    warning += fmt::format(
        "{} has version {}, this deployment keeps version {}; deploy with --force to use it.",
        pin.name, pin.latest_version, pin.version);
  }
  return warning;
}

DeployOutcome keep_deployment(Transaction& tx, const CatalogContext& context, const Actor& actor,
                              std::int64_t organization_id, const Agent& agent) {
  const bool again = agent.rollout && agent.rollout->has_failed;
  if (again) request_rollout(tx, agent.id, agent.rollout->event);
  std::string warning(again ? kRunAgain : kUnchanged);
  add_sentence(warning, newer_version_warning(tx, context, agent));
  add_sentence(warning, secrets_warning(tx, agent.deployment));
  DeployOutcome outcome{
      .agent = *find_agent_row(tx, context.authority, organization_id, agent.name),
      .warning = std::move(warning),
      .first_set = {}};
  record_deploy(tx, context, actor, organization_id, again ? "agent.run-again" : "agent.deploy",
                outcome, again ? kAuditDone : kAuditUnchanged);
  return outcome;
}

Result<DeployOutcome> apply_update(Transaction& tx, const CatalogContext& context,
                                   const Actor& actor, std::int64_t organization_id,
                                   const Agent& agent, const DeployRequest& request) {
  const DeploymentSpec spec = merged(agent.deployment.spec, request);
  const Scaling scaling = merged(agent.scaling, request);
  if (auto ok = check_spec(spec); !ok) return propagate(ok);
  if (auto ok = check_scaling(scaling); !ok) return propagate(ok);
  auto bound = pass_gate(tx, context.authority, organization_id, agent.region, spec);
  if (!bound) return propagate(bound);

  std::optional<std::int64_t> set_id;
  if (bound->secret) set_id = bound->secret->set.id;
  const bool new_deployment =
      request.force || spec != agent.deployment.spec || !same_binding(agent.deployment, set_id);
  if (!new_deployment && scaling == agent.scaling)
    return keep_deployment(tx, context, actor, organization_id, agent);
  tx.execute("UPDATE agents SET min_agents = ?1, max_agents = ?2, updated_at = ?3 WHERE id = ?4",
             scaling.min_agents, scaling.max_agents, context.clock.unix_time(), agent.id);
  std::string first_set;
  if (new_deployment) {
    auto inserted = bind_and_insert(tx, context, actor, agent.id, spec, *bound);
    if (!inserted) return propagate(inserted);
    first_set = std::move(*inserted);
  } else {
    request_rollout(tx, agent.id, RolloutEvent::scale);
  }
  DeployOutcome outcome{
      .agent = *find_agent_row(tx, context.authority, organization_id, agent.name),
      .warning = {},
      .first_set = std::move(first_set)};
  if (!new_deployment) outcome.warning = newer_version_warning(tx, context, outcome.agent);
  add_sentence(outcome.warning, secrets_warning(tx, outcome.agent.deployment));
  record_deploy(tx, context, actor, organization_id,
                new_deployment ? "agent.deploy" : "agent.scale", outcome);
  return outcome;
}

}  // namespace

Result<DeployOutcome> Deploys::create_agent(const Actor& actor, std::int64_t organization_id,
                                            DeployRequest request) {
  if (auto ok = check_agent_name(request.agent); !ok) return propagate(ok);
  const DeploymentSpec spec = merged(DeploymentSpec{}, request);
  const Scaling scaling = merged(Scaling{}, request);
  if (auto ok = check_spec(spec); !ok) return propagate(ok);
  if (auto ok = check_scaling(scaling); !ok) return propagate(ok);
  return context_.database->write("create agent", [&](Transaction& tx) -> Result<DeployOutcome> {
    if (find_agent_row(tx, context_.authority, organization_id, request.agent)) {
      return fail(ErrorCode::invalid, "Service already exists");
    }
    remove_old_agents(tx, organization_id);
    if (auto room = check_agent_count(tx, organization_id); !room) return propagate(room);
    auto organization = organization_by_id(tx, organization_id, context_.authority);
    if (!organization) return propagate(organization);
    const std::string region = request.region.value_or(organization->default_region);
    if (auto ok = check_region(tx, context_, region); !ok) return propagate(ok);
    auto bound = pass_gate(tx, context_.authority, organization_id, region, spec);
    if (!bound) return propagate(bound);
    const std::int64_t agent_id =
        insert_agent(tx, context_, organization_id, request.agent, region, scaling);
    auto first_set = bind_and_insert(tx, context_, actor, agent_id, spec, *bound);
    if (!first_set) return propagate(first_set);
    DeployOutcome outcome{
        .agent = *find_agent_row(tx, context_.authority, organization_id, request.agent),
        .warning = {},
        .first_set = std::move(*first_set)};
    outcome.warning = secrets_warning(tx, outcome.agent.deployment);
    record_deploy(tx, context_, actor, organization_id, "agent.create", outcome);
    return outcome;
  });
}

Result<DeployOutcome> Deploys::update_agent(const Actor& actor, std::int64_t organization_id,
                                            DeployRequest request) {
  return context_.database->write("update agent", [&](Transaction& tx) -> Result<DeployOutcome> {
    auto agent = accepted_agent(tx, context_.authority, organization_id, request.agent);
    if (!agent) return propagate(agent);
    if (request.region && *request.region != agent->region) {
      return fail(ErrorCode::invalid,
                  fmt::format("Service {} is in region {} and cannot be moved to region {}.",
                              shown(agent->name), shown(agent->region), shown(*request.region)));
    }
    return apply_update(tx, context_, actor, organization_id, *agent, request);
  });
}

}  // namespace agent_secrets::control_plane

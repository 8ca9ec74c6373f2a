#include "control-plane/rest-api/agent_json.h"

#include <algorithm>
#include <string>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "core/clock.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

constexpr std::string_view kDefaultProfile = "agent-1x";

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

// Settings are JSON text that this API wrote itself.
json::value setting(const DeploymentSpec& spec, const std::string& name, json::value otherwise) {
  const auto found = spec.settings.find(name);
  if (found == spec.settings.end()) return otherwise;
  boost::system::error_code error;
  json::value value = json::parse(found->second, error);
  return error ? otherwise : value;
}

json::object replicas(const Scaling& scaling) {
  return {{"minReplicas", scaling.min_agents}, {"maxReplicas", scaling.max_agents}};
}

json::object spec_json(const DeploymentSpec& spec, const Scaling& scaling) {
  json::object body{
      {"dailyNodeType", "arm"}, {"image", spec.image}, {"autoScaling", replicas(scaling)}};
  if (!spec.image_pull_secret_set.empty()) body["imagePullSecretName"] = spec.image_pull_secret_set;
  if (!spec.secret_set.empty())
    body["envFromSecretNames"] = json::array{json::value(spec.secret_set)};
  const json::value duration = setting(spec, "maxSessionDuration", nullptr);
  if (!duration.is_null()) body["maxSessionDurationSeconds"] = duration;
  for (const char* name : {"resources", "websocketAuth"}) {
    const json::value value = setting(spec, name, nullptr);
    if (!value.is_null()) body[name] = value;
  }
  if (spec.secret_version) {
    const std::string_view version = to_string(*spec.secret_version);
    body["secretVersion"] = json::string_view(version.data(), version.size());
  }
  const json::value architecture = setting(spec, "architecture", nullptr);
  if (!architecture.is_null()) body["arch"] = architecture;
  body["krispViva"] =
      json::object{{"audioFilters", !setting(spec, "krispViva", nullptr).is_null()}};
  return body;
}

// The progress of the desired deployment.
struct Progress {
  bool is_ready = false;
  bool is_available = false;  // this or an earlier deployment
  bool has_failed = false;
  std::string_view phase;
};

Progress progress_of(const Agent& agent) {
  Progress progress{.is_ready = agent.reconciled_deployment == agent.deployment.id,
                    .is_available = !agent.reconciled_deployment.empty(),
                    .has_failed = agent.rollout && agent.rollout->has_failed,
                    .phase = "Creating"};
  if (progress.has_failed) progress.phase = "Failed";
  if (progress.is_ready) progress.phase = "Active";
  return progress;
}

std::int64_t active_sessions(const std::vector<FleetInstance>& instances) {
  std::int64_t sessions = 0;
  for (const FleetInstance& instance : instances) sessions += instance.heard.active_sessions;
  return sessions;
}

json::object revision_json(const std::string& deployment, std::string_view phase,
                           const std::vector<FleetInstance>& instances) {
  const auto running = std::ranges::count_if(instances, [&](const FleetInstance& instance) {
    return instance.release && instance.release->deployment_id == deployment;
  });
  return {{"deploymentID", deployment},
          {"phase", json::string_view(phase.data(), phase.size())},
          {"readyReplicas", running}};
}

// The earlier deployment that is available until the desired deployment is ready.
json::value previous_revision(const Agent& agent, const Progress& progress,
                              const std::vector<FleetInstance>& instances) {
  if (progress.is_ready || !progress.is_available) return nullptr;
  return revision_json(agent.reconciled_deployment, "Active", instances);
}

json::object condition(std::string_view type, bool status, std::string_view message = {}) {
  json::object row{{"type", json::string_view(type.data(), type.size())},
                   {"status", status ? "True" : "False"}};
  if (!message.empty()) row["message"] = json::string_view(message.data(), message.size());
  return row;
}

json::array conditions_json(const Agent& agent, const Progress& progress) {
  const std::string_view failure =
      progress.has_failed ? std::string_view(agent.rollout->failure) : std::string_view();
  const bool progressing = agent.rollout ? !progress.has_failed : !progress.is_ready;
  return {condition("Available", progress.is_available), condition("Progressing", progressing),
          condition("Degraded", progress.has_failed, failure)};
}

// An error ends the CLI's wait at once, so only errors of the newest request are listed.
json::array errors_json(const Agent& agent) {
  if (!agent.rollout || !agent.rollout->has_failed) return {};
  return {json::object{{"code", "ON_DEPLOY_FAILED"}, {"message", agent.rollout->failure}}};
}

}  // namespace

json::object deployment_json(const Organization& organization, const Agent& agent,
                             const Deployment& deployment) {
  const std::string created = format_timestamp(deployment.created_at);
  json::object metadata{{"name", agent.name}, {"namespace", organization.name}};
  json::object manifest{{"apiVersion", "pipecatcloud.daily.co/v1"},
                        {"kind", "PCService"},
                        {"metadata", std::move(metadata)},
                        {"spec", spec_json(deployment.spec, agent.scaling)}};
  return {{"id", deployment.id},
          {"serviceId", std::to_string(agent.id)},
          {"manifest", std::move(manifest)},
          {"createdAt", created},
          {"updatedAt", created}};
}

// `available` once any deployment has been rolled out, `ready` once the desired deployment has
// been. The operator's platform starts instances. Without a deploy command that reports the result,
// a deployment counts as rolled out when its region has it. Poll order and meaning:
// docs/compatibility.md.
json::object agent_json(const Organization& organization, const Agent& agent,
                        const std::vector<FleetInstance>& instances) {
  const std::string& desired = agent.deployment.id;
  const Progress progress = progress_of(agent);
  return {
      {"name", agent.name},
      {"region", agent.region},
      {"ready", progress.is_ready},
      {"available", progress.is_available},
      {"createdAt", format_timestamp(agent.created_at)},
      {"updatedAt", format_timestamp(agent.updated_at)},
      {"desiredDeploymentId", desired},
      {"activeDeploymentId", desired},
      {"reconciledDeploymentId", text_or_null(agent.reconciled_deployment)},
      {"activeDeploymentReady", progress.is_ready},
      {"autoScaling", replicas(agent.scaling)},
      {"activeSessionCount", active_sessions(instances)},
      {"agentProfile", setting(agent.deployment.spec, "agentProfile",
                               json::string_view(kDefaultProfile.data(), kDefaultProfile.size()))},
      {"krispViva",
       setting(agent.deployment.spec, "krispViva", json::object{{"audioFilter", nullptr}})},
      {"conditions", conditions_json(agent, progress)},
      {"errors", errors_json(agent)},
      {"currentRevision", revision_json(desired, progress.phase, instances)},
      {"previousRevision", previous_revision(agent, progress, instances)},
      {"deployment", deployment_json(organization, agent, agent.deployment)}};
}

json::object agent_row_json(const Organization& organization, const Agent& agent) {
  return {{"id", std::to_string(agent.id)},
          {"name", agent.name},
          {"region", agent.region},
          {"desiredDeploymentId", agent.deployment.id},
          {"activeDeploymentId", agent.deployment.id},
          {"reconciledDeploymentId", text_or_null(agent.reconciled_deployment)},
          {"organizationId", std::to_string(organization.id)},
          {"createdAt", format_timestamp(agent.created_at)},
          {"updatedAt", format_timestamp(agent.updated_at)},
          {"deletedAt", nullptr}};
}

}  // namespace agent_secrets::control_plane

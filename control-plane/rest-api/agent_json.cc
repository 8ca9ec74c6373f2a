#include "control-plane/rest-api/agent_json.h"

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
  for (const char* name : {"resources", "websocketAuth", "secretVersion"}) {
    const json::value value = setting(spec, name, nullptr);
    if (!value.is_null()) body[name] = value;
  }
  const json::value architecture = setting(spec, "architecture", nullptr);
  if (!architecture.is_null()) body["arch"] = architecture;
  body["krispViva"] =
      json::object{{"audioFilters", !setting(spec, "krispViva", nullptr).is_null()}};
  return body;
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

// `available` once any deployment has reached the region, `ready` once the desired one has: whoever
// starts instances is the operator's own platform, so there is no replica to wait for. Poll order
// and meaning: contract 6.5.
json::object agent_json(const Organization& organization, const Agent& agent,
                        std::int64_t active_sessions) {
  const std::string& desired = agent.deployment.id;
  const bool ready = agent.reconciled_deployment == desired;
  const bool available = !agent.reconciled_deployment.empty();
  json::object revision{
      {"deploymentID", desired}, {"phase", ready ? "Active" : "Creating"}, {"readyReplicas", 0}};
  return {
      {"name", agent.name},
      {"region", agent.region},
      {"ready", ready},
      {"available", available},
      {"createdAt", format_timestamp(agent.created_at)},
      {"updatedAt", format_timestamp(agent.updated_at)},
      {"desiredDeploymentId", desired},
      {"activeDeploymentId", desired},
      {"reconciledDeploymentId", text_or_null(agent.reconciled_deployment)},
      {"activeDeploymentReady", ready},
      {"autoScaling", replicas(agent.scaling)},
      {"activeSessionCount", active_sessions},
      {"agentProfile", setting(agent.deployment.spec, "agentProfile",
                               json::string_view(kDefaultProfile.data(), kDefaultProfile.size()))},
      {"krispViva",
       setting(agent.deployment.spec, "krispViva", json::object{{"audioFilter", nullptr}})},
      {"conditions", json::array()},
      {"errors", json::array()},
      {"currentRevision", std::move(revision)},
      {"previousRevision", nullptr},
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

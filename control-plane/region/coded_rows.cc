// All coded rows of a region store at once: for the comparison with the catalog, and for
// `authority check` and `authority adopt`.
#include <map>
#include <utility>

#include "control-plane/region/coded_snapshot.h"
#include "control-plane/region/database_region_store.h"

namespace agent_secrets::control_plane {
namespace {

struct CodedAgent {
  struct Credential {
    AgentCredentialRecord record;
    StoredCode code;
  };
  AgentSnapshot snapshot;  // without its credentials
  StoredCode code;
  std::vector<Credential> credentials;
};

using CodedAgents = std::map<std::int64_t, CodedAgent>;

// Three queries, however many agents there are.
CodedAgents read_all(Transaction& tx) {
  CodedAgents agents;
  for (const Row row : tx.query("SELECT id, revision, sequence, organization, name, deleted,"
                                " deployment_id, code FROM agents")) {
    const std::int64_t id = row.integer("id");
    agents.emplace(id, CodedAgent{.snapshot = {.agent_id = id,
                                               .revision = row.integer("revision"),
                                               .sequence = row.integer("sequence"),
                                               .organization = row.text("organization"),
                                               .agent = row.text("name"),
                                               .deleted = row.boolean("deleted"),
                                               .deployment_id = row.text("deployment_id"),
                                               .sets = {},
                                               .credentials = {}},
                                  .code = stored_code(row),
                                  .credentials = {}});
  }
  for (const Row row : tx.query("SELECT agent_id, organization_id, set_id, name, version,"
                                " latest_version FROM agent_sets")) {
    agents[row.integer("agent_id")].snapshot.sets.push_back(
        {.organization_id = row.integer("organization_id"),
         .set_id = row.integer("set_id"),
         .name = row.text("name"),
         .version = row.integer("version"),
         .latest_version = row.integer("latest_version"),
         .changed_keys = {}});
  }
  for (const Row row :
       tx.query("SELECT agent_id, kid, signing_key, box_key, revoked, expires_at, code"
                " FROM credentials")) {
    agents[row.integer("agent_id")].credentials.push_back(
        {.record = read_credential(row), .code = stored_code(row)});
  }
  return agents;
}

CodedRow coded(const CodedAgent& agent, const CodedAgent::Credential& credential) {
  return coded_credential(credential.record, agent.snapshot.agent_id, agent.snapshot.revision);
}

bool is_accepted(const Authority& authority, const CodedAgent& agent) {
  bool accepted = authority.accepts(coded_snapshot(agent.snapshot), agent.code);
  for (const auto& credential : agent.credentials) {
    accepted = authority.accepts(coded(agent, credential), credential.code) && accepted;
  }
  return accepted;
}

}  // namespace

// An agent with a refused row is listed with revision 0, so that it is published again.
Result<std::vector<StoredAgent>> DatabaseRegionStore::list_agents() {
  return database_->read("list agents", [&](Transaction& tx) -> Result<std::vector<StoredAgent>> {
    std::vector<StoredAgent> agents;
    for (const auto& [id, agent] : read_all(tx)) {
      agents.push_back({.agent_id = id,
                        .revision = is_accepted(authority_, agent) ? agent.snapshot.revision : 0,
                        .deleted = agent.snapshot.deleted});
    }
    return agents;
  });
}

Result<std::vector<RefusedRow>> DatabaseRegionStore::list_refused_rows() {
  return database_->read("check rows", [&](Transaction& tx) -> Result<std::vector<RefusedRow>> {
    std::vector<RefusedRow> refused;
    const auto check = [&](const CodedRow& row, const StoredCode& code) {
      if (!authority_.holds(row, code)) refused.push_back({row.table(), row.key()});
    };
    for (const auto& [id, agent] : read_all(tx)) {
      check(coded_snapshot(agent.snapshot), agent.code);
      for (const auto& credential : agent.credentials) {
        check(coded(agent, credential), credential.code);
      }
    }
    return refused;
  });
}

Result<void> DatabaseRegionStore::adopt_rows() {
  return database_->write("adopt rows", [&](Transaction& tx) -> Result<void> {
    for (const auto& [id, agent] : read_all(tx)) {
      tx.execute_later("UPDATE agents SET code = ?2 WHERE id = ?1", id,
                       authority_.code(coded_snapshot(agent.snapshot)));
      for (const auto& credential : agent.credentials) {
        tx.execute_later("UPDATE credentials SET code = ?2 WHERE kid = ?1", credential.record.kid,
                         authority_.code(coded(agent, credential)));
      }
    }
    return {};
  });
}

}  // namespace agent_secrets::control_plane

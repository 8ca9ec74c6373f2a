#include "control-plane/catalog/coded_tables.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <string>

#include <fmt/format.h>

namespace agent_secrets::control_plane {
namespace {

// Stores the code in the row of the visit.
using Store = std::function<void(const AuthorityCode&)>;
using Visit = std::function<void(const CodedRow&, const StoredCode&, const Store&)>;

// The rows of a visit, by a part of the primary key: both ends are included.
struct Ids {
  std::int64_t first = 0;
  std::int64_t last = std::numeric_limits<std::int64_t>::max();
};
Ids only(std::int64_t id) { return {.first = id, .last = id}; }

// Texts that are ids consist of characters below '~'. So do reserved names.
struct Texts {
  std::string_view first;
  std::string_view last = "~";
};
Texts only(std::string_view text) { return {.first = text, .last = text}; }

std::optional<std::string> optional_text(const Row& row, std::string_view column) {
  if (row.is_null(column)) return std::nullopt;
  return row.text(column);
}

void visit_organizations(Transaction& tx, Ids ids, const Visit& visit) {
  for (const Row row : tx.query("SELECT id, name, default_region, members_develop, code"
                                " FROM organizations"
                                " WHERE id BETWEEN ?1 AND ?2",
                                ids.first, ids.last)) {
    visit(coded_organization(row), stored_code(row), [&](const AuthorityCode& code) {
      tx.execute_later("UPDATE organizations SET code = ?2 WHERE id = ?1", row.integer("id"), code);
    });
  }
}

void visit_users(Transaction& tx, Ids ids, const Visit& visit) {
  for (const Row row : tx.query("SELECT id, name, code FROM users WHERE id BETWEEN ?1 AND ?2",
                                ids.first, ids.last)) {
    const std::int64_t id = row.integer("id");
    visit(coded_user(row, ask_ended_memberships(tx, id).get()), stored_code(row),
          [&](const AuthorityCode& code) {
            tx.execute_later("UPDATE users SET code = ?2 WHERE id = ?1", id, code);
          });
  }
}

void visit_memberships(Transaction& tx, Ids users, Ids organizations, const Visit& visit) {
  for (const Row row :
       tx.query("SELECT user_id, organization_id, role, code FROM memberships"
                " WHERE user_id BETWEEN ?1 AND ?2 AND organization_id BETWEEN ?3 AND ?4",
                users.first, users.last, organizations.first, organizations.last)) {
    const std::int64_t user = row.integer("user_id");
    const std::int64_t organization = row.integer("organization_id");
    visit(coded_membership(user, organization, row.text("role")), stored_code(row),
          [&](const AuthorityCode& code) {
            tx.execute_later(
                "UPDATE memberships SET code = ?3 WHERE user_id = ?1 AND organization_id = ?2",
                user, organization, code);
          });
  }
}

void visit_tokens(Transaction& tx, Ids ids, const Visit& visit) {
  for (const Row row : tx.query("SELECT id, user_id, organization_id, name, role, sha256,"
                                " created_at, expires_at, code FROM tokens"
                                " WHERE revoked_at IS NULL AND id BETWEEN ?1 AND ?2",
                                ids.first, ids.last)) {
    visit(coded_token(row), stored_code(row), [&](const AuthorityCode& code) {
      tx.execute_later("UPDATE tokens SET code = ?2 WHERE id = ?1", row.integer("id"), code);
    });
  }
}

void visit_api_keys(Transaction& tx, Texts ids, const Visit& visit) {
  for (const Row row : tx.query("SELECT id, organization_id, name, type, sha256, created_at,"
                                " expires_at, code FROM api_keys"
                                " WHERE revoked_at IS NULL AND id BETWEEN ?1 AND ?2",
                                ids.first, ids.last)) {
    visit(coded_api_key(row), stored_code(row), [&](const AuthorityCode& code) {
      tx.execute_later("UPDATE api_keys SET code = ?2 WHERE id = ?1", row.text("id"), code);
    });
  }
}

void visit_allowed_names(Transaction& tx, Ids organizations, Texts names, const Visit& visit) {
  for (const Row row :
       tx.query("SELECT organization_id, name, code FROM allowed_names"
                " WHERE organization_id BETWEEN ?1 AND ?2 AND name BETWEEN ?3 AND ?4",
                organizations.first, organizations.last, names.first, names.last)) {
    const std::int64_t organization = row.integer("organization_id");
    const std::string name = row.text("name");
    visit(coded_allowed_name(organization, name), stored_code(row), [&](const AuthorityCode& code) {
      tx.execute_later(
          "UPDATE allowed_names SET code = ?3 WHERE organization_id = ?1 AND name = ?2",
          organization, name, code);
    });
  }
}

void visit_sets(Transaction& tx, Ids ids, const Visit& visit) {
  for (const Row row :
       tx.query("SELECT id, organization_id, name, type, region, host, protected_by,"
                " code FROM sets WHERE id BETWEEN ?1 AND ?2",
                ids.first, ids.last)) {
    visit(coded_set(row), stored_code(row), [&](const AuthorityCode& code) {
      tx.execute_later("UPDATE sets SET code = ?2 WHERE id = ?1", row.integer("id"), code);
    });
  }
}

void visit_set_bindings(Transaction& tx, Ids agents, Ids sets, const Visit& visit) {
  for (const Row row : tx.query("SELECT agent_id, set_id, code FROM set_bindings"
                                " WHERE agent_id BETWEEN ?1 AND ?2 AND set_id BETWEEN ?3 AND ?4",
                                agents.first, agents.last, sets.first, sets.last)) {
    const std::int64_t agent = row.integer("agent_id");
    const std::int64_t set = row.integer("set_id");
    visit(coded_set_binding(agent, set), stored_code(row), [&](const AuthorityCode& code) {
      tx.execute_later("UPDATE set_bindings SET code = ?3 WHERE agent_id = ?1 AND set_id = ?2",
                       agent, set, code);
    });
  }
}

void visit_agents(Transaction& tx, Ids ids, const Visit& visit) {
  for (const Row row : tx.query("SELECT id, organization_id, name, region, deployment_id, sequence,"
                                " code FROM agents WHERE deleted = 0 AND id BETWEEN ?1 AND ?2",
                                ids.first, ids.last)) {
    visit(coded_agent(row), stored_code(row), [&](const AuthorityCode& code) {
      tx.execute_later("UPDATE agents SET code = ?2 WHERE id = ?1", row.integer("id"), code);
    });
  }
}

std::vector<PinnedSet> pins_of(Transaction& tx, std::string_view deployment_id) {
  std::vector<PinnedSet> pins;
  for (const Row row : tx.query("SELECT set_id, set_name, version FROM deployment_pins"
                                " WHERE deployment_id = ?1",
                                deployment_id)) {
    pins.push_back({.organization_id = 0,
                    .set_id = row.integer("set_id"),
                    .name = row.text("set_name"),
                    .version = row.integer("version"),
                    .latest_version = 0,
                    .changed_keys = {}});
  }
  return pins;
}

void visit_deployments(Transaction& tx, Texts ids, const Visit& visit) {
  for (const Row row : tx.query("SELECT id, agent_id, image, secret_set, image_pull_secret_set,"
                                " secret_version, code FROM deployments WHERE id BETWEEN ?1 AND ?2",
                                ids.first, ids.last)) {
    const std::string id = row.text("id");
    visit(coded_deployment(row, pins_of(tx, id)), stored_code(row), [&](const AuthorityCode& code) {
      tx.execute_later("UPDATE deployments SET code = ?2 WHERE id = ?1", id, code);
    });
  }
}

void visit_credentials(Transaction& tx, Texts kids, const Visit& visit) {
  for (const Row row : tx.query("SELECT kid, agent_id, signing_key, box_key, expires_at, purpose,"
                                " made_by, made_as, code FROM credentials"
                                " WHERE revoked_at IS NULL AND kid BETWEEN ?1 AND ?2",
                                kids.first, kids.last)) {
    visit(coded_registration(row), stored_code(row), [&](const AuthorityCode& code) {
      tx.execute_later("UPDATE credentials SET code = ?2 WHERE kid = ?1", row.text("kid"), code);
    });
  }
}

void visit_all(Transaction& tx, const Visit& visit) {
  visit_organizations(tx, {}, visit);
  visit_users(tx, {}, visit);
  visit_memberships(tx, {}, {}, visit);
  visit_tokens(tx, {}, visit);
  visit_api_keys(tx, {}, visit);
  visit_allowed_names(tx, {}, {}, visit);
  visit_sets(tx, {}, visit);
  visit_set_bindings(tx, {}, {}, visit);
  visit_agents(tx, {}, visit);
  visit_deployments(tx, {}, visit);
  visit_credentials(tx, {}, visit);
}

Visit store_code(const Authority& authority) {
  return [&authority](const CodedRow& row, const StoredCode& /*stored*/, const Store& store) {
    store(authority.code(row));
  };
}

}  // namespace

CodedRow coded_organization(const Row& row) {
  CodedRow coded("organizations", std::to_string(row.integer("id")));
  coded.number(row.integer("id")).text(row.text("name")).text(row.text("default_region"));
  coded.number(row.integer("members_develop"));
  return coded;
}

CodedRow coded_user(const Row& row, const Rows& ended) {
  CodedRow coded("users", std::to_string(row.integer("id")));
  coded.number(row.integer("id")).text(row.text("name"));
  coded.number(static_cast<std::int64_t>(ended.size()));
  for (const Row membership : ended) {
    coded.number(membership.integer("organization_id")).number(membership.integer("ended_at"));
  }
  return coded;
}

CodedRow coded_membership(std::int64_t user_id, std::int64_t organization_id,
                          std::string_view role) {
  CodedRow coded("memberships", fmt::format("user {}, organization {}", user_id, organization_id));
  coded.number(user_id).number(organization_id).text(role);
  return coded;
}

CodedRow coded_token(const Row& row) {
  CodedRow coded("tokens", std::to_string(row.integer("id")));
  coded.number(row.integer("id"));
  coded.optional_number(row.optional_integer("user_id"));
  coded.optional_number(row.optional_integer("organization_id"));
  coded.text(row.text("name")).optional_text(optional_text(row, "role")).bytes(row.blob("sha256"));
  coded.number(row.integer("created_at")).optional_number(row.optional_integer("expires_at"));
  return coded;
}

CodedRow coded_api_key(const Row& row) {
  CodedRow coded("api_keys", row.text("id"));
  coded.text(row.text("id")).number(row.integer("organization_id")).text(row.text("name"));
  coded.text(row.text("type")).bytes(row.blob("sha256"));
  coded.number(row.integer("created_at")).optional_number(row.optional_integer("expires_at"));
  return coded;
}

CodedRow coded_allowed_name(std::int64_t organization_id, std::string_view name) {
  CodedRow coded("allowed_names", fmt::format("organization {}, {}", organization_id, name));
  coded.number(organization_id).text(name);
  return coded;
}

CodedRow coded_set(const Row& row) {
  CodedRow coded("sets", std::to_string(row.integer("id")));
  coded.number(row.integer("id")).number(row.integer("organization_id")).text(row.text("name"));
  coded.text(row.text("type")).text(row.text("region")).text(row.text("host"));
  coded.optional_text(optional_text(row, "protected_by"));
  return coded;
}

CodedRow coded_set_binding(std::int64_t agent_id, std::int64_t set_id) {
  CodedRow coded("set_bindings", fmt::format("agent {}, set {}", agent_id, set_id));
  coded.number(agent_id).number(set_id);
  return coded;
}

CodedRow coded_agent(const Row& row) {
  CodedRow coded("agents", std::to_string(row.integer("id")));
  coded.number(row.integer("id")).number(row.integer("organization_id")).text(row.text("name"));
  coded.text(row.text("region")).text(row.text("deployment_id")).number(row.integer("sequence"));
  return coded;
}

CodedRow coded_deployment(const Row& row, std::span<const PinnedSet> pins) {
  CodedRow coded("deployments", row.text("id"));
  coded.text(row.text("id")).number(row.integer("agent_id")).text(row.text("image"));
  coded.text(row.text("secret_set")).text(row.text("image_pull_secret_set"));
  coded.optional_text(optional_text(row, "secret_version"));
  std::vector<const PinnedSet*> sorted;
  for (const PinnedSet& pin : pins) sorted.push_back(&pin);
  std::ranges::sort(sorted, {}, &PinnedSet::set_id);
  coded.number(std::ssize(sorted));
  for (const PinnedSet* pin : sorted) {
    coded.number(pin->set_id).text(pin->name).number(pin->version);
  }
  return coded;
}

CodedRow coded_registration(const Row& row) {
  CodedRow coded("credentials", row.text("kid"));
  coded.text(row.text("kid")).number(row.integer("agent_id"));
  coded.bytes(row.key("signing_key")).bytes(row.key("box_key"));
  coded.optional_number(row.optional_integer("expires_at")).text(row.text("purpose"));
  coded.text(row.text("made_by")).text(row.text("made_as"));
  return coded;
}

void code_organization(Transaction& tx, const Authority& authority, std::int64_t id) {
  visit_organizations(tx, only(id), store_code(authority));
}

void code_user(Transaction& tx, const Authority& authority, std::int64_t id) {
  visit_users(tx, only(id), store_code(authority));
}

void code_membership(Transaction& tx, const Authority& authority, std::int64_t user_id,
                     std::int64_t organization_id) {
  visit_memberships(tx, only(user_id), only(organization_id), store_code(authority));
}

void code_token(Transaction& tx, const Authority& authority, std::int64_t id) {
  visit_tokens(tx, only(id), store_code(authority));
}

void code_api_key(Transaction& tx, const Authority& authority, std::string_view id) {
  visit_api_keys(tx, only(id), store_code(authority));
}

void code_allowed_name(Transaction& tx, const Authority& authority, std::int64_t organization_id,
                       std::string_view name) {
  visit_allowed_names(tx, only(organization_id), only(name), store_code(authority));
}

void code_set(Transaction& tx, const Authority& authority, std::int64_t id) {
  visit_sets(tx, only(id), store_code(authority));
}

void code_set(Transaction& tx, const Authority& authority, const Row& row) {
  tx.execute_later("UPDATE sets SET code = ?2 WHERE id = ?1", row.integer("id"),
                   authority.code(coded_set(row)));
}

void code_set_binding(Transaction& tx, const Authority& authority, std::int64_t agent_id,
                      std::int64_t set_id) {
  visit_set_bindings(tx, only(agent_id), only(set_id), store_code(authority));
}

void code_agent(Transaction& tx, const Authority& authority, std::int64_t id) {
  visit_agents(tx, only(id), store_code(authority));
}

void code_deployment(Transaction& tx, const Authority& authority, std::string_view id) {
  visit_deployments(tx, only(id), store_code(authority));
}

void code_credential(Transaction& tx, const Authority& authority, std::string_view kid) {
  visit_credentials(tx, only(kid), store_code(authority));
}

Transaction::LaterRows ask_ended_memberships(Transaction& tx, std::int64_t user_id) {
  return tx.query_later(
      "SELECT organization_id, ended_at FROM ended_memberships WHERE user_id = ?1"
      " ORDER BY organization_id",
      user_id);
}

std::set<std::string> accepted_agents(Transaction& tx, const Authority& authority) {
  std::set<std::string> keys;
  visit_agents(tx, {}, [&](const CodedRow& row, const StoredCode& stored, const Store&) {
    if (authority.accepts(row, stored)) keys.insert(row.key());
  });
  return keys;
}

void code_agents(Transaction& tx, const Authority& authority, const std::set<std::string>& keys) {
  visit_agents(tx, {}, [&](const CodedRow& row, const StoredCode&, const Store& store) {
    if (keys.contains(row.key())) store(authority.code(row));
  });
}

std::vector<RefusedRow> find_refused_rows(Transaction& tx, const Authority& authority) {
  std::vector<RefusedRow> found;
  visit_all(tx, [&](const CodedRow& row, const StoredCode& stored, const Store&) {
    if (!authority.holds(row, stored)) found.push_back({.table = row.table(), .key = row.key()});
  });
  return found;
}

void code_all_rows(Transaction& tx, const Authority& authority) {
  // Servers of versions before set_bindings have written only pins.
  tx.execute_later(
      "INSERT INTO set_bindings (agent_id, set_id)"
      " SELECT DISTINCT d.agent_id, p.set_id FROM deployment_pins p"
      "   JOIN deployments d ON d.id = p.deployment_id"
      "   JOIN agents a ON a.id = d.agent_id JOIN sets s ON s.id = p.set_id"
      "  WHERE true ON CONFLICT DO NOTHING");
  visit_all(tx, store_code(authority));
  tx.execute_later("UPDATE tokens SET code = NULL WHERE revoked_at IS NOT NULL");
  tx.execute_later("UPDATE api_keys SET code = NULL WHERE revoked_at IS NOT NULL");
  tx.execute_later("UPDATE credentials SET code = NULL WHERE revoked_at IS NOT NULL");
  tx.execute_later("UPDATE agents SET code = NULL WHERE deleted = 1");
}

}  // namespace agent_secrets::control_plane

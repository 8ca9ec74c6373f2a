// Every column of every database is listed here: as one that an authority code covers, or as one
// that decides nothing. A new table or column fails the first tests until it is listed. For each
// covered column there is a change, which the code must find.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "control-plane/database/tables.h"
#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

struct Columns {
  std::string code_of;  // the table whose code covers them
  // Each with another value, as SQL. The changes are made in this order.
  std::vector<std::pair<std::string, std::string>> covered;
  std::set<std::string> others = {};
  std::string where = "true";  // the rows that are changed
};
using Schema = std::map<std::string, Columns>;

// "+": a number above all others; "x": a longer text; "0": a longer blob.
const Schema& catalog_schema() {
  static const Schema schema = {
      {"organizations",
       {.code_of = "organizations",
        .covered = {{"id", "+"},
                    {"name", "x"},
                    {"default_region", "'eu-central'"},
                    {"members_develop", "1 - members_develop"}},
        .others = {"verbose_name", "removed_at", "sequence_floor", "code"},
        .where = "name LIKE 'beta%'"}},
      {"users",
       {.code_of = "users",
        .covered = {{"id", "+"}, {"name", "x"}},
        .others = {"email", "created_at", "code"},
        .where = "name LIKE 'cat%'"}},
      {"ended_memberships",
       {.code_of = "users",
        .covered = {{"organization_id", "+"}, {"ended_at", "+"}, {"user_id", "+"}}}},
      {"memberships",
       {.code_of = "memberships",
        .covered = {{"user_id", "+"}, {"organization_id", "+"}, {"role", "'viewer'"}},
        .others = {"code"}}},
      {"tokens",
       {.code_of = "tokens",
        .covered = {{"id", "+"},
                    {"user_id", "CASE WHEN user_id IS NULL THEN NULL ELSE user_id + 1000 END"},
                    {"organization_id", "+"},
                    {"name", "x"},
                    {"role", "CASE WHEN user_id IS NULL THEN 'viewer' END"},
                    {"sha256", "0"},
                    {"created_at", "+"},
                    {"expires_at", "coalesce(expires_at, 0) + 1000"}},
        .others = {"last_used_at", "revoked_at", "code"}}},
      {"api_keys",
       {.code_of = "api_keys",
        .covered = {{"id", "x"},
                    {"organization_id", "+"},
                    {"name", "x"},
                    {"type", "'public', key = 'pk'"},
                    {"sha256", "0"},
                    {"created_at", "+"},
                    {"expires_at", "coalesce(expires_at, 0) + 1000"}},
        .others = {"key", "last_used_at", "revoked_at", "code"}}},
      {"allowed_names",
       {.code_of = "allowed_names",
        .covered = {{"organization_id", "+"}, {"name", "x"}},
        .others = {"code"}}},
      {"sets",
       {.code_of = "sets",
        .covered = {{"id", "+"},
                    {"organization_id", "+"},
                    {"name", "x"},
                    {"type", "'imagePullSecret'"},
                    {"region", "'eu-central'"},
                    {"host", "x"},
                    {"protected_by", "CASE WHEN protected_by IS NULL THEN 'root' END"}},
        .others = {"version", "ready_version", "status", "error_message", "burst_since",
                   "pending_since", "due_at", "live_keys", "stored_bytes", "code"}}},
      {"set_bindings",
       {.code_of = "set_bindings",
        .covered = {{"agent_id", "+"}, {"set_id", "+"}},
        .others = {"code"}}},
      {"agents",
       {.code_of = "agents",
        .covered = {{"id", "+"},
                    {"organization_id", "+"},
                    {"name", "x"},
                    {"region", "'eu-central'"},
                    {"deployment_id", "x"},
                    {"sequence", "+"}},
        .others = {"revision", "published_revision", "min_agents", "max_agents", "deleted",
                   "created_at", "updated_at", "code"}}},
      {"deployments",
       {.code_of = "deployments",
        .covered = {{"id", "x"},
                    {"agent_id", "+"},
                    {"image", "x"},
                    {"secret_set", "x"},
                    {"image_pull_secret_set", "x"},
                    {"secret_version",
                     "CASE secret_version WHEN 'latest' THEN 'pinned'"
                     " ELSE 'latest' END"}},
        .others = {"revision", "created_at", "rolled_out", "code"}}},
      {"deployment_pins",
       {.code_of = "deployments",
        .covered = {{"set_id", "+"}, {"set_name", "x"}, {"version", "+"}, {"deployment_id", "x"}}}},
      {"credentials",
       {.code_of = "credentials",
        .covered = {{"kid", "x"},
                    {"agent_id", "+"},
                    {"signing_key", "0"},
                    {"box_key", "0"},
                    {"expires_at", "coalesce(expires_at, 0) + 1000"},
                    {"purpose", "'develop'"},
                    {"made_by", "x"},
                    {"made_as", "'member'"}},
        .others = {"created_at", "revoked_at", "revision", "label", "code"}}},
      {"keys",
       {.code_of = "keys",
        .covered = {{"state", "'retired'"}},
        .others = {"id", "purpose", "wrapped", "created_at", "exported_at", "code"}}},
  };
  return schema;
}

// Wrapped keys and encrypted values are bound to their places themselves (keys/aead.h): a change of
// a key's id or purpose is found before its code is checked.
const std::set<std::string>& catalog_others() {
  static const std::set<std::string> others = {
      "agent_events", "audit",   "audit_checkpoints", "deployment_settings", "key_announcements",
      "leases",       "regions", "rollouts",          "set_values",          "settings"};
  return others;
}

const Schema& region_schema() {
  static const Schema schema = {
      {"agents",
       {.code_of = "agents",
        .covered = {{"id", "+"},
                    {"revision", "+"},
                    {"sequence", "+"},
                    {"organization", "x"},
                    {"name", "x"},
                    {"deleted", "1 - deleted"},
                    {"deployment_id", "x"}},
        .others = {"changed", "code"}}},
      {"agent_sets",
       {.code_of = "agents",
        .covered = {{"agent_id", "+"},
                    {"set_id", "+"},
                    {"organization_id", "+"},
                    {"name", "x"},
                    {"version", "+"},
                    {"latest_version", "+"}}}},
      {"credentials",
       {.code_of = "credentials",
        .covered = {{"kid", "x"},
                    {"agent_id", "+"},
                    {"signing_key", "0"},
                    {"box_key", "0"},
                    {"revoked", "1 - revoked"},
                    {"expires_at", "coalesce(expires_at, 0) + 1000"}},
        .others = {"code"}}},
  };
  return schema;
}

const std::set<std::string>& region_others() {
  static const std::set<std::string> others = {
      "audit",      "audit_checkpoints", "changes",           "credential_uses", "ended_data_keys",
      "fence",      "instances",         "listening",         "release_sets",    "releases",
      "set_values", "set_versions",      "value_fingerprints"};
  return others;
}

struct Filled : TestStores {
  Filled() {
    need(catalog().organizations.create(kAdmin, "beta", "", "us-west"));
    const User ann = need(catalog().users.add(kAdmin, "ann", ""));
    const User bob = need(catalog().users.add(kAdmin, "bob", ""));
    need(catalog().users.add(kAdmin, "cat", ""));
    need(catalog().users.put_membership(kAdmin, ann.id, acme, Role::admin));
    need(catalog().users.put_membership(kAdmin, bob.id, acme, Role::member));
    need(catalog().users.remove_membership(kAdmin, bob.id, acme));
    need(catalog().tokens.add(kAdmin, acme, "ci", Role::member, hash_bearer("ci")));
    need(catalog().tokens.add_for_user(kAdmin, ann.id, acme, "laptop", hash_bearer("ann's")));
    need(catalog().api_keys.add(kAdmin, acme, "script", ApiKeyType::private_key,
                                SecretBuffer::copy_of(std::string_view("sk"))));
    need(catalog().allowed_names.allow(kAdmin, acme, "IFS"));
    write("bot-secrets", "A", "1");
    provision();
    need(catalog().deploys.create_agent(kAdmin, acme, deploy_of("bot", "bot-secrets")));
    CredentialPublicKeys keys;
    keys.signing.fill(1);
    keys.box.fill(2);
    need(catalog().credentials.add(kAdmin, acme, "bot", "kid1", keys));
    provision();
  }

  [[nodiscard]] std::unique_ptr<Tables> tables(const std::string& database) const {
    if (!postgres) return need(open_sqlite_tables(data() + "/" + database + ".db"));
    return need(open_postgres_tables(
        need(parse_postgres_url(test_postgres_url(), schema(database), false))));
  }

  // As somebody with every right in the database: without foreign keys.
  void run(const std::string& database, const std::string& sql) const {
    if (!postgres) {
      SQLite::Database(data() + "/" + database + ".db", SQLite::OPEN_READWRITE).exec(sql);
      return;
    }
    run_script(need(parse_postgres_url(test_postgres_url(), schema(database), false)),
               "SET session_replication_role = replica; " + sql);
  }
  void change(const std::string& database, const std::string& table, const Columns& columns,
              const std::string& column, std::string value) const {
    if (value == "+") value = column + " + 1000";
    if (value == "x") value = column + " || 'x'";
    if (value == "0" && postgres) value = column + " || '\\x00'::bytea";
    if (value == "0") value = "CAST(" + column + " || x'00' AS BLOB)";
    run(database, "UPDATE " + table + " SET " + column + " = " + value + " WHERE " + columns.where);
  }
};

std::set<std::string> tables_of(const std::vector<RefusedRow>& rows) {
  std::set<std::string> tables;
  for (const RefusedRow& row : rows) tables.insert(row.table);
  return tables;
}

void check_listed(Tables& tables, const Schema& schema, const std::set<std::string>& others) {
  std::set<std::string> listed = others;
  for (const auto& [name, columns] : schema) listed.insert(name);
  std::set<std::string> found;
  for (const Table& table : tables.list()) {
    found.insert(table.name);
    const auto covered = schema.find(table.name);
    if (covered == schema.end()) continue;
    std::set<std::string> columns = covered->second.others;
    for (const auto& [column, value] : covered->second.covered) columns.insert(column);
    CAPTURE(table.name);
    std::set<std::string> in_schema(table.columns.begin(), table.columns.end());
    in_schema.erase(kRowNumber);  // SQLite does not list it
    CHECK(in_schema == columns);
  }
  CHECK(found == listed);
}

}  // namespace

TEST_CASE("every column of the catalog is covered by a code, or known to decide nothing",
          "[authority]") {
  const Filled t;
  check_listed(*t.tables("catalog"), catalog_schema(), catalog_others());
}

TEST_CASE("every column of a region store is covered by a code, or known to decide nothing",
          "[authority]") {
  const Filled t;
  check_listed(*t.tables("region-us-west"), region_schema(), region_others());
}

TEST_CASE("every row that the catalog writes has a code", "[authority]") {
  Filled t;
  for (const RefusedRow& row : need(t.catalog().coded_rows.list_refused())) {
    CAPTURE(row.table, row.key);
    FAIL("it has no code");
  }
  CHECK(need(t.region().list_refused_rows()).empty());
}

TEST_CASE("a change of any covered column of the catalog is found", "[authority]") {
  Filled t;
  for (const auto& [table, columns] : catalog_schema()) {
    for (const auto& [column, value] : columns.covered) {
      CAPTURE(table, column);
      t.change("catalog", table, columns, column, value);
      CHECK(tables_of(need(t.catalog().coded_rows.list_refused())).contains(columns.code_of));
      need(t.catalog().coded_rows.adopt());
      REQUIRE(need(t.catalog().coded_rows.list_refused()).empty());
    }
  }
}

TEST_CASE("a change of any covered column of a region store is found", "[authority]") {
  Filled t;
  for (const auto& [table, columns] : region_schema()) {
    for (const auto& [column, value] : columns.covered) {
      CAPTURE(table, column);
      const AgentSnapshot before = t.snapshot(t.agent("bot").id);
      t.change("region-us-west", table, columns, column, value);
      const auto refused = tables_of(need(t.region().list_refused_rows()));
      CHECK((refused.contains(columns.code_of) || refused.contains("agents")));
      for (const char* other : {"agent_sets", "credentials", "agents"}) {
        t.run("region-us-west", std::string("DELETE FROM ") + other);
      }
      need(t.region().put_agent(before));
      REQUIRE(need(t.region().list_refused_rows()).empty());
    }
  }
}

}  // namespace agent_secrets::control_plane

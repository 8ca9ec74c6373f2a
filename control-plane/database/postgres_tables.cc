// The tables of a PostgreSQL schema (database/tables.h).
#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <libpq-fe.h>

#include "control-plane/database/postgres_session.h"
#include "control-plane/database/postgres_values.h"
#include "control-plane/database/tables.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr const char* kMigrationsTable = "migrations";

// A column that the database numbers (GENERATED … AS IDENTITY).
struct Identity {
  std::string table;
  std::string column;
  // True for BY DEFAULT: an id. False for ALWAYS: the order of insertion (kRowNumber).
  bool is_id = false;
};

class PostgresTables final : public Tables {
 public:
  PostgresTables(std::unique_ptr<PostgresConnection> connection, const std::string& schema)
      : schema_(schema), session_(std::move(connection), schema) {}
  PostgresTables(const PostgresTables&) = delete;
  PostgresTables& operator=(const PostgresTables&) = delete;
  ~PostgresTables() override { session_.abandon(); }

  // After the lock no other connection can change the tables, so each statement sees the same rows.
  // The catalog's transaction is idle while the regions are copied, so it gets a long idle timeout.
  void begin() {
    session_.begin(PostgresSession::Isolation::read_committed);
    rest_long();
    read_schema();
    std::vector<std::string> names{kMigrationsTable};
    for (const Table& table : tables_) names.push_back(table.name);
    run(fmt::format("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", quoted_names(names)));
  }
  void begin_reading(std::string_view moment) {
    session_.begin(PostgresSession::Isolation::snapshot, moment);
    rest_long();
    read_schema();
    last_ids_ = read_last_ids();
  }

  [[nodiscard]] Transaction& transaction() override { return session_; }

  [[nodiscard]] int schema_version() override {
    return static_cast<int>(
        session_.query("SELECT coalesce(max(version), 0) AS version FROM migrations")
            .front()
            .integer("version"));
  }

  [[nodiscard]] std::vector<Table> list() override { return tables_; }

  void read(const Table& table, const std::function<void(const Cells&)>& take) override {
    run(fmt::format("DECLARE copied NO SCROLL CURSOR FOR SELECT {} FROM \"{}\"",
                    quoted_names(table.columns), table.name));
    const std::string fetch = fmt::format("FETCH {} FROM copied", limits::kCopiedRows);
    for (Cells cells = fetch_cells(fetch); !cells.empty(); cells = fetch_cells(fetch)) take(cells);
    run("CLOSE copied");
  }

  void insert(const Table& table, const Cells& cells) override {
    const std::string& text = inserts_.try_emplace(table.name, insert_text(table)).first->second;
    for (const auto& values : parameters_of(cells, table.columns.size())) {
      session_.connection().queue(text, values);
    }
    session_.connection().run_queued();
  }

  void remove_rows(const Table& table) override {
    run(fmt::format("DELETE FROM \"{}\"", table.name));
  }

  [[nodiscard]] std::map<std::string, std::int64_t> last_ids() override {
    return last_ids_ ? *last_ids_ : read_last_ids();
  }

  void raise_last_ids(const std::map<std::string, std::int64_t>& ids) override {
    for (const Identity& identity : identities_) {
      const auto found = ids.find(identity.table);
      const std::int64_t least = identity.is_id && found != ids.end() ? found->second : 0;
      run(
          fmt::format("SELECT setval('{}', last) FROM"
                      " (SELECT greatest(max(\"{}\"), {}) AS last FROM \"{}\") AS rows"
                      " WHERE last > 0",
                      sequence_of(identity), identity.column, least, identity.table));
    }
  }

  void commit() override { session_.commit(); }
  [[nodiscard]] std::string moment() override {
    return session_.query("SELECT pg_export_snapshot() AS moment").front().text("moment");
  }

 private:
  std::map<std::string, std::int64_t> read_last_ids() {
    std::map<std::string, std::int64_t> ids;
    for (const Identity& identity : identities_) {
      if (!identity.is_id) continue;
      const Rows rows =
          run(fmt::format("SELECT last_value FROM {} WHERE is_called", sequence_of(identity)));
      if (!rows.empty()) ids[identity.table] = rows.front().integer("last_value");
    }
    return ids;
  }

  void rest_long() {
    (void)session_.query(
        "SELECT set_config('idle_in_transaction_session_timeout', ?1, true) AS timeout",
        std::to_string(std::chrono::milliseconds(limits::kMoveTime).count()));
  }

  void read_schema() {
    std::vector<Table> unordered;
    for (const Row row : session_.query(
             "SELECT c.relname AS name, a.attname AS column_name, t.typname AS type,"
             " CAST(a.attidentity AS text) AS identity"
             " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
             " JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid"
             " WHERE n.nspname = ?1 AND c.relkind IN ('r', 'p') AND c.relname <> ?2"
             " AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attname",
             schema_, kMigrationsTable)) {
      const std::string name = row.text("name");
      if (unordered.empty() || unordered.back().name != name)
        unordered.push_back({.name = name, .columns = {}});
      add_column(unordered.back(), row);
    }
    tables_ = in_order(std::move(unordered));
  }

  void add_column(Table& table, const Row& row) {
    const std::string column = row.text("column_name");
    const std::string identity = row.text("identity");
    table.columns.push_back(column);
    if (row.text("type") == "bool") booleans_.emplace(table.name, column);
    if (!identity.empty()) {
      identities_.push_back({.table = table.name, .column = column, .is_id = identity == "d"});
    }
  }

  // Sorts each table after the tables that it references, because each statement checks its
  // references (they are not DEFERRABLE).
  std::vector<Table> in_order(std::vector<Table> left) {
    std::map<std::string, std::set<std::string>> refers_to;
    for (const Row row :
         session_.query("SELECT c.relname AS name, r.relname AS other FROM pg_constraint f"
                        " JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class r ON r.oid = "
                        "f.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
                        " WHERE f.contype = 'f' AND n.nspname = ?1 AND f.conrelid <> f.confrelid",
                        schema_)) {
      refers_to[row.text("name")].insert(row.text("other"));
    }
    std::vector<Table> ordered;
    while (!left.empty()) {
      const auto next = std::ranges::find_if(
          left, [&](const Table& table) { return refers_to[table.name].empty(); });
      // Our schemas have no circular references: these would have to be DEFERRABLE.
      AGENT_SECRETS_ASSERT(next != left.end());
      for (auto& [table, others] : refers_to) others.erase(next->name);
      ordered.push_back(std::move(*next));
      left.erase(next);
    }
    return ordered;
  }

  // Cells have 0 or 1 for a boolean (postgres_values.h), so the statement converts them.
  [[nodiscard]] std::string insert_text(const Table& table) const {
    std::string values;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      const bool is_boolean = booleans_.contains({table.name, table.columns[i]});
      values += fmt::format("{}?{}{}", i == 0 ? "" : ", ", i + 1, is_boolean ? " <> 0" : "");
    }
    return fmt::format("INSERT INTO \"{}\" ({}) OVERRIDING SYSTEM VALUE VALUES ({})", table.name,
                       quoted_names(table.columns), values);
  }

  // Returns the quoted name of the column's sequence.
  std::string sequence_of(const Identity& identity) {
    return session_
        .query(
            "SELECT pg_get_serial_sequence(quote_ident(?1) || '.' || quote_ident(?2), ?3) AS"
            " name",
            schema_, identity.table, identity.column)
        .front()
        .text("name");
  }

  PostgresConnection::Answer answer_to(const std::string& text) {
    session_.connection().queue(text.c_str());
    return std::move(session_.connection().run_queued().front());
  }
  Rows run(const std::string& text) { return rows_of(answer_to(text).get()); }
  Cells fetch_cells(const std::string& text) { return cells_of(answer_to(text).get()); }

  const std::string schema_;
  std::vector<Table> tables_;
  std::vector<Identity> identities_;
  std::set<std::pair<std::string, std::string>> booleans_;  // table and column
  // Of tables that are only read. A sequence is in no snapshot: it rises with what others write.
  std::optional<std::map<std::string, std::int64_t>> last_ids_;
  std::map<std::string, std::string> inserts_;  // by table; the connection keeps references to them
  PostgresSession session_;
};

template <typename Begin>
Result<std::unique_ptr<Tables>> open_tables(const PostgresOptions& options, const char* clause,
                                            const Begin& begin) {
  auto connection = PostgresConnection::open(options);
  if (!connection) return propagate(connection);
  auto tables = std::make_unique<PostgresTables>(std::move(*connection), options.schema);
  return guarded(clause + options.schema, [&]() -> Result<std::unique_ptr<Tables>> {
    begin(*tables);
    return std::move(tables);
  });
}

}  // namespace

Result<std::unique_ptr<Tables>> open_postgres_tables(const PostgresOptions& options) {
  return open_tables(options, "lock the schema ", [](PostgresTables& tables) { tables.begin(); });
}

Result<std::unique_ptr<Tables>> read_postgres_tables(const PostgresOptions& options,
                                                     std::string_view moment) {
  return open_tables(options, "read the schema ",
                     [&](PostgresTables& tables) { tables.begin_reading(moment); });
}

}  // namespace agent_secrets::control_plane

// The tables of a SQLite file (database/tables.h).
#include <utility>

#include <fmt/format.h>

#include "control-plane/database/sqlite_session.h"
#include "control-plane/database/tables.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

std::string insert_text(const Table& table) {
  std::string text =
      fmt::format("INSERT INTO \"{}\" ({}) VALUES (", table.name, quoted_names(table.columns));
  for (std::size_t i = 1; i <= table.columns.size(); ++i) text += fmt::format("?{},", i);
  text.back() = ')';
  return text;
}

class SqliteTables final : public Tables {
 public:
  explicit SqliteTables(std::unique_ptr<SqliteSession> session) : session_(std::move(session)) {}
  SqliteTables(const SqliteTables&) = delete;
  SqliteTables& operator=(const SqliteTables&) = delete;
  ~SqliteTables() override { session_->roll_back(); }

  // IMMEDIATE locks the file: a second writer waits, at most for SQLite's busy timeout. Foreign
  // keys are checked at the commit, so the order of insertion does not matter.
  void begin() { session_->script("BEGIN IMMEDIATE; PRAGMA defer_foreign_keys = ON"); }
  // The first read of a transaction chooses what all of its reads see (sqlite.org/isolation.html).
  void begin_reading() {
    session_->script("BEGIN");
    (void)session_->query("SELECT count(*) AS tables FROM sqlite_schema");
  }

  [[nodiscard]] Transaction& transaction() override { return *session_; }

  [[nodiscard]] int schema_version() override {
    return static_cast<int>(session_->query("PRAGMA user_version").front().integer("user_version"));
  }

  [[nodiscard]] std::vector<Table> list() override {
    std::vector<Table> tables;
    for (const Row row :
         session_->query("SELECT t.name AS name, c.name AS column_name,"
                         " (SELECT wr = 0 FROM pragma_table_list(t.name)) AS has_row_numbers"
                         " FROM sqlite_schema t JOIN pragma_table_xinfo(t.name) c"
                         " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!'"
                         " ORDER BY t.name, c.name")) {
      const std::string name = row.text("name");
      if (tables.empty() || tables.back().name != name) {
        tables.push_back(
            {.name = name, .columns = {}, .has_row_numbers = row.boolean("has_row_numbers")});
      }
      tables.back().columns.push_back(row.text("column_name"));
    }
    return tables;
  }

  void read(const Table& table, const std::function<void(const Cells&)>& take) override {
    session_->read_in_batches(
        fmt::format("SELECT {} FROM \"{}\"{}", quoted_names(table.columns), table.name,
                    table.has_row_numbers ? " ORDER BY rowid" : ""),
        limits::kCopiedRows, take);
  }

  void insert(const Table& table, const Cells& cells) override {
    const std::string& text = inserts_.try_emplace(table.name, insert_text(table)).first->second;
    for (const auto& values : parameters_of(cells, table.columns.size())) {
      session_->change(text, values);
    }
  }

  void remove_rows(const Table& table) override {
    session_->script(fmt::format("DELETE FROM \"{}\"", table.name).c_str());
  }

  // Only tables with AUTOINCREMENT have last ids (sqlite.org/autoinc.html).
  [[nodiscard]] std::map<std::string, std::int64_t> last_ids() override {
    std::map<std::string, std::int64_t> ids;
    // SQLite creates sqlite_sequence together with the first AUTOINCREMENT table.
    if (session_->query("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'").empty()) {
      return ids;
    }
    for (const Row row : session_->query("SELECT name, seq FROM sqlite_sequence")) {
      ids[row.text("name")] = row.integer("seq");
    }
    return ids;
  }

  // SQLite has already raised `seq` to the highest inserted id.
  void raise_last_ids(const std::map<std::string, std::int64_t>& ids) override {
    for (const auto& [table, id] : ids) {
      session_->execute(
          "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, 0"
          " WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)",
          table);
      session_->execute("UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", table, id);
    }
  }

  void commit() override { session_->commit(); }
  [[nodiscard]] std::string moment() override { return ""; }

 private:
  std::map<std::string, std::string> inserts_;  // by table; the session keeps references to them
  std::unique_ptr<SqliteSession> session_;
};

Result<std::unique_ptr<Tables>> open_tables(const std::string& path, const char* clause,
                                            void (SqliteTables::*begin)()) {
  auto session = SqliteSession::open(path);
  if (!session) return propagate(session);
  auto tables = std::make_unique<SqliteTables>(std::move(*session));
  return guarded(clause + path, [&]() -> Result<std::unique_ptr<Tables>> {
    (tables.get()->*begin)();
    return std::move(tables);
  });
}

}  // namespace

Result<std::unique_ptr<Tables>> open_sqlite_tables(const std::string& path) {
  return open_tables(path, "lock ", &SqliteTables::begin);
}

Result<std::unique_ptr<Tables>> read_sqlite_tables(const std::string& path) {
  return open_tables(path, "read ", &SqliteTables::begin_reading);
}

}  // namespace agent_secrets::control_plane

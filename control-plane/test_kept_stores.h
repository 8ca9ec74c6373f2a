#pragma once
// The stores that a TestStores begins with. On PostgreSQL their migrations take four fifths of the
// time of a test, so a test program makes the stores once for each database. It keeps them and puts
// them back for the next test case: the files, and on PostgreSQL the rows of every table. So the
// test cases of one program share their keys and ids.
//
// Threads: one.

#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "control-plane/database/postgres_connection.h"
#include "control-plane/database/postgres_failure.h"
#include "control-plane/database/test_databases.h"
#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {

class KeptStores {
 public:
  // Lends the kept stores of one database to one TestStores. If they are lent already, the second
  // TestStores makes stores of its own, with other keys.
  class Loan {
   public:
    explicit Loan(TestedDatabase database) : kept_(&of(database)) {
      if (kept_->lent_) kept_ = nullptr;
      if (kept_ != nullptr) kept_->lent_ = true;
    }
    ~Loan() {
      if (kept_ != nullptr) kept_->lent_ = false;
    }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;

    // False: there is nothing in `directory` and the schemas yet, so the caller makes stores.
    bool put_back(const TemporaryDirectory& directory, std::optional<PostgresOptions>& postgres) {
      return kept_ != nullptr && kept_->put_back(directory, postgres);
    }
    // The caller has closed the stores.
    void keep(const TemporaryDirectory& directory, const std::optional<PostgresOptions>& postgres) {
      if (kept_ != nullptr) kept_->keep(directory, postgres);
    }

   private:
    KeptStores* kept_;
  };

 private:
  static KeptStores& of(TestedDatabase database) {
    static std::array<KeptStores, 2> all;
    return all.at(static_cast<std::size_t>(database));
  }

  static void copy(const std::string& from, const std::string& to) {
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
  }

  void keep(const TemporaryDirectory& directory, const std::optional<PostgresOptions>& postgres) {
    if (postgres) {
      auto connection = PostgresConnection::open(*postgres);
      REQUIRE(connection);
      (*connection)->script(fmt::format(kKeep, postgres->schema).c_str());
      connection_ = std::move(*connection);
    }
    auto copied = std::make_unique<TemporaryDirectory>();
    copy(directory.path(), copied->path("all"));
    directory_ = std::move(copied);
    postgres_ = postgres;
  }

  bool put_back(const TemporaryDirectory& directory, std::optional<PostgresOptions>& postgres) {
    if (!directory_) return false;
    if (postgres_ && !put_rows_back()) return false;
    copy(directory_->path("all"), directory.path());
    postgres = postgres_;
    return true;
  }

  // False: the test case before has changed tables, columns, triggers or rights.
  bool put_rows_back() {
    try {
      connection_->script(fmt::format(kPutBack, postgres_->schema, kChanged).c_str());
      return true;
    } catch (const PostgresFailure& failure) {
      if (failure.error().message.find(kChanged) == std::string::npos) throw;
      return false;
    }
  }

  static constexpr const char* kChanged = "the structure has changed";

  // The schemas of the stores are {0}-catalog and {0}-region-CODE. The schema kept-{0} has the
  // copies of their rows.
  static constexpr const char* kKeep = R"(
    CREATE SCHEMA "kept-{0}";
    SET search_path = "kept-{0}";
    CREATE VIEW schemas AS
      SELECT oid, nspname, nspacl FROM pg_namespace WHERE starts_with(nspname, '{0}-');
    CREATE VIEW tables AS
      SELECT c.oid, format('%I.%I', s.nspname, c.relname) AS name
        FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace WHERE c.relkind = 'r';
    CREATE VIEW structure AS
      SELECT md5(concat(
        (SELECT array_agg((s.*)::text ORDER BY s.oid) FROM schemas s),
        (SELECT array_agg((c.oid, c.relname, c.relacl, c.relchecks)::text ORDER BY c.oid)
           FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace),
        (SELECT array_agg((attrelid, attname, atttypid, attnotnull, attacl)::text
                          ORDER BY attrelid, attnum)
           FROM pg_attribute JOIN tables ON tables.oid = attrelid),
        (SELECT array_agg((t.oid, tgenabled)::text ORDER BY t.oid)
           FROM pg_trigger t JOIN tables ON tables.oid = tgrelid)));
    CREATE TABLE kept_structure AS TABLE structure;
    CREATE TABLE kept_sequences AS
      SELECT format('%I.%I', schemaname, sequencename) AS name, last_value
        FROM pg_sequences JOIN schemas ON nspname = schemaname;
    DO $$
      DECLARE it record; has_rows boolean;
      BEGIN
        FOR it IN SELECT * FROM tables LOOP
          EXECUTE format('SELECT EXISTS (SELECT FROM %s)', it.name) INTO has_rows;
          IF has_rows THEN EXECUTE format('CREATE TABLE %I AS TABLE %s', it.oid, it.name); END IF;
        END LOOP;
      END $$)";

  // The lock waits for the transactions of processes that the test case has killed.
  static constexpr const char* kPutBack = R"(
    SET search_path = "kept-{0}";
    SET session_replication_role = replica;  -- neither foreign keys nor triggers
    DO $$
      DECLARE it record;
      BEGIN
        IF (TABLE structure) <> (TABLE kept_structure) THEN RAISE '{1}'; END IF;
        EXECUTE (SELECT 'LOCK TABLE ' || string_agg(name, ', ') FROM tables);
        FOR it IN SELECT t.name, k.relname AS kept FROM tables t LEFT JOIN pg_class k
                    ON k.relname = t.oid::text AND k.relnamespace = '"kept-{0}"'::regnamespace LOOP
          EXECUTE format('DELETE FROM %s', it.name);
          IF it.kept IS NOT NULL THEN
            EXECUTE format('INSERT INTO %s OVERRIDING SYSTEM VALUE TABLE %I', it.name, it.kept);
          END IF;
        END LOOP;
        PERFORM setval(name, coalesce(last_value, 1), last_value IS NOT NULL) FROM kept_sequences;
      END $$)";

  bool lent_ = false;
  std::unique_ptr<TemporaryDirectory> directory_;  // null: nothing is kept
  std::optional<PostgresOptions> postgres_;
  // One for all test cases: a new one would read the descriptions of all tables again.
  std::unique_ptr<PostgresConnection> connection_;
};

}  // namespace agent_secrets::control_plane

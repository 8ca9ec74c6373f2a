// The first catalog in PostgreSQL. Its schemas are made under other names and renamed in one
// transaction. That transaction is open from the beginning, because it also has the lock: the lock
// ends with it, and so with the process (postgresql.org/docs/15/explicit-locking.html, advisory
// locks; a lock of the session would not survive PgBouncer in transaction mode).
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "control-plane/commands/first_catalog.h"
#include "control-plane/database/postgres_failure.h"
#include "control-plane/database/postgres_session.h"

namespace agent_secrets::control_plane {
namespace {

using Commands = std::vector<std::string>;

Commands commands_of(const Rows& rows) {
  Commands commands;
  for (const Row row : rows) commands.push_back(row.text("command"));
  return commands;
}

// The server quotes the names (format's %I).
Commands drop_commands(Transaction& tx, const std::string& prefix) {
  return commands_of(
      tx.query("SELECT format('DROP SCHEMA %I CASCADE', nspname) AS command FROM pg_namespace"
               " WHERE starts_with(CAST(nspname AS text), ?1)",
               prefix));
}

Commands rename_commands(Transaction& tx, const std::string& from, const std::string& to) {
  return commands_of(
      tx.query("SELECT format('ALTER SCHEMA %I RENAME TO %I', nspname,"
               " ?2 || substr(CAST(nspname AS text), length(?1) + 1)) AS command"
               " FROM pg_namespace WHERE starts_with(CAST(nspname AS text), ?1)",
               from, to));
}

class InDatabase final : public FirstCatalog {
 public:
  InDatabase(PostgresOptions options, std::string last_prefix, std::string prefix,
             std::unique_ptr<StorePlace> place, std::unique_ptr<PostgresConnection> connection)
      : options_(std::move(options)),
        last_prefix_(std::move(last_prefix)),
        prefix_(std::move(prefix)),
        place_(std::move(place)),
        session_(std::move(connection), options_.schema) {}
  InDatabase(const InDatabase&) = delete;
  InDatabase& operator=(const InDatabase&) = delete;
  ~InDatabase() override {
    if (!is_moved_ && has_lock()) (void)drop();  // a destructor cannot report an error
    session_.abandon();
  }

  [[nodiscard]] StorePlace& place() override { return *place_; }

  // The server ends a transaction in which no statement runs: it must last while the catalog is
  // filled by other connections.
  Result<void> lock(std::chrono::milliseconds at_most) {
    auto locked = run([&] {
      session_.begin(PostgresSession::Isolation::read_committed);
      (void)session_.query(
          "SELECT set_config('idle_in_transaction_session_timeout', ?1, true) AS timeout",
          std::to_string(at_most.count()));
      (void)session_.query("SELECT 1 AS held FROM pg_advisory_xact_lock(hashtextextended(?1, 0))",
                           "agent-secrets init of " + last_prefix_);
    });
    is_locked_ = locked.has_value();
    if (!locked) return propagate(locked, "wait for another init or move to this database");
    return {};
  }

  // In a transaction of its own. Call it with the lock: then no other init uses these schemas.
  Result<void> drop() {
    auto connection = PostgresConnection::open(options_);
    if (!connection) return propagate(connection);
    PostgresSession other(std::move(*connection), options_.schema);
    return run([&] {
      other.begin(PostgresSession::Isolation::read_committed);
      for (const auto& command : drop_commands(other, prefix_)) {
        other.connection().script(command.c_str());
      }
      other.commit();
    });
  }

  Result<void> move_into_place() override {
    if (auto renamed = run([this] { rename(); }); !renamed) {
      // Gives up what the renaming has locked, which the destructor drops, and keeps our own lock.
      (void)run([this] { session_.connection().script("ROLLBACK TO SAVEPOINT staged"); });
      return renamed;
    }
    is_moved_ = true;  // or it will not be known
    const auto committed = run([this] { session_.commit(); });
    if (committed) return {};
    return fail(
        ErrorCode::unavailable,
        "it is not known whether the catalog is made: " + committed.error().message,
        "check with secret-control-plane organization list; if there is no catalog, run this "
        "command again");
  }

 private:
  // The lock ends with the connection, which may have been lost.
  bool has_lock() {
    return is_locked_ && run([this] { (void)session_.query("SELECT 1 AS held"); });
  }

  void rename() {
    session_.connection().script("SAVEPOINT staged");
    for (const auto& command : rename_commands(session_, prefix_, last_prefix_)) {
      session_.connection().script(command.c_str());
    }
  }

  template <typename Work>
  static Result<void> run(const Work& work) {
    try {
      work();
      return {};
    } catch (const DatabaseFailure& failure) {
      return std::unexpected(failure.error());
    }
  }

  const PostgresOptions options_;
  const std::string last_prefix_;
  const std::string prefix_;
  std::unique_ptr<StorePlace> place_;
  PostgresSession session_;  // its open transaction has the lock
  bool is_locked_ = false;
  bool is_moved_ = false;
};

}  // namespace

Result<std::unique_ptr<FirstCatalog>> first_catalog_in_database(const PostgresPlace& place,
                                                                RegionDatabases regions,
                                                                std::chrono::milliseconds at_most) {
  PostgresPlace staged = place;
  staged.schema_prefix += "init-";
  auto options =
      parse_postgres_url(staged.url, staged.schema_prefix, staged.allow_plain, staged.password);
  if (!options) return propagate(options);
  auto last = postgres_place(place);
  if (!last) return propagate(last);
  auto staged_place = postgres_place(staged);
  if (!staged_place) return propagate(staged_place);
  auto connection = PostgresConnection::open(*options);
  if (!connection) return propagate(connection);
  auto first = std::make_unique<InDatabase>(
      std::move(*options), place.schema_prefix, staged.schema_prefix,
      with_region_databases(std::move(*staged_place), std::move(regions)), std::move(*connection));
  if (auto locked = first->lock(at_most); !locked) return propagate(locked);
  auto taken = (*last)->has_catalog();
  if (!taken) return propagate(taken);
  if (*taken) {
    return fail(ErrorCode::conflict, (*last)->name() + " already holds a catalog",
                "use it with serve, or choose another --database");
  }
  if (auto dropped = first->drop(); !dropped) return propagate(dropped);
  return first;
}

}  // namespace agent_secrets::control_plane

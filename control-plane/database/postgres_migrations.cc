// Migrations of a PostgreSQL schema (database/migrations.h).
#include <chrono>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "control-plane/database/failure.h"
#include "control-plane/database/migrations.h"
#include "control-plane/database/postgres_failure.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::steady_clock;

// How long a migration tries to lock the tables that it changes.
constexpr std::chrono::minutes kPatience{2};
constexpr std::chrono::seconds kPause{1};

// How long to wait for the migration of another process. A statement of a migration has the same
// limit.
constexpr std::chrono::minutes kMigrationMax{10};
constexpr std::chrono::milliseconds kLockRetry{200};

// The lock ends with its transaction, so a process that dies releases it. Other processes poll for
// the lock: a migration may take longer than the time limit for the answer to one statement
// (postgres_connection.cc).
Result<void> take_lock(PostgresSession& session, const PostgresOptions& options) {
  const auto deadline = steady_clock::now() + kMigrationMax;
  (void)session.query("SELECT set_config('statement_timeout', '600000', true) AS timeout");
  while (!session
              .query("SELECT pg_try_advisory_xact_lock(hashtextextended(?1, 0)) AS is_ours",
                     "agent-secrets migrations of " + options.schema)
              .front()
              .boolean("is_ours")) {
    if (steady_clock::now() >= deadline) {
      return fail(ErrorCode::unavailable, "another process has been migrating for too long",
                  "look for a session of secret-control-plane in pg_stat_activity");
    }
    std::this_thread::sleep_for(kLockRetry);
  }
  return {};
}

// While a migration waits for a table, all later transactions on this table wait behind it. A dump
// uses every table until it ends. So the wait ends after 2 s, the other transactions proceed, and
// migrate() tries again.
void wait_for_tables_briefly(PostgresSession& session) {
  (void)session.query("SELECT set_config('lock_timeout', '2000', true) AS timeout");
}

// The role that the schema belongs to; none: there is no such schema.
struct Schema {
  std::string owner;
  std::string us;
  bool is_ours = false;  // the owner is our role, or a role that ours is a member of
  bool is_usable = false;
};

std::optional<Schema> find_schema(Transaction& tx, const std::string& name) {
  const Rows rows = tx.query(
      "SELECT pg_get_userbyid(nspowner) AS owner, current_user AS us,"
      " pg_has_role(nspowner, 'USAGE') AS is_ours,"
      " has_schema_privilege(nspname, 'USAGE') AS is_usable FROM pg_namespace WHERE nspname = ?1",
      name);
  if (rows.empty()) return std::nullopt;
  const Row row = rows.front();
  return Schema{.owner = row.text("owner"),
                .us = row.text("us"),
                .is_ours = row.boolean("is_ours"),
                .is_usable = row.boolean("is_usable")};
}

std::unexpected<Error> refuse_owner(const PostgresOptions& options, const Schema& schema) {
  return fail(ErrorCode::failed,
              fmt::format("{}: the schema {} belongs to the role {}, and we are {}", options.name,
                          options.schema, schema.owner, schema.us),
              fmt::format("connect as {}, or ALTER SCHEMA \"{}\" OWNER TO \"{}\"", schema.owner,
                          options.schema, schema.us));
}

int version_of(Transaction& tx, const std::string& schema) {
  const Rows rows = tx.query("SELECT to_regclass(?1) IS NOT NULL AS is_there",
                             fmt::format(R"("{}".migrations)", schema));
  if (!rows.front().boolean("is_there")) return 0;
  return static_cast<int>(tx.query("SELECT coalesce(max(version), 0) AS version FROM migrations")
                              .front()
                              .integer("version"));
}

void run(PostgresSession& session, int version, const Migration& migration) {
  session.connection().script(migration.sql);
  session.execute("INSERT INTO migrations (version, name) VALUES (?1, ?2)", version,
                  migration.name);
}

Result<void> migrate_locked(PostgresSession& session, const PostgresOptions& options,
                            const std::vector<Migration>& migrations) {
  if (auto locked = take_lock(session, options); !locked) return locked;
  const auto schema = find_schema(session, options.schema);
  if (schema && !schema->is_usable) return refuse_owner(options, *schema);
  const int found = schema ? version_of(session, options.schema) : 0;
  const auto known = static_cast<int>(migrations.size());
  if (auto ok = check_not_newer(options.name, found, known); !ok) return ok;
  if (found == known) return {};
  if (schema && !schema->is_ours) return refuse_owner(options, *schema);
  wait_for_tables_briefly(session);
  if (!schema) {
    session.connection().script(fmt::format("CREATE SCHEMA \"{}\"", options.schema).c_str());
  }
  if (found == 0) {
    session.connection().script(
        "CREATE TABLE migrations (version bigint PRIMARY KEY, name text NOT NULL,"
        " at timestamptz NOT NULL DEFAULT now())");
  }
  for (int version = found + 1; version <= known; ++version) {
    run(session, version, migrations[static_cast<std::size_t>(version) - 1]);
  }
  return {};
}

Result<void> migrate_once(PostgresPool& pool, const std::vector<Migration>& migrations) {
  auto session = pool.take(steady_clock::now());
  if (!session) return propagate(session);
  // READ COMMITTED, so that statements after the lock see what its previous holder committed.
  (*session)->begin(PostgresSession::Isolation::read_committed);
  auto done = migrate_locked(**session, pool.options(), migrations);
  if (done) (*session)->commit();
  return done;
}

bool may_run_again(const DatabaseFailure& failure) {
  const auto* refused = dynamic_cast<const PostgresFailure*>(&failure);
  return refused != nullptr && refused->kind() == PostgresFailure::Kind::conflict;
}

}  // namespace

Result<int> schema_version(PostgresPool& pool) {
  auto session = pool.take(steady_clock::now());
  if (!session) return propagate(session);
  const std::string& schema = pool.options().schema;
  try {
    (*session)->begin(PostgresSession::Isolation::snapshot);
    const auto found = find_schema(**session, schema);
    if (!found) return 0;
    if (!found->is_usable) return refuse_owner(pool.options(), *found);
    return version_of(**session, schema);
  } catch (const DatabaseFailure& failure) {
    return std::unexpected(Error(failure.error()).within("read the schema " + schema));
  }
}

Result<void> migrate(PostgresPool& pool, const std::vector<Migration>& migrations) {
  const std::string clause = "migrate the schema " + pool.options().schema;
  const auto deadline = steady_clock::now() + kPatience;
  for (;; std::this_thread::sleep_for(kPause)) {
    try {
      auto done = migrate_once(pool, migrations);
      if (!done) return propagate(done, clause);
      return done;
    } catch (const DatabaseFailure& failure) {
      if (may_run_again(failure) && steady_clock::now() < deadline) continue;
      return std::unexpected(Error(failure.error()).within(clause));
    }
  }
}

}  // namespace agent_secrets::control_plane

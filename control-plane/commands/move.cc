// `move`: copies a catalog and its regions from a data directory to a PostgreSQL database, or back.
//
// The copy is made under temporary names, and its last step renames it (first_catalog.h). So a move
// that is killed leaves no catalog at the target, and the next move starts again. Then the source
// is marked as moved, and every command refuses to open it (catalog/moving.h).

#include <functional>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/first_catalog.h"
#include "control-plane/commands/groups.h"
#include "control-plane/commands/move_source.h"
#include "control-plane/database/table_copy.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

struct MoveOptions {
  DataOptions data;
  DataOptions to;
};

// These tables are not copied. They say which process does which work, by the clock of the source
// database. The target has other processes and another clock.
const std::set<std::string>& left_out() {
  static const std::set<std::string> tables{"leases", "fence"};
  return tables;
}

// A timeline of the source's server means nothing on another server (database/timeline.h).
constexpr Sql kForgetServerOfCatalog = "DELETE FROM settings WHERE name = 'server_timeline'";
constexpr Sql kForgetServerOfRegion = "UPDATE changes SET timeline = ''";

// `make` creates the empty tables, and `lock` opens and locks them.
struct Target {
  std::function<Result<std::unique_ptr<Database>>()> make;
  std::function<Result<std::unique_ptr<Tables>>()> lock;
  Sql forget_server;
};

Result<std::int64_t> copy(Tables& from, const Target& target) {
  if (auto made = target.make(); !made) return propagate(made);
  Result<std::int64_t> rows;
  {
    auto to = target.lock();
    if (!to) return propagate(to);
    rows = copy_tables(from, **to, left_out());
    if (!rows) return rows;
  }
  auto copied = target.lock();
  if (!copied) return propagate(copied);
  if (auto same = compare_tables(from, **copied, left_out()); !same) return propagate(same);
  auto forgot = guarded("forget the server", [&]() -> Result<void> {
    (*copied)->transaction().execute(target.forget_server);
    (*copied)->commit();
    return {};
  });
  if (!forgot) return propagate(forgot);
  return rows;
}

Result<void> copy_and_tell(const std::string& name, Tables& from, const Target& target) {
  auto rows = copy(from, target);
  if (!rows) return propagate(rows, "copy the " + name);
  note(fmt::format("{}: {} rows copied and compared", name, *rows));
  return {};
}

Result<void> copy_all(const MoveSource& source, StorePlace& target) {
  auto done = target.make();
  if (!done) return done;
  done = copy_and_tell("catalog", *source.catalog,
                       {.make = [&] { return target.open_catalog(); },
                        .lock = [&] { return target.lock_catalog_tables(); },
                        .forget_server = kForgetServerOfCatalog});
  if (!done) return done;
  for (const auto& region : source.regions) {
    const std::string& code = region.first;
    done = copy_and_tell("region " + code, *region.second,
                         {.make = [&] { return target.open_region(code); },
                          .lock = [&] { return target.lock_region_tables(code); },
                          .forget_server = kForgetServerOfRegion});
    if (!done) return done;
  }
  return {};
}

Result<void> check_kinds(const MoveOptions& options) {
  if (options.data.database.empty() != options.to.database.empty()) return {};
  return fail(
      ErrorCode::invalid,
      "move copies from a data directory to a database, or from a database to a data "
      "directory",
      "to copy a data directory, stop its server and use cp; to copy a database, use pg_dump");
}

Result<void> move(const MoveOptions& options, const Clock& clock) {
  if (auto ok = check_kinds(options); !ok) return ok;
  DataOptions to = options.data;  // all but the place
  to.data_directory = options.to.data_directory;
  to.database = options.to.database;
  to.database_is_of_environment = options.to.database_is_of_environment;
  auto target_place = place_of(to);
  if (!target_place) return propagate(target_place);
  const std::string target = (*target_place)->name();
  auto data = find_data(options.data);
  if (!data) return propagate(data);
  auto source = lock_source(*data->place);
  if (!source) return propagate(source);

  Result<std::unique_ptr<FirstCatalog>> first;  // has the lock until everything is undone
  Undo undo;
  first = first_catalog_of(to, undo, limits::kMoveTime);
  if (!first) return propagate(first);
  if (auto copied = copy_all(*source, (*first)->place()); !copied) return copied;
  // Checks that the master key opens the copy.
  if (auto opened = open_stores((*first)->place(), data->master_key, clock); !opened) {
    return propagate(opened, "open the copy");
  }
  auto moved = (*first)->move_into_place();
  if (moved || moved.error().code == ErrorCode::unavailable) undo.forget();
  if (!moved) return moved;
  const std::string name = data->place->name();
  if (auto marked = mark_source(std::move(*source), target); !marked) {
    return propagate(marked,
                     "the copy in " + target + " is complete, so do not serve " + name + " again");
  }
  note(fmt::format(
      "{} is moved to {}\nhint: Start the servers with the new place and the same master key. The "
      "key was not copied. Commands now refuse {}: delete it when the new place has a backup.",
      name, target, name));
  return {};
}

}  // namespace

void declare_move(const Declarations& declare) {
  const auto command = declare.command(
      "move", "Move everything from a data directory to PostgreSQL, or back", move,
      {.examples =
           {{"secret-control-plane move --data-dir /var/lib/agent-secrets \\\n"
             "      --master-key-file /etc/agent-secrets/master.key \\\n"
             "      --to 'postgresql://me@db.example.com/secrets?sslrootcert=/etc/ca.pem'",
             "To PostgreSQL"},
            {"secret-control-plane move --master-key-file /etc/agent-secrets/master.key \\\n"
             "      --database 'postgresql://me@db.example.com/secrets?sslrootcert=/etc/ca.pem' "
             "\\\n"
             "      --to-data-dir /var/lib/agent-secrets",
             "Back to a data directory"}},
       .text = "Stop every server first. move copies and compares every row, and then marks the "
               "source as moved. A move that fails or is killed changes nothing: run it again. If "
               "move then says that the target holds a catalog, only the mark is missing: do not "
               "serve the source.",
       .reading = {{"docs/OPERATIONS.md", "Move to PostgreSQL, and back"}}});
  command.target_place(command->to);
}

}  // namespace agent_secrets::control_plane

// `move`: copies a catalog and its regions from a data directory to a PostgreSQL database, or back.
//
// The copy is made under temporary names, and its last step renames it (first_catalog.h). So a move
// that is killed leaves no catalog at the target, and the next move starts again. Then the source
// is marked as moved, and every command refuses to open it (catalog/moving.h).

#include <string>
#include <utility>

#include <fmt/format.h>

#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/first_catalog.h"
#include "control-plane/commands/groups.h"
#include "control-plane/commands/place_tables.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

struct MoveOptions {
  DataOptions data;
  DataOptions to;
};

Result<void> check_kinds(const MoveOptions& options) {
  if (options.data.database.empty() != options.to.database.empty()) return {};
  return fail(ErrorCode::invalid,
              "move copies from a data directory to a database, or from a database to a data "
              "directory",
              "to copy one to a place of its own kind, use backup create and restore");
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
  auto copied = copy_place(*source, (*first)->place());
  if (!copied) return propagate(copied);
  for (const CopiedPart& part : *copied) {
    note(fmt::format("{}: {} rows copied and compared", part.name(), sum_of(part.rows)));
  }
  (*first)->place().accept_uncoded_rows(options.data.accept_uncoded_rows);
  if (auto settled = settle_copy((*first)->place(), *copied); !settled) return settled;
  // Checks that the master key opens the copy.
  auto opened = open_stores((*first)->place(), data->master_key, clock);
  if (!opened) return propagate(opened, "open the copy");
  auto recorded = opened->catalog->audit.add(
      host_actor(),
      {.action = "catalog.move", .object = data->place->name(), .detail = "to " + target});
  if (!recorded) return propagate(recorded);
  *opened = {};
  if (auto moved = put_in_place(**first, undo); !moved) return moved;
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

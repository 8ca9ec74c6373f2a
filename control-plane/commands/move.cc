// `move`: copies a catalog and its regions from a data directory to a PostgreSQL database, or back.
//
// The copy is made beside its later place and gets its names as the last step (first_catalog.h): a
// move that is killed leaves no catalog there, and the next one begins anew. Then the source gets a
// mark, and no command opens it any more (catalog/moving.h).

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
  DataOptions to = options.to;
  to.allow_plain_database = options.data.allow_plain_database;
  to.region_databases = options.data.region_databases;
  to.region_databases_are_of_environment = options.data.region_databases_are_of_environment;
  to.master_key_file = options.data.master_key_file;
  auto target_place = place_of(to);
  if (!target_place) return propagate(target_place);
  const std::string target = (*target_place)->name();
  auto data = find_data(options.data);
  if (!data) return propagate(data);
  auto source = lock_source(*data->place);
  if (!source) return propagate(source);

  Undo undo;
  auto first = first_catalog_of(to, undo, limits::kMoveTime);
  if (!first) return propagate(first);
  auto copied = copy_place(*source, (*first)->place());
  if (!copied) return propagate(copied);
  for (const CopiedPart& part : *copied) {
    note(fmt::format("{}: {} rows copied and compared", part.name(), sum_of(part.rows)));
  }
  // With the master key the copy must be of use.
  if (auto opened = open_stores((*first)->place(), data->master_key, clock); !opened) {
    return propagate(opened, "open the copy");
  }
  if (auto moved = put_in_place(**first, undo); !moved) return moved;
  const std::string name = data->place->name();
  if (auto marked = mark_source(std::move(*source), target); !marked) {
    return propagate(marked, "everything is in " + target + ", but do not serve " + name);
  }
  note(fmt::format(
      "{} is moved to {}\nhint: Start the servers there, with the same master key, which is not a "
      "part of the data. No command opens {} any more: delete it when the new place has a backup.",
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
       .text = "Stop every server first. Copies and compares every row, and marks the source as "
               "moved. A move that fails or is killed changes nothing: run it again.",
       .reading = {{"docs/OPERATIONS.md", "Move to PostgreSQL, and back"}}});
  command.target_place(command->to);
}

}  // namespace agent_secrets::control_plane

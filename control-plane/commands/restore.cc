// `restore`: makes a control plane from a backup, in a place that has none.
//
// The copy is made beside its later place and gets its names as the last step (first_catalog.h), as
// `init` and `move` do it. So a restore that is killed leaves no catalog, and can be run again.

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/restored_copy.h"
#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/first_catalog.h"
#include "control-plane/commands/groups.h"
#include "control-plane/commands/place_tables.h"
#include "control-plane/commands/scratch_directory.h"
#include "control-plane/commands/since_backup.h"
#include "control-plane/commands/unpacked_backup.h"
#include "control-plane/data.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

struct RestoreOptions {
  DataOptions data;
  std::string file;
  std::string audit_records;  // a file; "": none
};

// A region with a database of its own is not in the backup. A store that is still in that database
// stays as it is, and an empty one is made where there is none: the provisioner makes both agree
// with the catalog (provisioning/agreement.h).
Result<void> make_other_regions(StorePlace& place, const Manifest& manifest) {
  for (const std::string& code : manifest.other_regions) {
    if (!place.region_database(code)) {
      return fail(
          ErrorCode::invalid, fmt::format("region {} is in a database of its own", code),
          fmt::format("give --region-database {}=URL, or AGENT_SECRETS_REGION_DATABASES", code));
    }
    if (auto made = place.open_region(code); !made) return propagate(made, "region " + code);
  }
  return {};
}

Result<void> raise_all(StorePlace& place, const std::vector<CopiedPart>& copied,
                       const MasterKey& master_key, const Clock& clock) {
  auto catalog = open_catalog(place, master_key, clock);
  if (!catalog) return propagate(catalog, "open the copy");
  return settle_copy(place, copied,
                     [&](Transaction& tx) { raise_numbers(tx, (*catalog)->context.authority); });
}

Result<void> fill(StorePlace& place, const UnpackedBackup& backup, const MasterKey& master_key,
                  const Clock& clock) {
  const auto regions = backup.manifest.regions();
  const auto own = std::ranges::find_if(
      regions, [&](const std::string& code) { return place.region_database(code).has_value(); });
  if (own != regions.end()) {
    return fail(ErrorCode::invalid,
                fmt::format("region {} was beside the catalog when the backup was made", *own),
                "restore without its --region-database; then give it a database of its own "
                "(docs/OPERATIONS.md)");
  }
  auto tables = lock_tables(*backup.place, regions);
  if (!tables) return propagate(tables);
  auto copied = copy_place(*tables, place);
  if (!copied) return propagate(copied);
  if (auto made = make_other_regions(place, backup.manifest); !made) return made;
  // Instances and regions have seen the numbers that were given after the backup.
  if (auto raised = raise_all(place, *copied, master_key, clock); !raised) return raised;
  // With the master key the copy must be of use.
  auto opened = open_stores(place, master_key, clock);
  if (!opened) return propagate(opened, "open the copy");
  return opened->catalog->audit.add(
      host_actor(), {.action = "catalog.restore",
                     .object = "backup of " + format_timestamp(backup.manifest.time)});
}

// Before anything is written, because a file that cannot be read should stop the restore.
Result<std::string> changes_since(const RestoreOptions& options, UnixMs time) {
  if (options.audit_records.empty()) return std::string();
  return list_changes_since(options.audit_records, time);
}

Result<void> restore(const RestoreOptions& options, const Clock& clock) {
  auto target = place_of(options.data);
  if (!target) return propagate(target);
  auto master_key = load_master_key(options.data);
  if (!master_key) return propagate(master_key);
  Result<std::unique_ptr<FirstCatalog>> first;  // has the lock until everything is undone
  Undo undo;
  first = first_catalog_of(options.data, undo, limits::kMoveTime);
  if (!first) return propagate(first);
  Undo scratch_undo;
  auto scratch = make_scratch_directory(temporary_directory(), scratch_undo);
  if (!scratch) return propagate(scratch);
  auto backup = unpack_backup(options.file, *scratch, &*master_key);
  if (!backup) return propagate(backup);
  auto changes = changes_since(options, backup->manifest.time);
  if (!changes) return propagate(changes);
  (*first)->place().accept_uncoded_rows(options.data.accept_uncoded_rows);
  if (auto filled = fill((*first)->place(), *backup, *master_key, clock); !filled) {
    return propagate(filled, "restore");
  }
  if (auto moved = put_in_place(**first, undo); !moved) return moved;
  const std::string time = format_timestamp(backup->manifest.time);
  note(
      fmt::format("{} is as it was at {}; organizations: {}, sets: {}, agents: {}\n"
                  "hint: Start the servers. Then repeat what was done after that time: revoke "
                  "again the credentials, tokens and keys that were revoked, write again the sets "
                  "that were changed, and deploy again. Credentials that were issued after it "
                  "have to be issued again.",
                  (*target)->name(), time, backup->manifest.organizations, backup->manifest.sets,
                  backup->manifest.agents));
  return changes->empty() ? Result<void>() : print(*changes);
}

}  // namespace

void declare_restore(const Declarations& declare) {
  const auto command = declare.command(
      "restore", "Make a control plane from a backup, where there is none", restore,
      {.examples =
           {{"secret-control-plane restore secrets.backup --data-dir /var/lib/agent-secrets \\\n"
             "      --master-key-file /etc/agent-secrets/master.key",
             "In a data directory"},
            {"secret-control-plane restore secrets.backup \\\n"
             "      --database 'postgresql://me@db.example.com/secrets?sslrootcert=/etc/ca.pem' "
             "\\\n"
             "      --master-key-file /etc/agent-secrets/master.key",
             "In PostgreSQL, whichever database was backed up"},
            {"secret-control-plane restore secrets.backup --audit-records records.jsonl \\\n"
             "      --data-dir /var/lib/agent-secrets --master-key-file "
             "/etc/agent-secrets/master.key",
             "And list what was changed after the backup"}},
       .text = "Stop every server of the old place first. Checks the backup and the master key "
               "before it writes. A restore that fails or is killed leaves no catalog: run it "
               "again. Raises the sequences of all agents, so that instances accept what they get "
               "next.",
       .reading = {{"docs/OPERATIONS.md", "Backups"}}});
  command.argument("file", command->file, "the backup").takes("FILE");
  command.option("--audit-records", command->audit_records, "FILE",
                 "records of the old audit log, as `audit tail --json` prints them: list what was "
                 "changed after the backup, and has to be done again");
}

}  // namespace agent_secrets::control_plane

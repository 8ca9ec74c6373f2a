// `backup create` and `backup verify`: all of a control plane in one file, while servers run.
//
// Everything is copied to SQLite databases in a scratch directory (staged_backup.h), which are then
// written into an archive (backup/archive.h).

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "control-plane/backup/archive.h"
#include "control-plane/backup/manifest.h"
#include "control-plane/catalog/backups.h"
#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"
#include "control-plane/commands/scratch_directory.h"
#include "control-plane/commands/staged_backup.h"
#include "control-plane/commands/unpacked_backup.h"
#include "control-plane/database/table_copy.h"
#include "core/write_file.h"

namespace agent_secrets::control_plane {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStandardOutput = "-";

struct CreateBackupOptions {
  DataOptions data;
  std::string file;
};

struct VerifyBackupOptions {
  std::string file;
  std::string master_key_file;
  bool json = false;
};

fs::path directory_of(const std::string& file) {
  const fs::path parent = fs::path(file).parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

Result<void> refuse_target(const std::string& file) {
  if (file == kStandardOutput) {
    if (::isatty(STDOUT_FILENO) == 0) return {};
    return fail(ErrorCode::invalid, "standard output is a terminal",
                "redirect it into a file or a program, or name a file");
  }
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(file, ignored))) return {};
  return fail(ErrorCode::conflict, file + " already exists",
              "choose another name, such as one with the date");
}

// The file gets its name when it is complete and on the disk.
Result<void> write_file(const std::string& file,
                        const std::function<Result<void>(ArchiveWriter)>& write) {
  const UniqueFd folder(::open(directory_of(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) {
    return fail(ErrorCode::failed,
                fmt::format("open {}: {}", directory_of(file).string(), errno_message(errno)));
  }
  auto replacement = FileReplacement::begin(folder.get(), fs::path(file).filename().string(),
                                            {.mode = 0600, .is_synced = true});
  if (!replacement) return propagate(replacement);
  if (auto written = write(ArchiveWriter(replacement->fd(), file)); !written) return written;
  if (auto free = refuse_target(file); !free) return free;
  auto placed = replacement->put_in_place();
  if (!placed) return propagate(placed);
  return {};
}

Result<void> remember(const Data& data, const Manifest& manifest, const Clock& clock) {
  auto catalog = open_catalog(*data.place, data.master_key, clock);
  if (!catalog) return propagate(catalog);
  return record_backup((*catalog)->settings, host_actor(), manifest.time);
}

void tell(const Manifest& manifest, const std::string& file) {
  note(fmt::format(
      "{}: backup of {}; organizations: {}, sets: {}, agents: {}\n"
      "hint: Without the master key it is of no use. Keep the key elsewhere.",
      file == kStandardOutput ? "standard output" : file, format_timestamp(manifest.time),
      manifest.organizations, manifest.sets, manifest.agents));
  for (const std::string& code : manifest.other_regions) {
    note(fmt::format("region {} is in a database of its own and not in the backup", code));
  }
}

Result<void> create(const CreateBackupOptions& options, const Clock& clock) {
  // A closed pipe and a limit of the file's size are then errors of write(2).
  for (const int number : {SIGPIPE, SIGXFSZ}) (void)std::signal(number, SIG_IGN);
  if (auto free = refuse_target(options.file); !free) return free;
  auto data = find_data(options.data);
  if (!data) return propagate(data);
  Undo undo;
  const bool to_output = options.file == kStandardOutput;
  auto scratch = make_scratch_directory(
      to_output ? temporary_directory() : directory_of(options.file).string(), undo);
  if (!scratch) return propagate(scratch);
  auto manifest = stage_backup(*data, *scratch, clock);
  if (!manifest) return propagate(manifest);
  const auto write = [&](ArchiveWriter archive) {
    return write_staged(std::move(archive), *scratch, *manifest, data->master_key);
  };
  auto written = to_output ? write(ArchiveWriter(STDOUT_FILENO, "standard output"))
                           : write_file(options.file, write);
  if (!written) return propagate(written, "write the backup");
  tell(*manifest, options.file);
  if (auto known = remember(*data, *manifest, clock); !known) {
    note("warning: the catalog does not know of this backup: " + known.error().message);
  }
  return {};
}

Result<void> create_and_explain(const CreateBackupOptions& options, const Clock& clock) {
  auto done = create(options, clock);
  if (!done && done.error().code == ErrorCode::out_of_space) {
    done.error().hint =
        "free disk space where the backup is written, or set TMPDIR for a backup to standard "
        "output";
  }
  return done;
}

std::string parts_table(const Manifest& manifest) {
  std::vector<TableRow> rows{{"PART", "SCHEMA", "ROWS", "BYTES", "SHA-256"}};
  for (const BackupPart& part : manifest.parts) {
    rows.push_back({part.file, std::to_string(part.schema), std::to_string(sum_of(part.rows)),
                    std::to_string(part.bytes), part.sha256});
  }
  return format_table(rows);
}

std::string report(const Manifest& manifest, bool has_key) {
  std::string text =
      fmt::format("backup of {}, made by version {}\norganizations: {}, sets: {}, agents: {}\n\n{}",
                  format_timestamp(manifest.time), manifest.program, manifest.organizations,
                  manifest.sets, manifest.agents, parts_table(manifest));
  for (const std::string& code : manifest.other_regions) {
    text += fmt::format("region {} is in a database of its own and not in the backup\n", code);
  }
  return text + (has_key ? "\nNothing is damaged, and the master key opens it.\n"
                         : "\nNothing is damaged. Without a master key, it is not known whether "
                           "somebody has changed the backup, or which key opens it.\n");
}

bool has_master_key(const VerifyBackupOptions& options) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs yet
  return !options.master_key_file.empty() || std::getenv("AGENT_SECRETS_MASTER_KEY") != nullptr;
}

Result<void> verify_backup(const VerifyBackupOptions& options, const Clock& /*clock*/) {
  std::optional<MasterKey> master_key;
  if (has_master_key(options)) {
    auto loaded = MasterKey::load(options.master_key_file);
    if (!loaded) return propagate(loaded, "master key");
    master_key = std::move(*loaded);
  }
  Undo undo;
  auto scratch = make_scratch_directory(temporary_directory(), undo);
  if (!scratch) return propagate(scratch);
  auto backup = unpack_backup(options.file, *scratch, master_key ? &*master_key : nullptr);
  if (!backup) return propagate(backup);
  return print(options.json ? manifest_text(backup->manifest)
                            : report(backup->manifest, master_key.has_value()));
}

}  // namespace

void declare_backup(const Declarations& declare) {
  const Declarations group = declare.group(
      "backup", "Copy everything to one file, and check such a file",
      {.examples = {{"secret-control-plane backup create secrets-$(date +%F).backup", "Make one"},
                    {"secret-control-plane backup verify secrets-2026-11-29.backup",
                     "Is it whole, and does the master key open it?"}},
       .reading = {{"docs/OPERATIONS.md", "Backups"}}});

  const auto create_command = group.command(
      "create", "Write the catalog and all regions into a new file, while servers run",
      create_and_explain,
      {.examples =
           {{"secret-control-plane backup create /backups/secrets-$(date +%F).backup",
             "Into a file"},
            {"secret-control-plane backup create - | ssh backup@example.com 'cat > secrets'",
             "To another machine"}},
       .text = "Everything in the file is of one moment. Values stay encrypted; the master key is "
               "not in the file, and without it nothing can be restored. Needs as much free disk "
               "space again, in the directory of the file, or in TMPDIR for standard output.",
       .reading = {{"docs/OPERATIONS.md", "Backups"}}});
  create_command
      .argument("file", create_command->file,
                "the file, which must not exist; mode 0600. -: standard output")
      .takes("FILE");

  const auto verify_command = group.command(
      "verify", "Check a backup as a restore does, and print what is in it", verify_backup,
      {.examples = {{"secret-control-plane backup verify secrets.backup \\\n"
                     "      --master-key-file /etc/agent-secrets/master.key",
                     "Is it whole, and does this key open it?"}},
       .text = "Finds any changed byte. With a master key, also a backup that somebody has changed "
               "together with its checksums. Unpacks into TMPDIR.",
       .reading = {{"docs/OPERATIONS.md", "Backups"}}});
  verify_command.argument("file", verify_command->file, "the backup").takes("FILE");
  verify_command.master_key_file(verify_command->master_key_file,
                                 "the master key that the control plane had then");
  add_json(verify_command);
}

}  // namespace agent_secrets::control_plane

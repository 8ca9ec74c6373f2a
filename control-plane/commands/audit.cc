// `audit tail`, `audit verify`, `audit checkpoint` and `audit cut`: the audit logs of the catalog
// and of its regions (control-plane/audit).

#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "control-plane/audit/record_json.h"
#include "control-plane/audit/verify.h"
#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"
#include "core/encoding.h"
#include "core/limits.h"
#include "core/printable.h"

namespace agent_secrets::control_plane {
namespace {

struct TailOptions {
  DataOptions data;
  std::string organization;  // empty: all
  std::string region;        // empty: the catalog's log
  int count = 20;
  bool follow = false;
  bool json = false;
};

struct VerifyAuditOptions {
  DataOptions data;
  std::vector<std::string> checkpoint_files;
  std::vector<std::string> public_keys;
};

struct CheckpointOptions {
  DataOptions data;
  bool show_key = false;
};

struct CutOptions {
  DataOptions data;
  std::uint64_t keep_s = 0;
};

struct NamedLog {
  std::string name;  // as statements have it
  AuditLog log;
};

// The catalog's log, then those of the regions. A region that cannot be reached is left out, and
// open_data() has said so.
std::vector<NamedLog> all_logs(Stores& stores) {
  std::vector<NamedLog> logs;
  logs.push_back({.name = std::string(kCatalogLog), .log = stores.catalog->audit.log()});
  for (auto& [code, handle] : stores.regions) {
    AuditLog* const log = handle.store->audit_log();
    if (log != nullptr) logs.push_back({.name = region_log(code), .log = *log});
  }
  return logs;
}

Result<AuditLog> choose_log(Stores& stores, const std::string& region) {
  if (region.empty()) return stores.catalog->audit.log();
  auto handle = stores.region(region);
  if (!handle) return propagate(handle);
  AuditLog* const log = (*handle)->store->audit_log();
  if (log != nullptr) return *log;
  return fail(ErrorCode::failed, "region " + region + " has no audit log");
}

// audit tail

std::string line_of(const AuditRecord& record) {
  const AuditEntry& entry = record.entry;
  std::string line = fmt::format("{}  {} {}", format_timestamp(entry.at), entry.actor_kind,
                                 entry.actor_name.empty() ? "-" : entry.actor_name);
  if (!entry.actor_id.empty()) line += fmt::format(" ({})", entry.actor_id);
  if (!entry.address.empty()) line += fmt::format(" from {}", entry.address);
  line += fmt::format("  {}  {}", entry.action, entry.object);
  if (!entry.organization.empty()) line += fmt::format(" of {}", entry.organization);
  if (!entry.detail.empty()) line += fmt::format(": {}", entry.detail);
  if (entry.outcome != kAuditDone) line += fmt::format("  [{}]", entry.outcome);
  if (!record.is_authentic) line += "  [NOT AUTHENTIC: no server has written this record]";
  return printable(line) + "\n";
}

Result<void> print_records(const std::vector<AuditRecord>& records, const TailOptions& options) {
  std::string text;
  for (const AuditRecord& record : records) {
    if (!options.organization.empty() && record.entry.organization != options.organization) {
      continue;
    }
    text += options.json ? json_line(record_json(record)) : line_of(record);
  }
  return text.empty() ? Result<void>() : print(text);
}

// The newest records, oldest first.
Result<void> print_newest(AuditLog& log, const TailOptions& options,
                          const std::optional<AuditOrganization>& of) {
  auto records = log.list_newest(std::numeric_limits<std::int64_t>::max(), options.count, of);
  if (!records) return propagate(records);
  std::ranges::reverse(*records);
  return print_records(*records, options);
}

// Follows the chain, because a record with a lower id may become visible later. So a record appears
// about a second after its change, and only while a server runs, which chains it.
Result<void> follow(AuditLog& log, const TailOptions& options, Clock& clock) {
  auto head = log.head();
  if (!head) return propagate(head);
  std::int64_t position = std::max<std::int64_t>(head->size - options.count, 0);
  while (true) {
    auto records = log.list_chained(position);
    if (!records) return propagate(records);
    if (auto printed = print_records(*records, options); !printed) return printed;
    if (!records->empty()) position = records->back().link->position;
    if (records->empty()) clock.sleep_for(limits::kAuditChainEvery);
  }
}

Result<void> tail(const TailOptions& options, Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto log = choose_log(*stores, options.region);
  if (!log) return propagate(log);
  std::optional<AuditOrganization> of;
  if (!options.organization.empty()) {
    auto organization = choose_organization(*stores->catalog, options.organization);
    if (!organization) return propagate(organization);
    of = AuditOrganization{.id = options.region.empty() ? organization->id : 0,
                           .name = organization->name};
  }
  return options.follow ? follow(*log, options, clock) : print_newest(*log, options, of);
}

// audit verify

Result<std::vector<std::string>> read_checkpoints(const std::vector<std::string>& paths) {
  std::vector<std::string> texts;
  for (const std::string& path : paths) {
    std::ifstream file(path, std::ios::binary);
    std::string line;
    std::size_t size = 0;
    while (std::getline(file, line) && size <= limits::kAuditCheckpointFile) {
      size += line.size();
      if (!line.empty()) texts.push_back(line);
    }
    if (!file.eof() || texts.empty()) {
      return fail(ErrorCode::failed, path + ": not a file of checkpoints",
                  "a checkpoint is one line, as `audit checkpoint` prints it");
    }
  }
  return texts;
}

// "KEYID:BASE64URL", as `audit checkpoint --key` prints it.
Result<VerificationKey> parse_public_key(const std::string& text) {
  const std::size_t colon = text.find(':');
  VerificationKey key{.kid = text.substr(0, colon), .key = {}};
  const auto bytes = base64url_decode(colon == text.npos ? "" : text.substr(colon + 1));
  if (is_key_id(key.kid) && bytes && bytes->size() == key.key.size()) {
    std::ranges::copy(*bytes, key.key.begin());
    return key;
  }
  return fail(ErrorCode::invalid, "not a public key: '" + text + "'",
              "give KEYID:KEY, as `audit checkpoint --key` prints it");
}

// With public keys, those alone: whoever can write the database and has the master key could have
// another audit key there.
Result<std::vector<VerificationKey>> keys_to_trust(const VerifyAuditOptions& options,
                                                   const Catalog& catalog) {
  if (options.public_keys.empty()) return catalog.context.audit_keys.verification_keys;
  std::vector<VerificationKey> keys;
  for (const std::string& text : options.public_keys) {
    auto key = parse_public_key(text);
    if (!key) return propagate(key);
    keys.push_back(std::move(*key));
  }
  return keys;
}

void report(const std::string& name, const AuditVerification& found) {
  for (const std::string& fault : found.faults) note(fmt::format("{}: {}", name, fault));
  std::string line =
      fmt::format("{}: records {} to {}, {} checkpoint{}", name, found.first, found.head.size,
                  found.checkpoints, found.checkpoints == 1 ? "" : "s");
  if (found.before_first > 0) {
    line += fmt::format(", {} about records that were cut", found.before_first);
  }
  if (found.unchained > 0) line += fmt::format(", {} not chained yet", found.unchained);
  note(line + (found.faults.empty() ? ": whole" : ": NOT whole"));
}

Result<void> verify_log(const VerifyAuditOptions& options, const Clock& clock) {
  auto kept = read_checkpoints(options.checkpoint_files);
  if (!kept) return propagate(kept);
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto keys = keys_to_trust(options, *stores->catalog);
  if (!keys) return propagate(keys);
  const KeyLookup find_key = [&](std::string_view kid) -> std::optional<SigningPublicKey> {
    const auto found = std::ranges::find(*keys, kid, &VerificationKey::kid);
    if (found == keys->end()) return std::nullopt;
    return found->key;
  };
  bool is_whole = true;
  for (NamedLog& each : all_logs(*stores)) {
    auto found = verify_audit(each.log, each.name, find_key, *kept);
    if (!found) return propagate(found, "verify the log of " + each.name);
    report(each.name, *found);
    is_whole = is_whole && found->faults.empty();
  }
  if (is_whole) return {};
  return fail(ErrorCode::untrusted, "the audit log is not whole",
              "docs/audit.md says what each finding means, and what to do");
}

// audit checkpoint

Result<void> print_checkpoints(const CheckpointOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  if (options.show_key) {
    for (const VerificationKey& key : stores->catalog->context.audit_keys.verification_keys) {
      auto printed = print(fmt::format("{}:{}\n", key.kid, base64url_encode(key.key)));
      if (!printed) return printed;
    }
    return {};
  }
  for (NamedLog& each : all_logs(*stores)) {
    auto text = each.log.newest_checkpoint();
    if (!text) return propagate(text);
    if (!*text) {
      note(each.name + ": no checkpoint yet");
    } else if (auto printed = print(**text + "\n"); !printed) {
      return printed;
    }
  }
  return {};
}

// audit cut

AuditEntry cut_entry(const std::string& name, const AuditLog::Cut& cut, const AuditKeys& keys,
                     UnixMs now) {
  AuditEntry entry = entry_of(host_actor(), now);
  entry.action = kAuditCutAction;
  entry.object = fmt::format("records up to {}", cut.through);
  entry.detail =
      sign_statement(AuditStatementKind::cut,
                     {.log = name, .position = cut.through, .hash = cut.hash, .at = now}, keys);
  return entry;
}

Result<void> cut(const CutOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  const UnixMs now = clock.unix_time();
  const AuditKeys& keys = stores->catalog->context.audit_keys;
  for (NamedLog& each : all_logs(*stores)) {
    auto removed = each.log.cut(
        now - std::chrono::seconds(options.keep_s),
        [&](const AuditLog::Cut& found) { return cut_entry(each.name, found, keys, now); });
    if (!removed) return propagate(removed, "cut the log of " + each.name);
    note(fmt::format("{}: {} record{} removed", each.name, *removed, *removed == 1 ? "" : "s"));
  }
  return {};
}

void declare_tail(const Declarations& group) {
  const auto tail_command = group.command("tail", "Print the newest records", tail);
  tail_command.number("--count", tail_command->count, {.least = 1, .most = 10'000}, "N",
                      "how many records");
  tail_command.flag("--follow", tail_command->follow,
                    "go on and print each record about a second after its change, while a server "
                    "runs");
  tail_command.option("--organization", tail_command->organization, "NAME",
                      "only records of this organization");
  tail_command.option("--region", tail_command->region, "CODE",
                      "the log of this region, which has the bundles; without it, the catalog's "
                      "log, which has the changes");
  add_json(tail_command);
}

void declare_verify(const Declarations& group) {
  const auto verify_command =
      group.command("verify", "Check that no record was changed, removed or added", verify_log);
  verify_command.option("--checkpoint", verify_command->checkpoint_files, "FILE",
                        "a file of checkpoints that you have kept somewhere else (repeatable)");
  verify_command.option("--public-key", verify_command->public_keys, "KEYID:KEY",
                        "trust only checkpoints that this key has signed (repeatable)");
}

}  // namespace

void declare_audit(const Declarations& declare) {
  const Declarations group = declare.group(
      "audit", "Read and verify the audit log",
      {.examples = {{"secret-control-plane audit tail --organization acme", "Who changed what"},
                    {"secret-control-plane audit checkpoint >> /mnt/elsewhere/checkpoints",
                     "Keep checkpoints where the servers cannot write"},
                    {"secret-control-plane audit verify --checkpoint /mnt/elsewhere/checkpoints",
                     "Compare the log with them"},
                    {"secret-control-plane audit cut --keep 400d",
                     "Remove records that are older"}},
       .reading = {{"docs/audit.md", "What is recorded, and how to verify it"}}});
  declare_tail(group);
  declare_verify(group);
  const auto checkpoint_command = group.command(
      "checkpoint", "Print the newest signed checkpoint of each log", print_checkpoints);
  checkpoint_command.flag("--key", checkpoint_command->show_key,
                          "print the public keys that verify checkpoints instead");
  const auto cut_command =
      group.command("cut", "Remove old records, and leave a signed record of that", cut);
  constexpr std::uint64_t kDay = 86'400;
  cut_command
      .duration("--keep", cut_command->keep_s, {.least = kDay, .most = 36'500 * kDay},
                "keep the records of this time, such as 400d")
      .required();
}

}  // namespace agent_secrets::control_plane

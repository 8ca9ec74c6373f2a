#include "control-plane/catalog/sets.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "control-plane/catalog/allowed_names.h"
#include "control-plane/catalog/audit.h"
#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/context.h"
#include "control-plane/catalog/develop.h"
#include "control-plane/catalog/organizations.h"
#include "control-plane/catalog/quotas.h"
#include "control-plane/catalog/regions.h"
#include "control-plane/catalog/rules.h"
#include "control-plane/catalog/set_change.h"
#include "control-plane/catalog/values.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr const char* kSetNotFound = "Set not found";

SetStatus parse_status(std::string_view text) {
  if (text == "ready") return SetStatus::ready;
  return text == "failed" ? SetStatus::failed : SetStatus::pending;
}

SetType parse_type(std::string_view text) {
  return text == "secret" ? SetType::secret : SetType::image_pull_secret;
}

SecretSet read_set(const Row& row) {
  return {.id = row.integer("id"),
          .name = row.text("name"),
          .type = parse_type(row.text("type")),
          .region = row.text("region"),
          .status = parse_status(row.text("status")),
          .error_message = row.text("error_message"),
          .version = row.integer("version"),
          .ready_version = row.integer("ready_version"),
          .updated_at = row.time("pending_since"),
          .protected_by = row.is_null("protected_by") ? "" : row.text("protected_by"),
          .host = {},
          .keys = {},
          .writes = {},
          .warning = {}};
}

Result<void> check_same_kind(const SecretSet& set, const WriteSet& write) {
  if (set.type != write.type) {
    return fail(
        ErrorCode::invalid,
        fmt::format("{} is {}. The type of a set cannot be changed.", shown(set.name),
                    set.type == SetType::secret ? "a secret set, not an image pull secret"
                                                : "an image pull secret, not a secret set"));
  }
  if (write.region && *write.region != set.region) {
    return fail(ErrorCode::invalid,
                fmt::format("Secret set {} is in region {} and cannot be moved to region {}.",
                            shown(set.name), shown(set.region), shown(*write.region)));
  }
  return {};
}

// As in the official CLI's own parsing, the last of a repeated key wins.
std::vector<const SecretPair*> last_of_each_key(const std::vector<SecretPair>& pairs) {
  std::map<std::string_view, const SecretPair*> last;
  for (const SecretPair& pair : pairs) last[pair.key] = &pair;
  std::vector<const SecretPair*> kept;
  for (const SecretPair& pair : pairs) {
    if (last.at(pair.key) == &pair) kept.push_back(&pair);
  }
  return kept;
}

std::string warning_of(const WriteSet& write) {
  if (write.type != SetType::secret) return {};
  std::vector<std::string> keys;
  for (const SecretPair* pair : last_of_each_key(write.pairs)) keys.push_back(pair->key);
  return reserved_names_warning(write.name, keys);
}

std::string object_of(std::string_view set) { return fmt::format("set {}", set); }

// "version 3, keys A, B"
std::string detail_of(const SecretSet& set, const std::vector<const SecretPair*>& pairs) {
  std::vector<std::string_view> keys;
  keys.reserve(pairs.size());
  for (const SecretPair* pair : pairs) keys.push_back(pair->key);
  return fmt::format("version {}, keys {}", set.version, fmt::join(keys, ", "));
}

Result<void> check_not_bound(Transaction& tx, std::int64_t organization_id, std::string_view set) {
  const Rows rows = tx.query(
      "SELECT a.name FROM agents a JOIN deployments d ON d.id = a.deployment_id"
      " WHERE a.organization_id = ?1 AND a.deleted = 0"
      "   AND (d.secret_set = ?2 OR d.image_pull_secret_set = ?2) ORDER BY a.name",
      organization_id, set);
  std::vector<std::string> agents;
  for (const Row row : rows) agents.push_back(row.text("name"));
  if (agents.empty()) return {};
  return fail(ErrorCode::conflict, fmt::format("Secret set {} is in use by: {}. Deploy without it, "
                                               "or delete these agents, then delete the set.",
                                               shown(set), fmt::join(agents, ", ")));
}

SetRow read_set_row(const Row& row) {
  return {.organization_id = row.integer("organization_id"),
          .host = row.text("host"),
          .burst_since = row.time("burst_since"),
          .pending_since = row.time("pending_since"),
          .set = read_set(row)};
}

}  // namespace

SetRow accepted_set_row(const Row& row, const Authority& authority) {
  authority.require(coded_set(row), stored_code(row));
  return read_set_row(row);
}

std::optional<SetRow> find_set_row(Transaction& tx, const Authority& authority,
                                   std::int64_t organization_id, std::string_view name) {
  const Rows rows = tx.query(
      "SELECT id, organization_id, name, type, region, status, error_message, version,"
      " ready_version, host, protected_by, burst_since, pending_since, code FROM sets WHERE "
      "organization_id = ?1 AND name = ?2",
      organization_id, name);
  if (rows.empty()) return std::nullopt;
  return accepted_set_row(rows.front(), authority);
}

namespace {

Result<SetChange> insert_set(Transaction& tx, const CatalogContext& context,
                             std::int64_t organization_id, const WriteSet& write) {
  auto others = check_set_count(tx, organization_id);
  if (!others) return propagate(others);
  auto organization = organization_by_id(tx, organization_id, context.authority);
  if (!organization) return propagate(organization);
  const std::string region = write.region.value_or(organization->default_region);
  if (auto ok = check_region(tx, context, region); !ok) return propagate(ok);
  const Rows added = tx.query(
      "INSERT INTO sets (organization_id, name, type, region) VALUES (?1, ?2, ?3, ?4)"
      " RETURNING id, organization_id, name, type, region, status, error_message, version,"
      " ready_version, host, protected_by, burst_since, pending_since",
      organization_id, write.name, to_string(write.type), region);
  code_set(tx, context.authority, added.front());
  return SetChange(read_set_row(added.front()), *others);
}

// The region of an existing set needs no check: a region with sets cannot be removed.
Result<SetChange> set_to_write(Transaction& tx, const CatalogContext& context,
                               std::int64_t organization_id, const WriteSet& write) {
  std::vector<std::string_view> keys;
  keys.reserve(write.pairs.size());
  for (const SecretPair& pair : write.pairs) keys.push_back(pair.key);
  auto change = SetChange::of(tx, context.authority, organization_id, write.name, keys);
  if (!change) return insert_set(tx, context, organization_id, write);
  if (write.region && *write.region != change->row.set.region) {
    if (auto ok = check_region(tx, context, *write.region); !ok) return propagate(ok);
  }
  if (auto ok = check_same_kind(change->row.set, write); !ok) return propagate(ok);
  return std::move(*change);
}

// Makes the next version, with the changed values, the newest version, and pending.
void begin_version(Transaction& tx, const CatalogContext& context, const Actor& actor,
                   SetChange& change, bool quiet_period) {
  SetRow& row = change.row;
  const UnixMs now = context.clock.unix_time();
  change.apply(tx, now, describe(actor));
  // A burst is a series of writes, each at most the quiet period after the write before it. The
  // time ends a burst also while the set stays pending because its region is down. Otherwise the
  // next burst would be past kQuietPeriodMax from its start, and would get no quiet period.
  const bool quiet_since = now - row.pending_since > limits::kQuietPeriod;
  if (row.set.status != SetStatus::pending || quiet_since) row.burst_since = now;
  const UnixMs due =
      quiet_period ? std::min(now + limits::kQuietPeriod, row.burst_since + limits::kQuietPeriodMax)
                   : now;
  row.set.version += 1;
  row.set.status = SetStatus::pending;
  row.set.error_message.clear();
  tx.execute_later(
      "UPDATE sets SET version = ?1, status = 'pending', error_message = '', host = ?2,"
      " burst_since = ?3, pending_since = ?4, due_at = ?5, live_keys = ?6, stored_bytes = ?7"
      " WHERE id = ?8",
      row.set.version, row.host, row.burst_since, now, due, change.size.keys, change.size.bytes,
      row.set.id);
  if (row.set.type == SetType::image_pull_secret) code_set(tx, context.authority, row.set.id);
}

}  // namespace

std::string_view to_string(SetStatus status) {
  switch (status) {
    case SetStatus::pending:
      return "pending";
    case SetStatus::ready:
      return "ready";
    case SetStatus::failed:
      return "failed";
  }
  return "";
}

std::string_view to_string(SetType type) {
  return type == SetType::secret ? "secret" : "imagePullSecret";
}

Result<SecretSet> Sets::write(const Actor& actor, std::int64_t organization_id, WriteSet write) {
  if (auto ok = check_write(write); !ok) return propagate(ok);
  return context_.database->write("write set", [&](Transaction& tx) -> Result<SecretSet> {
    if (auto ok = check_reserved(tx, context_.authority, organization_id, write); !ok)
      return propagate(ok);
    auto keys = CatalogCipher::ask(tx);
    auto change = set_to_write(tx, context_, organization_id, write);
    if (!change) return propagate(change);
    const auto cipher = context_.cipher.in(tx, keys.get());
    if (!cipher) return std::unexpected(cipher.error());
    SetRow& row = change->row;
    row.set.warning = warning_of(write);
    bool changed = row.set.version == 0 || row.host != write.host;
    row.host = write.host;
    const auto pairs = last_of_each_key(write.pairs);
    for (const SecretPair* pair : pairs) changed = change->write(**cipher, *pair) || changed;
    const bool makes_version = changed || row.set.status == SetStatus::failed;
    if (makes_version) {
      if (auto ok = change->check(tx, write.pairs.back().key); !ok) return propagate(ok);
      begin_version(tx, context_, actor, *change, write.quiet_period);
    }
    record(tx, context_, actor,
           {.organization_id = organization_id,
            .action = "set.write",
            .object = object_of(write.name),
            .detail = detail_of(row.set, pairs),
            .outcome = makes_version ? kAuditDone : kAuditUnchanged});
    return row.set;
  });
}

Result<std::vector<SecretSet>> Sets::list(std::int64_t organization_id) {
  return context_.database->read(
      "list sets", [&](Transaction& tx) -> Result<std::vector<SecretSet>> {
        const Rows rows = tx.query(
            "SELECT id, name, type, region, status, error_message, version, ready_version,"
            " pending_since, protected_by FROM sets"
            " WHERE organization_id = ?1 ORDER BY name",
            organization_id);
        std::vector<SecretSet> sets;
        for (const Row row : rows) sets.push_back(read_set(row));
        return sets;
      });
}

Result<std::optional<SecretSet>> Sets::find(std::int64_t organization_id, std::string_view name) {
  return context_.database->read(
      "find set", [&](Transaction& tx) -> Result<std::optional<SecretSet>> {
        auto row = find_set_row(tx, context_.authority, organization_id, name);
        if (!row) return std::nullopt;
        row->set.host = std::move(row->host);
        for (LiveKey& live : live_keys(tx, row->set.id)) {
          row->set.keys.push_back(std::move(live.key));
          row->set.writes.push_back(std::move(live.write));
        }
        if (row->set.type == SetType::secret) {
          row->set.warning = reserved_names_warning(name, row->set.keys);
        }
        return std::move(row->set);
      });
}

Result<void> Sets::unset_key(const Actor& actor, std::int64_t organization_id, std::string_view set,
                             std::string_view key) {
  return context_.database->write("unset key", [&](Transaction& tx) -> Result<void> {
    auto change = SetChange::of(tx, context_.authority, organization_id, set, {key});
    if (!change) return fail(ErrorCode::not_found, kSetNotFound);
    if (change->row.set.type == SetType::image_pull_secret) {
      return fail(ErrorCode::invalid, "An image pull secret has no keys to delete.");
    }
    if (!change->remove(key)) return fail(ErrorCode::not_found, "Secret not found");
    begin_version(tx, context_, actor, *change, true);
    record(tx, context_, actor,
           {.organization_id = organization_id,
            .action = "set.unset-key",
            .object = object_of(set),
            .detail = fmt::format("version {}, keys {}", change->row.set.version, key)});
    return {};
  });
}

Result<void> Sets::remove(const Actor& actor, std::int64_t organization_id, std::string_view set) {
  return context_.database->write_urgently("delete set", [&](Transaction& tx) -> Result<void> {
    if (auto ok = check_not_bound(tx, organization_id, set); !ok) return ok;
    const std::int64_t deleted = tx.execute(
        "DELETE FROM sets WHERE organization_id = ?1 AND name = ?2", organization_id, set);
    if (deleted != 1) return fail(ErrorCode::not_found, kSetNotFound);
    record(tx, context_, actor,
           {.organization_id = organization_id, .action = "set.delete", .object = object_of(set)});
    return {};
  });
}

Result<void> Sets::protect(const Actor& actor, std::int64_t organization_id, std::string_view set) {
  return context_.database->write("protect set", [&](Transaction& tx) -> Result<void> {
    auto row = find_set_row(tx, context_.authority, organization_id, set);
    if (!row) return fail(ErrorCode::not_found, kSetNotFound);
    if (row->set.type == SetType::image_pull_secret) {
      return fail(ErrorCode::invalid,
                  "An image pull secret cannot be protected: no instance gets it.");
    }
    tx.execute("UPDATE sets SET protected_by = coalesce(protected_by, ?1) WHERE id = ?2",
               describe(actor), row->set.id);
    code_set(tx, context_.authority, row->set.id);
    end_keys_of_members_with(tx, row->set.id, context_.clock.unix_time());
    record(tx, context_, actor,
           {.organization_id = organization_id,
            .action = "set.protect",
            .object = object_of(set),
            .outcome = row->set.protected_by.empty() ? kAuditDone : kAuditUnchanged});
    return {};
  });
}

Result<void> Sets::unprotect(const Actor& actor, std::int64_t organization_id,
                             std::string_view set) {
  return context_.database->write("unprotect set", [&](Transaction& tx) -> Result<void> {
    auto row = find_set_row(tx, context_.authority, organization_id, set);
    if (!row) return fail(ErrorCode::not_found, kSetNotFound);
    tx.execute("UPDATE sets SET protected_by = NULL WHERE id = ?1", row->set.id);
    code_set(tx, context_.authority, row->set.id);
    record(tx, context_, actor,
           {.organization_id = organization_id,
            .action = "set.unprotect",
            .object = object_of(set),
            .outcome = row->set.protected_by.empty() ? kAuditUnchanged : kAuditDone});
    return {};
  });
}

}  // namespace agent_secrets::control_plane

#include "control-plane/catalog/sets.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "control-plane/catalog/allowed_names.h"
#include "control-plane/catalog/context.h"
#include "control-plane/catalog/develop.h"
#include "control-plane/catalog/organizations.h"
#include "control-plane/catalog/quotas.h"
#include "control-plane/catalog/regions.h"
#include "control-plane/catalog/rules.h"
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
          .protected_by = row.text("protected_by"),
          .host = {},
          .keys = {},
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

}  // namespace

std::optional<SetRow> find_set_row(Transaction& tx, std::int64_t organization_id,
                                   std::string_view name) {
  const Rows rows = tx.query(
      "SELECT id, name, type, region, status, error_message, version, ready_version, host,"
      " coalesce(protected_by, '') AS protected_by, burst_since, pending_since FROM sets WHERE "
      "organization_id = ?1 AND name = ?2",
      organization_id, name);
  if (rows.empty()) return std::nullopt;
  const Row row = rows.front();
  return SetRow{.organization_id = organization_id,
                .host = row.text("host"),
                .burst_since = row.time("burst_since"),
                .pending_since = row.time("pending_since"),
                .set = read_set(row)};
}

namespace {

Result<SetRow> insert_set(Transaction& tx, const CatalogContext& context,
                          std::int64_t organization_id, const WriteSet& write) {
  if (auto room = check_set_count(tx, organization_id); !room) return propagate(room);
  auto organization = organization_by_id(tx, organization_id);
  if (!organization) return propagate(organization);
  const std::string region = write.region.value_or(organization->default_region);
  if (auto ok = check_region(tx, context, region); !ok) return propagate(ok);
  tx.execute("INSERT INTO sets (organization_id, name, type, region) VALUES (?1, ?2, ?3, ?4)",
             organization_id, write.name, to_string(write.type), region);
  return std::move(*find_set_row(tx, organization_id, write.name));
}

Result<SetRow> set_to_write(Transaction& tx, const CatalogContext& context,
                            std::int64_t organization_id, const WriteSet& write) {
  if (write.region) {
    if (auto ok = check_region(tx, context, *write.region); !ok) return propagate(ok);
  }
  auto row = find_set_row(tx, organization_id, write.name);
  if (!row) return insert_set(tx, context, organization_id, write);
  if (auto ok = check_same_kind(row->set, write); !ok) return propagate(ok);
  return std::move(*row);
}

// Makes the next version, whose values are written already, the newest version, and pending.
void begin_version(Transaction& tx, UnixMs now, SetRow& row, bool quiet_period) {
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
      " burst_since = ?3, pending_since = ?4, due_at = ?5 WHERE id = ?6",
      row.set.version, row.host, row.burst_since, now, due, row.set.id);
  drop_skipped_values(tx, row.set);
  measure_set(tx, row.set.id);
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

Result<SecretSet> Sets::write(std::int64_t organization_id, WriteSet write) {
  if (auto ok = check_write(write); !ok) return propagate(ok);
  return context_.database->write("write set", [&](Transaction& tx) -> Result<SecretSet> {
    if (auto ok = check_reserved(tx, organization_id, write); !ok) return propagate(ok);
    auto before = ask_size_of_sets(tx, organization_id);
    const auto pairs = last_of_each_key(write.pairs);
    std::vector<Transaction::LaterRows> live;
    live.reserve(pairs.size());
    for (const SecretPair* pair : pairs) {
      live.push_back(ask_live_value(tx, organization_id, write.name, pair->key));
    }
    auto row = set_to_write(tx, context_, organization_id, write);
    if (!row) return propagate(row);
    row->set.warning = warning_of(write);
    bool changed = row->set.version == 0 || row->host != write.host;
    row->host = write.host;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      changed = write_value(tx, context_.cipher, *row, *pairs[i], live[i].get()) || changed;
    }
    if (!changed && row->set.status != SetStatus::failed) return row->set;
    auto size = ask_set_size(tx, row->set.id);
    begin_version(tx, context_.clock.unix_time(), *row, write.quiet_period);
    auto now = ask_size_of_sets(tx, organization_id);
    if (auto ok = check_set_size(size.get(), *row, write.pairs.back().key); !ok) {
      return propagate(ok);
    }
    if (auto ok = check_size_of_sets(before.get(), now.get()); !ok) return propagate(ok);
    return row->set;
  });
}

Result<std::vector<SecretSet>> Sets::list(std::int64_t organization_id) {
  return context_.database->read(
      "list sets", [&](Transaction& tx) -> Result<std::vector<SecretSet>> {
        const Rows rows = tx.query(
            "SELECT id, name, type, region, status, error_message, version, ready_version,"
            " coalesce(protected_by, '') AS protected_by FROM sets"
            " WHERE organization_id = ?1 ORDER BY name",
            organization_id);
        std::vector<SecretSet> sets;
        for (const Row row : rows) sets.push_back(read_set(row));
        return sets;
      });
}

Result<std::optional<SecretSet>> Sets::find(std::int64_t organization_id, std::string_view name) {
  return context_.database->read("find set",
                                 [&](Transaction& tx) -> Result<std::optional<SecretSet>> {
                                   auto row = find_set_row(tx, organization_id, name);
                                   if (!row) return std::nullopt;
                                   row->set.host = std::move(row->host);
                                   row->set.keys = live_keys(tx, row->set.id);
                                   if (row->set.type == SetType::secret) {
                                     row->set.warning = reserved_names_warning(name, row->set.keys);
                                   }
                                   return std::move(row->set);
                                 });
}

Result<void> Sets::unset_key(std::int64_t organization_id, std::string_view set,
                             std::string_view key) {
  return context_.database->write("unset key", [&](Transaction& tx) -> Result<void> {
    auto row = find_set_row(tx, organization_id, set);
    if (!row) return fail(ErrorCode::not_found, kSetNotFound);
    if (row->set.type == SetType::image_pull_secret) {
      return fail(ErrorCode::invalid, "An image pull secret has no keys to delete.");
    }
    if (!remove_value(tx, *row, key)) return fail(ErrorCode::not_found, "Secret not found");
    begin_version(tx, context_.clock.unix_time(), *row, true);
    return {};
  });
}

Result<void> Sets::remove(std::int64_t organization_id, std::string_view set) {
  return context_.database->write_urgently("delete set", [&](Transaction& tx) -> Result<void> {
    if (auto ok = check_not_bound(tx, organization_id, set); !ok) return ok;
    const std::int64_t deleted = tx.execute(
        "DELETE FROM sets WHERE organization_id = ?1 AND name = ?2", organization_id, set);
    if (deleted == 1) return {};
    return fail(ErrorCode::not_found, kSetNotFound);
  });
}

Result<void> Sets::protect(const Actor& actor, std::int64_t organization_id, std::string_view set) {
  return context_.database->write("protect set", [&](Transaction& tx) -> Result<void> {
    auto row = find_set_row(tx, organization_id, set);
    if (!row) return fail(ErrorCode::not_found, kSetNotFound);
    if (row->set.type == SetType::image_pull_secret) {
      return fail(ErrorCode::invalid,
                  "An image pull secret cannot be protected: no instance gets it.");
    }
    tx.execute("UPDATE sets SET protected_by = coalesce(protected_by, ?1) WHERE id = ?2",
               describe(actor), row->set.id);
    end_keys_of_members_with(tx, row->set.id, context_.clock.unix_time());
    return {};
  });
}

Result<void> Sets::unprotect(std::int64_t organization_id, std::string_view set) {
  return context_.database->write("unprotect set", [&](Transaction& tx) -> Result<void> {
    const std::int64_t found =
        tx.execute("UPDATE sets SET protected_by = NULL WHERE organization_id = ?1 AND name = ?2",
                   organization_id, set);
    if (found == 1) return {};
    return fail(ErrorCode::not_found, kSetNotFound);
  });
}

}  // namespace agent_secrets::control_plane

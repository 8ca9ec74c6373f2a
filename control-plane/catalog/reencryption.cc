#include "control-plane/catalog/reencryption.h"

#include <utility>

#include "control-plane/catalog/context.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

Result<void> reencrypt(Transaction& tx, const ValueCipher& cipher, const Row& row) {
  const std::string key = row.text("key");
  const ValueContext context{.organization_id = row.integer("organization_id"),
                             .set_id = row.integer("set_id"),
                             .key = key,
                             .written_by = row.integer("written_by")};
  auto value = cipher.open(context, {.key_id = row.text("key_id"), .box = row.blob("box")});
  if (!value) return propagate(value, "set " + row.text("name"));
  const SealedValue sealed = cipher.seal(context, *value);
  tx.execute_later(
      "UPDATE set_values SET key_id = ?4, box = ?5"
      " WHERE set_id = ?1 AND key = ?2 AND written_by = ?3",
      context.set_id, key, context.written_by, sealed.key_id, sealed.box);
  return {};
}

}  // namespace

Result<std::int64_t> reencrypt_some(CatalogContext& context, std::string_view old_key) {
  return context.database->write(
      "encrypt values anew", [&](Transaction& tx) -> Result<std::int64_t> {
        auto cipher = context.cipher.in(tx);
        if (!cipher) return propagate(cipher);
        const Rows rows = tx.query(
            "SELECT s.organization_id, s.name, v.set_id, v.key, v.written_by, v.key_id, v.box"
            " FROM set_values v JOIN sets s ON s.id = v.set_id WHERE v.key_id = ?1 LIMIT ?2",
            old_key, limits::kReencryptedValues);
        for (const Row row : rows) {
          if (auto done = reencrypt(tx, **cipher, row); !done) return propagate(done);
        }
        return static_cast<std::int64_t>(rows.size());
      });
}

std::int64_t count_values_under_key(Transaction& tx, std::string_view key) {
  return tx.query("SELECT count(*) AS total FROM set_values WHERE key_id = ?1", key)
      .front()
      .integer("total");
}

}  // namespace agent_secrets::control_plane

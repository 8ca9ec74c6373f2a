#include "control-plane/keys/catalog_cipher.h"

#include <utility>

#include "control-plane/keys/key_store.h"

namespace agent_secrets::control_plane {

Transaction::LaterRows CatalogCipher::ask(Transaction& tx) {
  return tx.query_later("SELECT id, state FROM keys WHERE purpose = ?1 ORDER BY id",
                        kCatalogPurpose);
}

Result<CatalogCipher::Current> CatalogCipher::in(Transaction& tx) const {
  auto answer = ask(tx);
  return in(tx, answer.get());
}

Result<CatalogCipher::Current> CatalogCipher::in(Transaction& tx, const Rows& answer) const {
  std::vector<std::string> keys;
  for (const Row row : answer) keys.push_back(row.text("state") + " " + row.text("id"));
  {
    const std::scoped_lock lock(mutex_);
    if (cipher_ != nullptr && keys == known_) return cipher_;
  }
  auto cipher = read_cipher(tx, master_key_, kCatalogPurpose);
  if (!cipher) return propagate(cipher);
  auto read = std::make_shared<const ValueCipher>(std::move(*cipher));
  const std::scoped_lock lock(mutex_);
  known_ = std::move(keys);
  cipher_ = read;
  return read;
}

}  // namespace agent_secrets::control_plane

#include "control-plane/catalog/coded_rows.h"

#include <algorithm>
#include <iterator>

#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/context.h"
#include "control-plane/keys/stored_keys.h"

namespace agent_secrets::control_plane {

Result<std::vector<RefusedRow>> CodedRows::list_refused() {
  return context_.database->read(
      "check rows", [&](Transaction& tx) -> Result<std::vector<RefusedRow>> {
        auto refused = find_refused_rows(tx, context_.authority);
        std::ranges::move(find_refused_keys(tx, context_.master_key), std::back_inserter(refused));
        return refused;
      });
}

Result<void> CodedRows::adopt() {
  return context_.database->write("adopt rows", [&](Transaction& tx) -> Result<void> {
    code_all_rows(tx, context_.authority);
    code_all_keys(tx, context_.master_key);
    return {};
  });
}

Result<bool> are_codes_missing(Database& catalog) {
  return catalog.read("look for codes", [](Transaction& tx) -> Result<bool> {
    return tx
        .query(
            "SELECT EXISTS (SELECT 1 FROM organizations)"
            " AND NOT EXISTS (SELECT 1 FROM organizations WHERE code IS NOT NULL) AS are_missing")
        .front()
        .boolean("are_missing");
  });
}

}  // namespace agent_secrets::control_plane

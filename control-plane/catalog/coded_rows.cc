#include "control-plane/catalog/coded_rows.h"

#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/context.h"

namespace agent_secrets::control_plane {

Result<std::vector<RefusedRow>> CodedRows::list_refused() {
  return context_.database->read("check rows",
                                 [&](Transaction& tx) -> Result<std::vector<RefusedRow>> {
                                   return find_refused_rows(tx, context_.authority);
                                 });
}

Result<void> CodedRows::adopt() {
  return context_.database->write("adopt rows", [&](Transaction& tx) -> Result<void> {
    code_all_rows(tx, context_.authority);
    return {};
  });
}

Result<bool> CodedRows::are_missing() {
  return context_.database->read("look for codes", [](Transaction& tx) -> Result<bool> {
    return tx
        .query(
            "SELECT EXISTS (SELECT 1 FROM organizations)"
            " AND NOT EXISTS (SELECT 1 FROM organizations WHERE code IS NOT NULL) AS are_missing")
        .front()
        .boolean("are_missing");
  });
}

}  // namespace agent_secrets::control_plane

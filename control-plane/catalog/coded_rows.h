#pragma once
// All rows of the catalog that have an authority code (catalog/coded_tables.h, and the keys of
// keys/stored_keys.h), for the commands `authority check` and `authority adopt`.

#include <cstdint>
#include <vector>

#include "control-plane/keys/refused_rows.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class Database;
struct CatalogContext;

class CodedRows {
 public:
  explicit CodedRows(CatalogContext& context) : context_(context) {}

  // The rows that give a right, and whose code does not hold; also while they are accepted.
  Result<std::vector<RefusedRow>> list_refused();
  // Gives every row the code of what is in it now: an operator has said that it is right.
  Result<void> adopt();

 private:
  CatalogContext& context_;
};

// The catalog has organizations, and none of them has a code: an earlier version wrote it, or
// an attacker has removed the codes. For a catalog that is not opened yet.
Result<bool> are_codes_missing(Database& catalog);

}  // namespace agent_secrets::control_plane

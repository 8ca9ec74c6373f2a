#pragma once
// Copies all tables of one database to another one, row by row and with all ids, and compares the
// two afterwards. The databases have the same tables and columns, which their migrations made; one
// may be SQLite and the other PostgreSQL (database/tables.h).
//
// Ids must stay: they are in the associated data of encrypted values, and an id that was given once
// must never be given to another row.
//
// Threads: one at a time.

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "control-plane/database/tables.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

using RowCounts = std::map<std::string, std::int64_t>;  // by table
std::int64_t sum_of(const RowCounts& counts);

// Replaces the rows of each table in `to`, but of those in `left_out`, and commits.
Result<RowCounts> copy_tables(Tables& from, Tables& to, const std::set<std::string>& left_out);
// Of every table. Reads all rows.
Result<RowCounts> count_rows(Tables& tables, const std::set<std::string>& left_out);

// Reads both, and fails at the first table that is not equal, or whose next id could be one that
// was given before. The order of rows does not count, except where a column has it.
Result<void> compare_tables(Tables& from, Tables& to, const std::set<std::string>& left_out);

}  // namespace agent_secrets::control_plane

#pragma once
// Copies all tables of one database to another, row by row and with all ids, and then compares the
// two databases. Both have the same tables and columns, which their migrations made. One may be
// SQLite and the other PostgreSQL (database/tables.h).
//
// Ids must stay the same, because they are in the associated data of encrypted values. An id must
// never be used for a second row, even after the first row was deleted.
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

// Replaces the rows of each table in `to`, except the tables in `left_out`, and commits. Returns
// the number of copied rows.
Result<RowCounts> copy_tables(Tables& from, Tables& to, const std::set<std::string>& left_out);
// Counts the rows of every table, except the tables in `left_out`. Reads all rows.
Result<RowCounts> count_rows(Tables& tables, const std::set<std::string>& left_out);

// Reads both databases. Fails at the first table whose rows differ, or that could use an id a
// second time. The order of rows is compared only in tables with a column for it (kRowNumber).
Result<void> compare_tables(Tables& from, Tables& to, const std::set<std::string>& left_out);

}  // namespace agent_secrets::control_plane

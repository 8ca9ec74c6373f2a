#pragma once
// What an error of SQLite means to the control plane: the one place that looks at SQLite's codes.
//
//   full disk (SQLITE_FULL, or SQLITE_IOERR and SQLITE_CANTOPEN for want of room)
//                                  ErrorCode::out_of_space
//   anything else                  ErrorCode::failed, with a hint where one helps: a file that this
//                                  user may not write, another process that holds the database
//                                  (SQLITE_BUSY), a damaged file
//
// A violated constraint has no code of its own: statements that may meet one say ON CONFLICT and
// look at the number of rows, so the error means a bug. Source: sqlite.org/rescode.html.

#include "core/error.h"

struct sqlite3;

namespace SQLite {
class Exception;
}  // namespace SQLite

namespace agent_secrets::control_plane {

// SQLite's messages name tables and columns, never bound values. `connection` says which errno was
// behind an error of input or output; null where there is no connection.
Error sqlite_error(const SQLite::Exception& exception, sqlite3* connection);

// What helps against a full disk.
inline constexpr const char* kFullDiskHint = "free space on the disk of the data directory";
// What helps where a file cannot be made or opened.
inline constexpr const char* kFileAccessHint =
    "check that this user may write the data directory and its files";

}  // namespace agent_secrets::control_plane

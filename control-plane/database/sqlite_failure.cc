#include "control-plane/database/sqlite_failure.h"

#include <cerrno>

#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

namespace agent_secrets::control_plane {
namespace {

// Also past a quota of the file system, and where a -shm file finds no room.
bool is_lack_of_room(const SQLite::Exception& exception, sqlite3* connection) {
  if (exception.getErrorCode() == SQLITE_FULL) return true;
  if (exception.getExtendedErrorCode() == SQLITE_IOERR_SHMSIZE) return true;
  if (exception.getErrorCode() != SQLITE_IOERR && exception.getErrorCode() != SQLITE_CANTOPEN) {
    return false;
  }
  const int error = connection == nullptr ? 0 : sqlite3_system_errno(connection);
  return error == ENOSPC || error == EDQUOT;
}

const char* hint_for(int sqlite_code) {
  switch (sqlite_code) {
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return kFileAccessHint;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another process holds the database; try again";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "restore the data directory from a backup";
    default:
      return "";
  }
}

}  // namespace

Error sqlite_error(const SQLite::Exception& exception, sqlite3* connection) {
  if (is_lack_of_room(exception, connection)) {
    return {.code = ErrorCode::out_of_space, .message = exception.what(), .hint = kFullDiskHint};
  }
  return {.code = ErrorCode::failed,
          .message = exception.what(),
          .hint = hint_for(exception.getErrorCode())};
}

}  // namespace agent_secrets::control_plane

#pragma once
// What all commands of secret-control-plane share. The options of one command are in its file in
// commands/.

#include <string>
#include <vector>

namespace agent_secrets::control_plane {

// Exit codes, as --help documents them.
enum ExitCode {
  kExitOk = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitSetFailed = 3,     // set wait
  kExitWaitTimedOut = 4,  // set wait
  kExitWarnings = 5,      // doctor
};

// Where the data is: a data directory, or a PostgreSQL database. Exactly one of the two is
// not empty.
//
// `serve --only-region` uses only the store of one region: in a data directory, or in the database
// that `region_databases` names for the region. It uses no catalog and no master key.
struct DataOptions {
  std::string data_directory;
  std::string database;                     // a URL (database/postgres_options.h)
  bool database_is_of_environment = false;  // and not of the command line
  bool allow_plain_database = false;
  // One of the three: a command, AGENT_SECRETS_MASTER_KEY, a file (keys/master_key.h).
  std::string master_key_file;
  std::string master_key_command;
  // After a rotation of the master key: the old one. At most one of the two.
  std::string previous_master_key_file;
  std::string previous_master_key_command;

  std::vector<std::string> region_databases;  // CODE=URL each (region_databases.h)
  bool region_databases_are_of_environment = false;

  // Only while an upgrade from a version without authority codes is under way (keys/authority.h).
  bool accept_uncoded_rows = false;

  std::string only_region;       // the region's code; empty unless this is a region node
  std::string region_keys_file;  // empty: AGENT_SECRETS_REGION_KEYS
};

}  // namespace agent_secrets::control_plane

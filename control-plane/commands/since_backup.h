#pragma once
// What was done after a backup, for an operator who has restored it and has to do it again. It is
// read from records of the old control plane's audit log, one JSON object a line, as
// `audit tail --json` prints them and a log collector keeps them.

#include <string>

#include "control-plane/model/time.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// The changes since `time`, as text for an operator: first what has to be revoked again. Each
// change of an object is one line, with the detail of its newest record. Refused requests, and
// repetitions that changed nothing, are left out. So are records that are not authentic; the last
// line has their number. An error names the line of the file that is not a record.
Result<std::string> list_changes_since(const std::string& file, UnixMs time);

}  // namespace agent_secrets::control_plane

#pragma once
// The instance id: the name of this run in the fleet view. A bot has its host's name, so the next
// start on the host replaces the record of this start. Runs beside the bot have ids of their own,
// so they do not replace the bot's record.

#include <string>
#include <string_view>

namespace agent_secrets {

// $HOSTNAME, which container runtimes set; without it (bash does not export its own variable), the
// name of gethostname(2). "" for a name that does not distinguish hosts, such as "localhost".
std::string host_name(char** environment);

// The host's name if it is a valid instance id (docs/protocol.md), otherwise a random id.
std::string choose_instance_id(std::string_view host_name);

// The id of a run beside the instance of that name: different at each start, and beginning with
// the name of the instance ("host.run-x7Kq"). `kind` is a short word.
std::string choose_id_beside(std::string_view host_name, std::string_view kind);

// The id of a developer's runs on that host, the same for all of them: "host.develop".
std::string choose_developers_id(std::string_view host_name);

}  // namespace agent_secrets

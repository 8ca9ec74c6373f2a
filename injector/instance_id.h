#pragma once
// The instance id: what this run is called in the fleet view. The host's name, so that the next
// start in the same place takes the record of this one over; runs beside the bot have ids of their
// own, so that none of them ends the bot's record.

#include <string>
#include <string_view>

namespace agent_secrets {

// $HOSTNAME, which container runtimes set; where it is absent (bash does not export its own), the
// name of gethostname(2). "" where there is none that tells hosts apart, as with "localhost".
std::string host_name(char** environment);

// The host's name where it is fit to be an instance id (docs/protocol.md), otherwise a random one.
std::string choose_instance_id(std::string_view host_name);

// The id of a run beside the instance of that name: its own at each start, and recognizable
// ("host.run-x7Kq"). `kind` is a short word.
std::string choose_id_beside(std::string_view host_name, std::string_view kind);

// The id of a developer's runs on that host, the same for all of them: "host.develop".
std::string choose_developers_id(std::string_view host_name);

}  // namespace agent_secrets

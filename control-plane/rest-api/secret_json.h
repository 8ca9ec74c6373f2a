#pragma once
// The body of `PUT secrets/{set}`, in its three forms: one key from the CLI, an
// array from REST, an image pull secret from both. It carries values, so the parser's tree and
// scratch space are ours to wipe (Boost.JSON's memory_resource), and every value ends in a
// SecretBuffer. Names, keys and values are checked by the catalog, for all callers.

#include <string>
#include <string_view>

#include "control-plane/catalog/catalog.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// ErrorCode::invalid with the text for the client, which never quotes the body.
Result<WriteSet> parse_write_set(std::string_view set_name, std::string_view body);

}  // namespace agent_secrets::control_plane

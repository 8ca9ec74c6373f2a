#pragma once
// Parses the body of `PUT secrets/{set}`, in its three forms: one key from the CLI, an array from
// REST, an image pull secret from both. It has values, so the parser's tree and scratch space are
// wiped (Boost.JSON's memory_resource), and every value is moved into a SecretBuffer. The catalog
// checks names, keys and values, for all callers.

#include <string>
#include <string_view>

#include "control-plane/catalog/catalog.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// ErrorCode::invalid with the text for the client, which never quotes the body.
Result<WriteSet> parse_write_set(std::string_view set_name, std::string_view body);

}  // namespace agent_secrets::control_plane

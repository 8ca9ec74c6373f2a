#pragma once
// `--expand`: ${NAME} and ${NAME:-default} in the values of an env file, as python-dotenv resolves
// them. A default is taken where the name is unknown, not where its value is empty. There is no
// nesting, no $NAME without braces, and no way to write a literal ${NAME}.
//
// Limits: a value that becomes longer than limits::kEnvironmentString is an error, so a file of a
// few lines that double each other cannot take all memory.

#include <functional>
#include <optional>
#include <string_view>

#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets {

// Absent for an unknown name; "" for a known name without a value.
using VariableLookup = std::function<std::optional<std::string_view>(std::string_view name)>;

bool has_variables(std::string_view value);

// ErrorCode::too_large.
Result<SecretBuffer> expand_variables(std::string_view value, const VariableLookup& lookup);

}  // namespace agent_secrets

// expected: could not convert .*SecretBuffer.* to .*string_view|no viable conversion .*SecretBuffer.* to .*string_view
#include <string_view>

#include "core/secret_buffer.h"

std::string_view forbidden(const agent_secrets::SecretBuffer& secret) { return secret; }

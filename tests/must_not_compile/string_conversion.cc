// expected: could not convert .*SecretBuffer.* to .*string|no viable conversion .*SecretBuffer.* to .*string
#include <string>

#include "core/secret_buffer.h"

std::string forbidden(const agent_secrets::SecretBuffer& secret) { return secret; }

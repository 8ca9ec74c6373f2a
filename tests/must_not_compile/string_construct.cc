// expected: no matching function for call to .*basic_string.*SecretBuffer|no matching conversion .*SecretBuffer.* to .*string
#include <string>

#include "core/secret_buffer.h"

std::string forbidden(const agent_secrets::SecretBuffer& secret) { return std::string(secret); }

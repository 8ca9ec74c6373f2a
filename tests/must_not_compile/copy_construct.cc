// expected: use of deleted function .*SecretBuffer\(const .*SecretBuffer&\)|call to deleted constructor of .*SecretBuffer

#include "core/secret_buffer.h"

agent_secrets::SecretBuffer forbidden(const agent_secrets::SecretBuffer& secret) { return secret; }
